"""How fast the service is, next to what limits it and what people use: `make bench-serve`.

All servers are up at once on one core, and the load is on the other. Short windows alternate between the servers, and a
ratio is the median of the rounds' ratios.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from extras.benchmarks.load import Window, request, window
from extras.benchmarks.scratch import free_port, scratch_settings
from flights import registry
from flights.config import NAME, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME
from flights.log_url import file_url
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
    single: bytes
    batch: bytes
    windows: dict[str, list[Window]] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)  # idle, and after the load


def main() -> None:
    """Measure and print."""
    settings = Settings()
    servers_core, load_core = sorted(os.sched_getaffinity(0))[:2]
    with scratch_settings(settings.models_dir) as own:
        start = seconds_to_ready(servers_core, own)
    with running(settings, servers_core) as servers:
        os.sched_setaffinity(0, {load_core})
        for server in servers:
            server.memory.append(memory(server.process.pid))
        measure(servers)
        for server in servers:
            server.memory.append(memory(server.process.pid))
        report(servers, start)


def measure(servers: list[Server], rounds: int = ROUNDS) -> None:
    """Alternate short windows between all servers; the first round only warms them up."""
    for number in range(rounds + 1):
        for server in servers:
            for case in CASES if server.name not in SLOW else list(CASES)[:1]:
                batch, connections = CASES[case]
                asked = server.batch if batch else server.single
                before = cpu_seconds(server.process.pid)
                seen = window(server.port, asked, connections, SECONDS if number else 0.3)
                seen.cpu = cpu_seconds(server.process.pid) - before
                if number:
                    server.windows.setdefault(case, []).append(seen)
        print(f"round {number} of {rounds}", file=sys.stderr)


def report(servers: list[Server], start: float) -> None:
    """Print rates, latencies and ratios."""
    print("| case | server | answers/s | p50 ms | p99 ms | p99/p50 | CPU us | failures | ours / this one |")
    print("|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        for server in servers:
            if case in server.windows:
                print(f"| {case} | {server.name} | " + " | ".join(figures(servers[0], server, case)) + " |")
    print(f"\nfirst ready answer after {start:.2f} s")
    for server in servers:
        (idle, own), (loaded, own_loaded) = server.memory
        print(f"{server.name}: {idle:.0f} MB idle, {loaded:.0f} after the load; {own:.0f} and {own_loaded:.0f} its own")


def figures(ours: Server, server: Server, case: str) -> list[str]:
    """Medians over the windows of one case."""
    seen = server.windows[case]
    rates = [one.rate for one in seen]
    p50, p99 = [one.quantile(0.5) for one in seen], [one.quantile(0.99) for one in seen]
    spread = [high / low for high, low in zip(p99, p50, strict=True)]
    failures = sum(one.failures for one in seen)
    median = statistics.median
    return [
        f"{median(rates):,.0f}",
        f"{median(p50):.1f}",
        f"{median(p99):.1f}",
        f"{median(spread):.1f}",
        f"{median([1e6 * one.cpu / max(len(one.latencies), 1) for one in seen]):.0f}",
        str(failures),
        f"{ratio(ours, server, case):.2f}",
    ]


def ratio(ours: Server, server: Server, case: str) -> float:
    """How many answers of ours come to one of another server's."""
    pairs = zip(ours.windows[case], server.windows[case], strict=True)
    return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)


@contextmanager
def running(settings: Settings, core: int, *, mlflow: bool = True) -> Iterator[list[Server]]:
    """Every server that can be started, all on one core, with a data folder of its own; MLflow's takes its time."""
    single, batch = json.dumps(example()).encode(), json.dumps({"flights": [example()] * BATCH}).encode()
    asked = request("/predict", single), request("/predict/batch", batch)
    with scratch_settings(settings.models_dir) as own:
        servers = [
            started("ml-loop", ["-m", "serving.app"], core, asked, **own),
            started("constant", ["-m", "extras.benchmarks.rivals", "PORT", "constant"], core, asked),
        ]
        version = registry.champion(settings.models_dir)
        folder = registry.model_folder(settings.models_dir, version or 0)
        record = next((file for file in folder.glob("*candidate*.skops")), None)
        if record:
            servers.append(
                started("tutorial", ["-m", "extras.benchmarks.rivals", "PORT", "tutorial", str(record)], core, asked)
            )
            if mlflow:
                servers.append(mlflow_server(settings, version or 0, core))
        try:
            for server in servers:
                wait(server)
            yield servers
        finally:
            for server in servers:
                stop(server)


def started(name: str, arguments: list[str], core: int, asked: tuple[bytes, bytes], **variables: str) -> Server:
    """Start one server on a free port and a given core."""
    port = free_port()
    command = [sys.executable, *(str(port) if argument == "PORT" else argument for argument in arguments)]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where mlflow looks for uvicorn
    quiet = {"OMP_NUM_THREADS": "1", "LOG_LEVEL": "ERROR", "DO_NOT_TRACK": "true"}
    environment = os.environ | {"PORT": str(port), "PATH": path} | quiet | variables
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stderr=nowhere, stdout=nowhere, start_new_session=True)
    os.sched_setaffinity(process.pid, {core})
    return Server(name, port, process, *asked)


def mlflow_server(settings: Settings, version: int, core: int) -> Server:
    """`mlflow models serve` with the same model, asked for the same flight's features."""
    import pandas as pd

    from flights.feature_set import build_features

    frame = pd.DataFrame([example()])
    frame[EVENT_TIME] = pd.to_datetime(frame[EVENT_TIME], utc=True).astype("datetime64[us, UTC]")
    features: dict[str, Any] = json.loads(pd.DataFrame(build_features(as_arrays(frame))).to_json(orient="split"))
    asked = request("/invocations", json.dumps({"dataframe_split": features}).encode())
    uri = settings.mlflow_tracking_uri or file_url((settings.models_dir / "mlflow.db").resolve())
    command = [
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        f"models:/{NAME}/{version}",
        "--env-manager",
        "local",
        "-p",
        "PORT",
    ]
    return started("mlflow", command, core, (asked, asked), MLFLOW_TRACKING_URI=uri)


def seconds_to_ready(core: int, own: dict[str, str]) -> float:
    """From the start of the process to the first ready answer, the best of three."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        server = started("ml-loop", ["-m", "serving.app"], core, (b"", b""), **own)
        try:
            wait(server)
            times.append(time.perf_counter() - begin)
        finally:
            stop(server)
    return min(times)


def stop(server: Server) -> None:
    """End a server with the processes that it started."""
    os.killpg(server.process.pid, signal.SIGTERM)
    server.process.wait(30)


def wait(server: Server) -> None:
    """Wait until a server answers; only ours has a page that says so."""
    path = {"ml-loop": "/health/ready", "mlflow": "/ping"}.get(server.name, "/openapi.json")
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


if __name__ == "__main__":
    main()
