"""Fail if the service became slower or larger than it was at another commit: `make bench-regression [AGAINST=HEAD^]`.

Three servers are up at once: this code twice, and the other commit's once. The two alike show the noise of this
machine, and only a difference beyond it counts.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from extras.benchmarks.scratch import scratch_settings
from extras.benchmarks.servers import CASES, Server, example_requests, measure, memory, ratios, started, stop, wait
from flights.config import Settings

SLOWER = "SLOWER"  # the verdict that fails
TOLERANCE = 0.05  # share of the answers that may go beyond the noise
MAX_NOISE = 0.25  # a larger difference counts on any machine
MEMORY = 8.0  # MB that a server may grow
ROUNDS = 7
SECONDS = 0.8  # of a window


def main() -> None:
    """Compare, print a table, and exit with 1 if something became worse."""
    against = sys.argv[1] if len(sys.argv) > 1 else "HEAD^"
    with TemporaryDirectory() as folder:
        name = code_of(against, Path(folder))
        if name is None:
            print(f"regression NOT COMPARED: there is no commit {against} here")
            return
        with running(Settings.read(), Path(), Path(folder)) as servers:
            compare(servers)
    print(f"| case | {name} answers/s | now answers/s | now / {name} | noise | verdict |\n|---|---|---|---|---|---|")
    print(*table(*servers), sep="\n")
    if failures(servers[1]):
        print(f"regression NOT COMPARED: {name} cannot serve this champion")
    if found := worse(*servers):
        sys.exit("regression: " + "; ".join(found))


def code_of(commit: str, folder: Path) -> str | None:
    """Unpack a commit's code; returns its short name, or none if git has no such commit."""
    asked = ["git", "rev-parse", "--verify", "--quiet", "--short", "--end-of-options", f"{commit}^{{commit}}"]
    name = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    if not name:
        return None
    archive = subprocess.run(["git", "archive", name, "src", "serving"], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return name


@contextmanager
def running(settings: Settings, now: Path, before: Path) -> Iterator[list[Server]]:
    """Servers of the code now, before, and now again: each with a data folder of its own, all on one core."""
    asked, core = example_requests(), min(os.sched_getaffinity(0))
    with ExitStack() as stack:
        servers = []
        for name, code in (("now", now), ("before", before), ("again", now)):
            own = stack.enter_context(scratch_settings(settings.models_dir))
            server = started(name, ["-m", "serving.app"], core, asked, code.resolve(), **own)
            stack.callback(stop, server)
            servers.append(server)
        for server in servers:
            try:
                wait(server)
            except SystemExit:  # the code before may not know today's champion: it refuses, which is counted
                if server.name != "before":
                    raise
        yield servers


def compare(servers: list[Server], rounds: int = ROUNDS) -> None:
    """Load all servers from another core, and look at their memory."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        measure(servers, rounds, SECONDS)
    finally:
        os.sched_setaffinity(0, allowed)
    for server in servers:
        server.memory.append(memory(server.process.pid))


def worse(now: Server, before: Server, again: Server) -> list[str]:
    """What became worse, a line each: answers, speed and memory; nothing if the code before cannot answer as well."""
    if failures(now):
        return [f"{failures(now)} requests failed"]
    if failures(before):
        return []
    grown = now.memory[-1][1] - before.memory[-1][1]
    memory = [f"memory after the load {grown:+.0f} MB (limit +{MEMORY:.0f})"] if grown > MEMORY else []
    return [row for row in table(now, before, again) if SLOWER in row] + memory


def failures(server: Server) -> int:
    """Requests that a server did not answer with 200."""
    return sum(window.failures for each in server.windows.values() for window in each)


def table(now: Server, before: Server, again: Server) -> list[str]:
    """One row for each case; `noise` is how far the two that are alike differ, and two standard errors more."""
    rows = []
    for case in CASES:
        found, alike = ratios(now, before, case), ratios(now, again, case)
        chance = 2 * 1.25 * statistics.stdev(alike) / len(alike) ** 0.5
        noise = min(abs(1 - statistics.median(alike)) + chance, MAX_NOISE)
        became = statistics.median(found)
        verdict = SLOWER if became < 1 - TOLERANCE - noise else "as fast" if became < 1 + noise else "faster"
        rates = (statistics.median(one.rate for one in server.windows[case]) for server in (before, now))
        rows.append(
            f"| {case} | "
            + " | ".join(f"{rate:,.0f}" for rate in rates)
            + f" | {became:.2f} | {noise:.2f} | {verdict} |"
        )
    return rows


if __name__ == "__main__":
    main()
