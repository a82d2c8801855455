"""The drills of the feature store: both guards act, and one that sleeps fails its drill."""

from dataclasses import replace

import pandas as pd
import pytest

from extras.feature_store import drills
from flights.config import Settings
from monitoring.check import is_firing
from monitoring.checks.features import expired
from tests.serving.published import publish_champion

pytestmark = pytest.mark.exhibit


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """A data folder with a small champion; the environment names another store and log, which stay unused."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    monkeypatch.setenv("FEATURES_URL", f"sqlite:///{tmp_path}/theirs.db")
    yield Settings(data_dir=tmp_path)
    assert not (tmp_path / "theirs.db").exists()


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("drill", "name", "sleeping", "expected"),
    [
        ("materializer_stops", "expired_check", lambda _: quiet(), "`fix the feed`, got ok"),
        ("materializer_stops", "states", lambda _: {"found"}, "older views to be expired"),
        ("clock_skew", "counted", lambda _: 0, "late events in the receipt"),
    ],
)
def test_a_sleeping_guard_fails_its_drill(settings, monkeypatch, drill, name, sleeping, expected):
    """Planted: the monitor is silent, expired values are called found, late events are not counted."""
    monkeypatch.setattr(f"extras.feature_store.drills.{name}", sleeping)
    with pytest.raises(AssertionError, match=expected):
        getattr(drills, drill)(settings)


def quiet():
    """A check that never fires."""
    found = expired(pd.DataFrame({"request_id": ["k:20131112T1200Z-300"], "day": [pd.Timestamp("2013-11-12")]}))
    return replace(found, high=1e9)


def test_the_monitor_names_what_expired():
    """Planted: predictions whose features are 60, 61 and 239 minutes old, on two days; others are not by key."""
    days = pd.to_datetime(["2013-11-11", "2013-11-11", "2013-11-12", "2013-11-12", "2013-11-12"])
    names = ["k:20131111T1200Z", "k:20131111T1200Z-60", "k:20131112T1200Z-61", "k:20131112T1200Z-239", "0" * 32]
    check = expired(pd.DataFrame({"request_id": names, "day": days}))
    assert check.values.tolist() == [0.0, 2.0]
    assert is_firing(check).tolist() == [False, True]
