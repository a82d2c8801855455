from dataclasses import replace

import numpy as np
import pandas as pd

from monitoring.check import Check, alarms, describe, is_firing, out_of_range

DAYS = pd.date_range("2013-11-01", periods=8)


def check(values: list[float], **settings: float) -> Check:
    return Check("figure", "drift", "sd", pd.Series(values, DAYS[: len(values)], dtype=float), **settings)


def test_one_bad_day_is_no_alarm():
    """One day out of range fires nothing, however far out it is."""
    assert not is_firing(check([1, 1, 99, 1, 1, 1], high=2)).any()


def test_three_bad_days_of_five_are_an_alarm_on_the_third():
    """It fires on the day that makes three of five, and only while the newest day is out of range."""
    fired = is_firing(check([1, 9, 1, 9, 9, 1, 1, 1], high=2))
    assert list(DAYS[fired.to_numpy()]) == [DAYS[4]]


def test_both_limits_count():
    """A value below the range is as wrong as one above."""
    assert is_firing(check([-9, 9, -9], low=-2, high=2)).iloc[-1]


def test_days_without_a_value_are_passed_over():
    """Empty days neither fire nor break a row of bad ones."""
    assert is_firing(check([9, np.nan, 9, np.nan, 9], high=2)).iloc[-1]
    assert not is_firing(check([np.nan] * 5, high=2)).any()


def test_a_check_without_days_is_quiet():
    """Nothing was measured, so nothing fires, and it can be sliced by day."""
    empty = Check("figure", "drift", "sd", pd.Series(dtype=float), high=2)
    assert not is_firing(empty).any()
    assert alarms(empty) == []
    assert empty.values[DAYS[0] : DAYS[3]].empty


def test_alarms_are_stretches_of_days():
    """Two bad times with a good week between them are two alarms."""
    days = pd.date_range("2013-11-01", periods=20)
    values = pd.Series([9.0] * 4 + [1.0] * 12 + [9.0] * 4, days)
    found = alarms(Check("figure", "drift", "sd", values, high=2))
    assert [(alarm.first, alarm.last) for alarm in found] == [(days[2], days[3]), (days[18], days[19])]


def test_a_description_names_value_unit_day_and_limit():
    """A person reads what was expected and what came; a share is told in percent."""
    assert describe(check([9], high=2), DAYS[0]) == "figure: 9 sd on 2013-11-01 (limit 2 sd)"
    assert describe(check([-9], low=-2), DAYS[0]) == "figure: -9 sd on 2013-11-01 (limit -2 sd)"
    share = Check("w", "feed", "share", pd.Series([1.0], DAYS[:1]), high=0.2, sentence="weather: {} of values missing")
    assert describe(share, DAYS[0]) == "weather: 100 % of values missing on 2013-11-01 (limit 20 %)"


def test_days_with_too_few_rows_are_passed_over():
    """Planted: three bad days of five, of which one has 45 rows where the limit needs 300."""
    bad = check([9, 9, 9], high=2)
    assert is_firing(bad).iloc[-1]
    for rows, fired in (([300, 300, 300], True), ([300, 45, 300], False), ([45, 45, 45], False)):
        counted = replace(bad, rows=pd.Series(rows, DAYS[:3]), min_rows=300)
        assert is_firing(counted).iloc[-1:].any() == fired
        assert out_of_range(counted).sum() == sum(count == 300 for count in rows)
