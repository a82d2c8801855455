import numpy as np
import pandas as pd

from monitoring.watch import Watch, alarms, fires, words

DAYS = pd.date_range("2013-11-01", periods=8)


def watch(values: list[float], **settings: float) -> Watch:
    return Watch("figure", "drift", "sd", pd.Series(values, DAYS[: len(values)], dtype=float), **settings)


def test_one_bad_day_is_no_alarm():
    """A day outside the band rings nothing, however far outside it is."""
    assert not fires(watch([1, 1, 99, 1, 1, 1], high=2)).any()


def test_three_bad_days_of_five_are_an_alarm_on_the_third():
    """It rings on the day that makes three of five, and only while the newest day is outside."""
    fired = fires(watch([1, 9, 1, 9, 9, 1, 1, 1], high=2))
    assert list(DAYS[fired.to_numpy()]) == [DAYS[4]]


def test_both_sides_of_the_band_count():
    """A value below the band is as wrong as one above."""
    assert fires(watch([-9, 9, -9], low=-2, high=2)).iloc[-1]


def test_days_without_a_value_are_passed_over():
    """Empty days neither ring nor break a row of bad ones."""
    assert fires(watch([9, np.nan, 9, np.nan, 9], high=2)).iloc[-1]
    assert not fires(watch([np.nan] * 5, high=2)).any()


def test_a_watch_without_days_is_quiet():
    """Nothing was measured, so nothing rings."""
    empty = Watch("figure", "drift", "sd", pd.Series(dtype=float), high=2)
    assert not fires(empty).any()
    assert alarms(empty) == []


def test_alarms_are_stretches_of_days():
    """Two bad times with a good week between them are two alarms."""
    days = pd.date_range("2013-11-01", periods=20)
    values = pd.Series([9.0] * 4 + [1.0] * 12 + [9.0] * 4, days)
    found = alarms(Watch("figure", "drift", "sd", values, high=2))
    assert [(alarm.first, alarm.last) for alarm in found] == [(days[2], days[3]), (days[18], days[19])]


def test_the_words_name_value_unit_day_and_limit():
    """A person reads what was expected and what came."""
    assert words(watch([9], high=2), DAYS[0]) == "figure is 9 sd on 2013-11-01, above 2"
    assert words(watch([-9], low=-2), DAYS[0]) == "figure is -9 sd on 2013-11-01, below -2"
