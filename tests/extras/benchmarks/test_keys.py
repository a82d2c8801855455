"""Predictions by key are measured next to their limit: every answer is one, and a slow service misses its goals."""

import os
from pathlib import Path

import pytest

from extras.benchmarks import keys
from extras.benchmarks.load import Window
from extras.benchmarks.servers import CASES
from flights.config import Settings
from flights.plugins import hooks

pytestmark = [pytest.mark.exhibit, pytest.mark.heavy]


def test_predictions_by_key_are_measured(trained: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """One round of short windows without a failed answer; then planted: a twentieth of the answers by key."""
    theirs = tmp_path / "features.db"
    monkeypatch.setenv("FEATURES_URL", f"sqlite:///{theirs}")
    (make_load,) = hooks("extras", "key_load") or pytest.skip("extras/feature_store is not here")
    allowed = os.sched_getaffinity(0)
    with keys.running(Settings(data_dir=trained), min(allowed), make_load, 4_000) as (servers, load):
        keys.compare(servers, load, 1, 0.2)
    assert keys.failures(servers) == 0
    assert not theirs.exists()
    assert sum("missed" in line for line in keys.lines(servers)) <= len(keys.goals(servers))
    for case in CASES:
        windows = servers[0].windows[case]
        servers[0].windows[case] = [Window(each.seconds, each.latencies[::20], cpu=each.cpu) for each in windows]
    missed = [line for line in keys.lines(servers) if "missed" in line]
    assert len(missed) >= 6
