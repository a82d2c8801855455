from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from flights.dataset import EVENT_TIME, INPUTS, LOCATION
from monitoring.check import is_firing
from monitoring.checks import feeds
from tests.monitoring.conftest import view_of

WEATHER = feeds.feed_columns("weather")
FEED = next((column.feed for column in INPUTS if column.feed), "")
Parts = tuple[pd.DataFrame, pd.DataFrame]
Plant = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def parts(autumn: pd.DataFrame) -> Parts:
    """September and October to compare with, and November with the moment of each prediction."""
    live = autumn[autumn["day"] >= "2013-11-01"]
    return autumn[autumn["day"] < "2013-11-01"], live.assign(moment=live[EVENT_TIME])


def firing(reference: pd.DataFrame, live: pd.DataFrame) -> set[str]:
    """Names of the checks that fire."""
    return {check.name for check in feeds.checks(view_of(live, reference)) if is_firing(check).any()}


@pytest.fixture(scope="module")
def clean(months: Parts) -> Parts:
    """The same of any data."""
    return months[0], months[1].assign(moment=months[1][EVENT_TIME])


@pytest.mark.skipif(not FEED, reason="no column names its feed")
def test_a_feed_that_is_missing_fires(clean: Parts):
    """A clean month fires nothing; planted: all of a feed is missing, and one of its columns."""
    reference, live = clean
    columns = feeds.feed_columns(FEED)
    assert firing(reference, live) == set()
    for lost in (columns, columns[-1:]):
        assert firing(reference, live.assign(**dict.fromkeys(lost, np.nan))) == {f"{FEED}: missing"}


@pytest.mark.ml_test_score("O2")
def test_clean_feeds_fire_nothing(parts: Parts):
    """A real month is neither missing, nor frozen, nor inconsistent, nor wrong at one site."""
    assert firing(*parts) == set()


def frozen(live: pd.DataFrame) -> pd.DataFrame:
    """The weather feed repeats its first report of each day and site."""
    rows = live.index.to_series().groupby([live["day"], live[LOCATION]]).transform("first")
    changed = live.copy()
    changed[WEATHER] = live.loc[rows, WEATHER].to_numpy()
    return changed


def missing(live: pd.DataFrame) -> pd.DataFrame:
    """The weather feed delivers nothing."""
    return live.assign(**dict.fromkeys(WEATHER, np.nan))


def celsius(live: pd.DataFrame) -> pd.DataFrame:
    """Temperatures in another unit."""
    return live.assign(**{name: (live[name] - 32) / 1.8 for name in ("temperature", "dew_point")})


def kilometres_at_one_site(live: pd.DataFrame) -> pd.DataFrame:
    """One airport reports another unit, and zero for every empty field."""
    there = live[LOCATION] == "LGA"
    filled = {
        name: live[name].fillna(0.0).where(there, live[name]) for name in ("wind_direction", "previous_leg_delay")
    }
    return live.assign(**filled, visibility=live["visibility"].where(~there, live["visibility"] * 1.6))


@pytest.mark.ml_test_score("O2", injects="Each failure fires for what it is, and for no feed that is sound")
@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (missing, "weather: missing"),
        (frozen, "weather: frozen"),
        (celsius, "weather: residual"),
        (kilometres_at_one_site, "weather: site outlier"),
    ],
)
def test_a_broken_feed_fires(parts: Parts, monkeypatch: pytest.MonkeyPatch, plant: Plant, check: str):
    """Each failure fires the check that is meant for it, and none of a sound feed."""
    monkeypatch.setattr(feeds, "MAX_OUTLIER", 3.5)  # of a quarter of the flights; of all, `make alarms` sees 6.5
    reference, live = parts
    fired = firing(reference, plant(live))
    assert check in fired
    assert not {name for name in fired if name.startswith("network")}


def test_every_check_can_fire_within_the_contract(parts: Parts):
    """Planted in each feed, within the contract: it is missing or frozen, a column or a site is at its bound."""
    reference, live = parts
    names = {check.name for check in feeds.checks(view_of(live, reference))}
    there = live["origin"] == "LGA"
    faults = [frozen(live)]
    for feed in feeds.FEEDS:
        name = feeds.feed_columns(feed)[1]
        most = next(column.maximum for column in INPUTS if column.name == name)
        faults += [live.assign(**{name: value}) for value in (np.nan, most)]
        faults.append(live.assign(**{name: live[name].where(~there, most)}))
    assert set().union(*(firing(reference, fault.head(1200)) for fault in faults)) == names


def test_one_missing_column_fires(parts: Parts):
    """A feed that loses one of its columns is seen though the others still come."""
    reference, live = parts
    assert "weather: missing" in firing(reference, live.assign(visibility=np.nan))


def test_a_feed_that_is_frozen_but_for_one_column_fires(parts: Parts):
    """Planted: a thermometer that goes on while all other instruments repeat themselves."""
    reference, live = parts
    still = frozen(live).assign(temperature=live["temperature"])
    assert "weather: frozen" in firing(reference, still)


def test_only_a_feed_with_shared_values_can_be_frozen(
    parts: Parts,
):
    """The network's values differ from flight to flight: there is no check that cannot fire."""
    reference, live = parts
    names = {check.name for check in feeds.checks(view_of(live, reference))}
    assert "weather: frozen" in names
    assert not {"network: frozen", "aircraft: frozen"} & names


@pytest.mark.skipif(not FEED, reason="no column names its feed")
def test_a_feed_without_a_past_or_a_present_is_no_error(clean: Parts):
    """No live rows, and a reference whose columns are all missing, fire nothing."""
    reference, live = clean
    assert firing(reference, live.head(0)) == set()
    empty = reference.assign(**dict.fromkeys(feeds.feed_columns(FEED), np.nan))
    assert not {name for name in firing(empty, live) if "missing" in name}


def test_a_small_log_is_not_louder(parts: Parts):
    """One flight in five of a clean month, 45 a day: the reference is thinned until its days vary as much."""
    reference, live = parts
    small = live.iloc[::5]
    assert firing(reference, small) == set()
    thinned = feeds.as_small_as(small, reference)
    assert thinned.groupby("day").size().median() == pytest.approx(small.groupby("day").size().median(), rel=0.3)
    assert feeds.as_small_as(live, reference) is reference
