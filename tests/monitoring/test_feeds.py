import numpy as np
import pandas as pd
import pytest

from extras.drills import faults as drills
from flights.dataset import INPUTS
from monitoring import feeds
from monitoring.watch import fires

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def parts(autumn: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """September and October to compare with, and November with the moment of each prediction."""
    live = autumn[autumn["day"] >= "2013-11-01"]
    return autumn[autumn["day"] < "2013-11-01"], live.assign(moment=live["scheduled_departure"])


def ringing(reference: pd.DataFrame, live: pd.DataFrame) -> set[str]:
    """Names of the watches that ring."""
    return {watch.name for watch in feeds.feed_watches(reference, live) if fires(watch).any()}


@pytest.mark.ml_test_score("O2")
def test_clean_feeds_ring_nothing(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A real month is neither silent, nor stuck, nor out of tune, nor strange at one place."""
    assert ringing(*parts) == set()


@pytest.mark.ml_test_score("O2", injects="Each fault rings for what it is, and for no feed that is sound")
@pytest.mark.parametrize(
    ("drill", "watch"),
    [
        (drills.feed_down, "weather: missing beyond the usual"),
        (drills.feed_stuck, "weather: stuck"),
        (drills.celsius, "weather: discord"),
        (drills.data_entry, "weather: one place apart"),
    ],
)
def test_a_broken_feed_rings(
    parts: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch, drill: drills.Fault, watch: str
):
    """Each fault rings for what it is, and for no feed that is sound."""
    monkeypatch.setattr(feeds, "MOST_APART", 3.5)  # of a quarter of the flights; of all, `make alarms` sees 6.5
    reference, live = parts
    rung = ringing(reference, drill(live.copy(), live.head(0), RANDOM)[0])
    assert watch in rung
    assert not {name for name in rung if name.startswith("network")}


def test_every_watch_can_ring_within_the_contract(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Planted in each feed, within the contract: it is silent, it stands still, a column or a place is at its bound."""
    reference, live = parts
    hung = {watch.name for watch in feeds.feed_watches(reference, live)}
    there = live["origin"] == "LGA"
    faults = [drills.feed_stuck(live.copy(), live.head(0), RANDOM)[0]]
    for feed in feeds.FEEDS:
        name = feeds.fed_by(feed)[1]
        most = next(column.maximum for column in INPUTS if column.name == name)
        faults += [live.assign(**{name: value}) for value in (np.nan, most)]
        faults.append(live.assign(**{name: live[name].where(~there, most)}))
    assert set().union(*(ringing(reference, fault.head(1200)) for fault in faults)) == hung


def test_one_silent_column_rings(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A feed that loses one of its columns is seen though the others still come."""
    reference, live = parts
    assert "weather: missing beyond the usual" in ringing(reference, live.assign(visibility=np.nan))


def test_a_feed_that_stands_still_but_for_one_column_rings(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Planted: a thermometer that goes on while all other instruments repeat themselves."""
    reference, live = parts
    still = drills.feed_stuck(live.copy(), live.head(0), RANDOM)[0].assign(temperature=live["temperature"])
    assert "weather: stuck" in ringing(reference, still)


def test_only_a_feed_that_tells_all_the_same_is_asked_whether_it_stands_still(
    parts: tuple[pd.DataFrame, pd.DataFrame],
):
    """The network's figures differ from flight to flight: a watch that cannot ring is not hung up."""
    names = {watch.name for watch in feeds.feed_watches(*parts)}
    assert "weather: stuck" in names
    assert not {"network: stuck", "aircraft: stuck"} & names


def test_a_feed_without_a_past_or_a_present_is_no_error(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """No live rows, and a reference whose columns are all missing, ring nothing."""
    reference, live = parts
    assert ringing(reference, live.head(0)) == set()
    empty = reference.assign(**dict.fromkeys(feeds.fed_by("weather"), np.nan))
    assert not {name for name in ringing(empty, live) if "missing" in name}
