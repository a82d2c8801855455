"""How fast predictions by key are, next to FastAPI answering a constant to the same body, and to all inputs in a body.

The three servers are up at once and their windows alternate. Before each window by key a tick is published, so every
key that is asked is a new prediction, which is looked up, logged and synced.
"""

import statistics
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

from extras.benchmarks.load import request, requests
from extras.benchmarks.scratch import scratch_settings
from extras.benchmarks.servers import (
    BATCH,
    CASES,
    MANY,
    ONE,
    Server,
    example_requests,
    measure,
    memory,
    ratio,
    started,
    stop,
    wait,
)
from flights.config import Settings

KEYS = 60_000  # that are asked for at a tick, at most
SECONDS = 0.8  # of a window: within it no key is asked twice
Goal = tuple[str, float, str, float]  # what, its value, its limit's word, its limit


@contextmanager
def running(settings: Settings, core: int, make_load: Any, keys: int = KEYS) -> Iterator[tuple[list[Server], Any]]:
    """By key, its constant, and all inputs, each with a data folder of its own; and the load by key."""
    with ExitStack() as stack:
        own, other = (stack.enter_context(scratch_settings(settings.models_dir)) for _ in range(2))
        load = make_load(Path(own["DATA_DIR"]), keys)
        asked = tuple(request(path, bodies[0]) for path, bodies in load.bodies().items())
        servers = []
        for name, command, requests, variables in (
            ("by key", ["-m", "serving.app"], asked, own | load.variables),
            ("constant by key", [*load.constant], asked, {}),
            ("all inputs", ["-m", "serving.app"], example_requests(), other),
        ):
            servers.append(started(name, command, core, (requests[0], requests[1]), **variables))
            stack.callback(stop, servers[-1])
        for server in servers:
            wait(server)
        yield servers, load


def compare(servers: list[Server], load: Any, rounds: int, seconds: float = SECONDS) -> None:
    """Load the servers by turns, and look at their memory."""
    asked = [requests(path, bodies) for path, bodies in load.bodies().items()]

    def before(server: Server) -> None:
        if server is servers[0]:
            load.next_tick()
            server.single, server.batch = map(cycle, asked)

    for server in servers:
        server.memory.append(memory(server.process.pid))
    measure(servers, rounds, seconds, before)
    for server in servers:
        server.memory.append(memory(server.process.pid))


def goals(servers: list[Server]) -> list[Goal]:
    """What was measured, with its limit."""
    by_key, constant, inputs = servers
    few, many, batch = ONE.format(16), ONE.format(64), MANY.format(16)
    rows = statistics.median(BATCH * one.rate for one in by_key.windows[batch])
    singles = statistics.median(one.rate for one in inputs.windows[many])
    return [
        (f"{few}: by key / constant", ratio(by_key, constant, few), "at least", 0.8),
        (f"{many}: by key / constant", ratio(by_key, constant, many), "at least", 1.0),
        (f"{few}: by key / all inputs", ratio(by_key, inputs, few), "at least", 1.2),
        (f"{many}: by key / all inputs", ratio(by_key, inputs, many), "at least", 1.2),
        (f"{few}: us of CPU beyond all inputs", cpu(by_key, few) - cpu(inputs, few), "at most", 40),
        (f"{many}: us of CPU beyond all inputs", cpu(by_key, many) - cpu(inputs, many), "at most", 40),
        (f"{batch}: by key / constant", ratio(by_key, constant, batch), "", 0),
        (f"{batch}: by key / all inputs in a batch", ratio(by_key, inputs, batch), "at least", 3),
        (f"{batch}: rows by key / single rows of all inputs", rows / singles, "at least", 3),
        ("MB beyond all inputs, idle", by_key.memory[0][1] - inputs.memory[0][1], "at most", 15),
        ("MB beyond all inputs, after the load", by_key.memory[1][1] - inputs.memory[1][1], "at most", 15),
    ]


def cpu(server: Server, case: str) -> float:
    """Microseconds of processor time for one answer."""
    return statistics.median(1e6 * one.cpu / max(len(one.latencies), 1) for one in server.windows[case])


def failures(servers: list[Server]) -> int:
    """Answers that were none."""
    return sum(one.failures for server in servers for case in CASES for one in server.windows[case])


def lines(servers: list[Server]) -> Iterator[str]:
    """The rates, and each goal with what was measured."""
    yield "| case | server | answers/s | CPU us |"
    yield "|---|---|---|---|"
    for case in CASES:
        for server in servers:
            rate = statistics.median(one.rate for one in server.windows[case])
            yield f"| {case} | {server.name} | {rate:,.0f} | {cpu(server, case):.0f} |"
    yield "\n| by key | measured | goal |"
    yield "|---|---|---|"
    for what, value, word, limit in goals(servers):
        missed = {"at least": value < limit, "at most": value > limit}.get(word, False)
        yield f"| {what} | {value:.2f} | {f'{word} {limit:g}' if word else ''}{', missed' * missed} |"
    yield f"\nfailures: {failures(servers)}"
