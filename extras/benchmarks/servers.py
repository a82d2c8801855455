"""Servers under load, up at once on one core, and what each of them costs."""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from extras.benchmarks.load import Window, request, window
from extras.benchmarks.scratch import free_port
from serving.request import example

ROUNDS = 7
SECONDS = 1.5  # of a window
BATCH = 100  # rows of a batch
ONE, MANY = "one row, {} connections", f"{BATCH} rows, {{}} connections"
CASES = {ONE.format(16): (False, 16), ONE.format(64): (False, 64), MANY.format(16): (True, 16)}  # batches? connections
SLOW = ("tutorial", "mlflow")  # measured in the first case only


@dataclass
class Server:
    """One of the servers under load."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    single: bytes | Iterator[bytes]
    batch: bytes | Iterator[bytes]
    windows: dict[str, list[Window]] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)  # idle, and after the load


def example_requests() -> tuple[bytes, bytes]:
    """The contract's example as one row and as a batch."""
    single, batch = json.dumps(example()).encode(), json.dumps({"flights": [example()] * BATCH}).encode()
    return request("/predict", single), request("/predict/batch", batch)


def measure(
    servers: list[Server],
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    before: Callable[[Server], None] = lambda _: None,
) -> None:
    """Alternate short windows between all servers; the first round only warms them up.

    Before each window `before` is called, which may change what the server is asked.
    """
    for number in range(rounds + 1):
        for server in servers if number % 2 else servers[::-1]:  # the first after a large batch waits for the disk
            for case in CASES if server.name not in SLOW else list(CASES)[:1]:
                batch, connections = CASES[case]
                before(server)
                asked = server.batch if batch else server.single
                computed = cpu_seconds(server.process.pid)
                seen = window(server.port, asked, connections, seconds if number else 0.3)
                seen.cpu = cpu_seconds(server.process.pid) - computed
                if number:
                    server.windows.setdefault(case, []).append(seen)
        print(f"round {number} of {rounds}", file=sys.stderr)


def ratio(ours: Server, server: Server, case: str) -> float:
    """How many answers of ours come to one of another server's, the median of the rounds."""
    return statistics.median(ratios(ours, server, case))


def ratios(ours: Server, server: Server, case: str) -> list[float]:
    """How many answers of ours come to one of another server's in each round."""
    return [mine.rate / theirs.rate for mine, theirs in zip(ours.windows[case], server.windows[case], strict=True)]


def started(
    name: str,
    arguments: list[str],
    core: int,
    asked: tuple[bytes, bytes],
    code: Path | None = None,
    **variables: str,
) -> Server:
    """Start one server on a free port and a given core, with the code of another folder if one is given."""
    port = free_port()
    command = [sys.executable, *(str(port) if argument == "PORT" else argument for argument in arguments)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where mlflow looks for uvicorn
    quiet = {"OMP_NUM_THREADS": "1", "LOG_LEVEL": "ERROR", "DO_NOT_TRACK": "true"}
    environment = os.environ | {"PORT": str(port), "PATH": path} | quiet | variables
    if code:
        environment["PYTHONPATH"] = f"{code / 'src'}{os.pathsep}{code}"
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment, stderr=nowhere, stdout=nowhere, start_new_session=True, cwd=code
    )
    os.sched_setaffinity(process.pid, {core})
    return Server(name, port, process, *asked)


def stop(server: Server) -> None:
    """End a server with the processes that it started."""
    os.killpg(server.process.pid, signal.SIGTERM)
    server.process.wait(30)


def wait(server: Server) -> None:
    """Wait until a server answers; only ours has a page that says so."""
    others = {"mlflow": "/ping", **dict.fromkeys(("constant", "constant by key", "tutorial"), "/openapi.json")}
    path = others.get(server.name, "/health/ready")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.005)
    raise SystemExit(f"{server.name} did not start")


def memory(pid: int) -> tuple[float, float]:
    """Memory of a server and what it started, in MB, and without the pages of files, which the kernel can take back."""
    pages = [[int(size) for size in statm.split()[1:3]] for _, statm in session(pid)]
    megabytes = os.sysconf("SC_PAGE_SIZE") / 1e6
    return megabytes * sum(whole for whole, _ in pages), megabytes * sum(whole - files for whole, files in pages)


def cpu_seconds(pid: int) -> float:
    """What a server and what it started have computed so far."""
    return sum(int(stat[11]) + int(stat[12]) for stat, _ in session(pid)) / os.sysconf("SC_CLK_TCK")


def session(leader: int) -> Iterator[tuple[list[str], str]]:
    """What Linux says of every process that a server started: `stat` from the state on, and `statm` (see `proc(5)`)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            if stat[3] == str(leader):
                yield stat, (folder / "statm").read_text()
