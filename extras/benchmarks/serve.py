"""How fast the service is, next to what limits it and what people use, and by key: `make bench-serve`.

All servers are up at once on one core, and the load is on the other. Short windows alternate between the servers, and a
ratio is the median of the rounds' ratios.
"""

import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from extras.benchmarks import keys
from extras.benchmarks.load import request
from extras.benchmarks.scratch import scratch_settings
from extras.benchmarks.servers import (
    CASES,
    ROUNDS,
    Server,
    example_requests,
    measure,
    memory,
    ratio,
    started,
    stop,
    wait,
)
from flights import registry
from flights.config import NAME, Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME
from flights.log_url import file_url
from flights.plugins import hooks
from serving.request import example


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
    for make_load in hooks("extras", "key_load"):
        with keys.running(settings, servers_core, make_load) as (by_key, load):
            keys.compare(by_key, load, ROUNDS)
            print("", *keys.lines(by_key), sep="\n")


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


@contextmanager
def running(settings: Settings, core: int, *, mlflow: bool = True) -> Iterator[list[Server]]:
    """Every server that can be started, all on one core, with a data folder of its own; MLflow's takes its time."""
    asked = example_requests()
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


if __name__ == "__main__":
    main()
