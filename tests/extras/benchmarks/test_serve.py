"""The service is measured next to its limit and the tutorials' way, and a service that has become slow is seen."""

import os
from pathlib import Path

import pytest

from extras.benchmarks import serve
from extras.benchmarks.load import Window
from extras.benchmarks.servers import Server, measure, memory, ratio
from flights.config import Settings

pytestmark = [pytest.mark.exhibit, pytest.mark.heavy]

# Loose, as CI's machines are shared: a quiet one shows two to four times as much.
FLOORS = {
    ("one row, 16 connections", "constant"): 0.3,
    ("one row, 64 connections", "constant"): 0.5,
    ("100 rows, 16 connections", "constant"): 0.5,
    ("one row, 16 connections", "tutorial"): 10,
}
MEMORY = 180  # MB, after the load


def too_slow(servers: list[Server]) -> list[str]:
    """Every floor that is not reached."""
    named = {server.name: server for server in servers}
    ratios = {each: ratio(servers[0], named[each[1]], each[0]) for each in FLOORS}
    return [f"{each}: {ratios[each]:.2f}, expected {floor}" for each, floor in FLOORS.items() if ratios[each] < floor]


@pytest.fixture(scope="module")
def measured(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Server]:
    """The service, its limit and the tutorials' way after two rounds of load; the log is the test's own."""
    log = f"sqlite:///{tmp_path_factory.mktemp('served')}/predictions.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREDICTIONS_URL", log)
        with serve.running(Settings(data_dir=trained), min(os.sched_getaffinity(0)), mlflow=False) as servers:
            measure(servers, rounds=2)
            servers[0].memory.append(memory(servers[0].process.pid))
    return servers


@pytest.mark.ml_test_score("O6")
def test_the_service_is_as_fast_and_as_small_as_it_should_be(measured: list[Server]):
    """Over each floor, without one failed answer, and within its memory after the load."""
    assert too_slow(measured) == []
    ours = measured[0]
    assert sum(window.failures for windows in ours.windows.values() for window in windows) == 0
    whole, own = ours.memory[0]
    assert 20 < own < whole < MEMORY


@pytest.mark.ml_test_score("O6", injects="a twentieth of the answers in the same time is too slow in every case")
def test_a_slow_service_is_seen(measured: list[Server]):
    """Planted: a twentieth of the answers in the same time is too slow in every case."""
    ours, *others = measured
    slow = {
        case: [Window(window.seconds, window.latencies[::20]) for window in windows]
        for case, windows in ours.windows.items()
    }
    planted = Server(ours.name, ours.port, ours.process, ours.single, ours.batch, slow)
    assert len(too_slow([planted, *others])) == len(FLOORS)
