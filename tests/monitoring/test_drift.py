from collections import Counter

import numpy as np
import pandas as pd
import pytest

from flights.dataset import EVENT_TIME
from monitoring import drift
from monitoring.watch import fires


@pytest.fixture(scope="module")
def parts(autumn: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """September and October to compare with, and November."""
    return autumn[autumn["day"] < "2013-11-01"], autumn[autumn["day"] >= "2013-11-01"]


def drifting(reference: pd.DataFrame, live: pd.DataFrame) -> dict[str, int]:
    """The watches that ring, with the number of days."""
    known = drift.known_texts(reference)
    frames = [drift.watched(part, known).set_index(part["day"]) for part in (reference, live)]
    watches = drift.drift_watches(*drift.daily_distances(*frames))
    return {watch.name: int(fires(watch).sum()) for watch in watches if fires(watch).any()}


def test_a_clean_month_does_not_drift(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """November after September and October rings nothing, though it is 15 degrees colder."""
    assert drifting(*parts) == {}


def test_a_change_of_unit_drifts(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Kilometres for miles from the middle of the month on ring for their column, and for no other."""
    reference, live = parts
    late = live["day"] >= "2013-11-15"
    faulty = live.assign(distance=live["distance"].where(~late, live["distance"] * 1.6))
    assert drifting(reference, faulty).keys() == {"distance: drift"}


def test_a_clock_that_is_hours_off_drifts(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Local times sent as UTC move the hour of the day, and the day's calendar columns ring nothing."""
    reference, live = parts
    faulty = live.assign(**{EVENT_TIME: live[EVENT_TIME] - pd.Timedelta(hours=5)})
    assert drifting(reference, faulty).keys() == {"hour of day: drift"}


def test_a_stranger_s_text_is_not_repeated(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A text that the reference does not know becomes one word of ours; missing stays missing."""
    reference, live = parts
    hostile = live.head(3).assign(carrier=["</script><script>alert(1)</script>", None, "UA"])
    seen = drift.watched(hostile, drift.known_texts(reference))
    assert seen["carrier"].fillna("missing").tolist() == [drift.OTHER, "missing", "UA"]


def test_empty_days_and_columns_have_no_distance(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """No rows, and columns with nothing in them, are states and no errors."""
    reference, live = parts
    assert drifting(reference, live.head(0)) == {}
    assert drifting(reference, live.assign(temperature=np.nan, pressure=np.nan)) == {}
    assert "temperature: drift" not in drifting(reference.assign(temperature=np.nan), live)


def test_every_watch_can_ring_within_the_contract(
    parts: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    """All of a column at one of its bounds, or all of it one text, rings; the wind's direction has no such watch."""
    reference, live = parts
    known = drift.known_texts(reference)
    past, present = (drift.watched(part, known).set_index(part["day"]) for part in (reference, live.head(1500)))
    deaf, without = set(), set()
    for name in drift.WATCHED:
        monkeypatch.setattr(drift, "WATCHED", (name,))
        ends = [past[name].value_counts().index[-1]] if name in drift.TEXTS else drift.BOUNDS[name]
        found = [drift.daily_distances(past, present.assign(**{name: end})) for end in ends]
        watches = [watch for each in found for watch in drift.drift_watches(*each)]
        without |= set() if watches else {name}
        deaf |= set() if any(fires(watch).any() for watch in watches) else {name}
    assert deaf == without == {"wind_direction"}  # clean days go eight tenths of the way across the dial


def test_predictions_that_all_go_up_drift(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """Nine in ten for every flight rings for the predictions, and for nothing else."""
    reference, live = parts
    assert drifting(reference, live.assign(probability=0.9)).keys() == {"probability: drift"}


def test_a_small_log_is_not_louder(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """One flight in eight of a clean month: levels allow for the noise of 30 rows a day."""
    reference, live = parts
    assert drifting(reference, live[::8]) == {}


def test_a_level_lies_between_noise_and_bound():
    """Far beyond clean days where there is room, half of the way where there is less, and none where there is none."""
    days = [1.0, 0.5, 0.6, 0.4, 0.7, 0.5]
    assert drift.level(days, 100) == drift.MARGIN
    assert drift.level(days, 2) == (0.6 + 2) / 2
    assert np.isnan(drift.level(days, 0.8))
    assert np.isnan(drift.level([], 2))


def test_a_day_that_strays_does_not_become_the_norm(parts: tuple[pd.DataFrame, pd.DataFrame]):
    """A fault that lasts for weeks still rings at the end of them."""
    reference, live = parts
    faulty = live.assign(distance=live["distance"] * 1.6)
    assert drifting(reference, faulty)["distance: drift"] == live["day"].nunique() - 2


def test_distances_are_evidently_s(evidently: None):
    """Wasserstein and Jensen-Shannon agree with Evidently's own functions to 1e-9."""
    from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test

    random = np.random.default_rng(0)
    past, current = random.gamma(2, 10, 900), random.gamma(3, 10, 350).round()
    theirs = wasserstein_stat_test(pd.Series(past), pd.Series(current), "num", 0.1).drift_score
    assert drift.distance(past, current, past.std()) == pytest.approx(theirs, abs=1e-9)
    texts = [random.choice(list(letters), 500).astype(object) for letters in ("abcd", "bcdex")]
    theirs = jensenshannon_stat_test(pd.Series(texts[0]), pd.Series(texts[1]), "cat", 0.1).drift_score
    assert drift.distance(*texts) == pytest.approx(theirs, abs=1e-9)


def test_distances_of_known_samples():
    """Equal samples are at 0, a shift counts in standard deviations, texts without overlap are at the most."""
    values = np.arange(100.0)
    assert drift.distance(values, values) == 0
    assert drift.distance(values, values + values.std(), values.std()) == pytest.approx(1)
    assert drift.jensen_shannon(Counter("a"), Counter("b")) == pytest.approx(np.sqrt(np.log(2)))


def test_new_texts_ring(autumn: pd.DataFrame):
    """A destination that the reference never saw, in a twentieth of the flights; a clean month has hardly any."""
    reference, live = autumn[autumn["day"] < "2013-11-01"], autumn[autumn["day"] >= "2013-11-01"]
    known = drift.known_texts(reference)
    opened = live.assign(dest=live["dest"].where(np.arange(len(live)) % 20 > 0, "XYZ"))
    quiet, loud = (drift.watched(rows, known).set_index(rows["day"]) for rows in (live, opened))
    assert not fires(drift.newcomers(quiet)).any()
    assert fires(drift.newcomers(loud)).any()
