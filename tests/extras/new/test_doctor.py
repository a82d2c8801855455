"""The doctor names what would spoil a training, and is content with good rows."""

import numpy as np
import pandas as pd
import pytest

from extras.new import doctor
from flights.config import GAP_DAYS
from flights.dataset import EVENT_TIME, KEY, OUTCOME, OUTCOME_TIME
from tests.contract_rows import contract_rows


@pytest.fixture(scope="module")
def rows():
    return contract_rows(4000)


def texts(problems, *, stops):
    return [text for fails, text in problems if fails == stops]


def test_good_rows_have_no_problem(rows):
    """Targets, keys, label delay and the heuristic of valid rows."""
    found = [*doctor.problems_of_rows(rows), *doctor.problems_of_delay(rows), *doctor.problems_of_heuristic(rows)]
    assert texts(found, stops=True) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({OUTCOME: -60.0}, "targets: expected 0 and 1, got"),
        ({KEY: "someone@example.org"}, f"{KEY}: 4,000 keys are addresses"),
        ({KEY: "+49 170 1234567"}, f"{KEY}: 4,000 keys are addresses"),
    ],
)
def test_bad_targets_and_personal_keys_fail(rows, changes, said):
    """Planted: one class only, and keys that are addresses or numbers of persons."""
    assert any(text.startswith(said) for text in texts(doctor.problems_of_rows(rows.assign(**changes)), stops=True))


def test_labels_later_than_the_gap_fail(rows):
    """Planted: outcomes that are known a day after the gap."""
    known = rows[EVENT_TIME] + pd.Timedelta(days=GAP_DAYS + 1)
    found = texts(doctor.problems_of_delay(rows.assign(**{OUTCOME_TIME: known})), stops=True)
    assert any("longer than GAP_DAYS" in text for text in found)


@pytest.mark.parametrize("hours", [24 * GAP_DAYS + 1, 24 * GAP_DAYS + 48])
def test_a_gap_shorter_than_the_watermark_fails(rows, monkeypatch, hours):
    """Injected: the setting says that outcomes take longer, though none of these rows' does."""
    monkeypatch.setattr(doctor, "WATERMARK_HOURS", hours)
    assert any("shorter than WATERMARK_HOURS" in text for text in texts(doctor.problems_of_delay(rows), stops=True))


def test_parts_with_too_few_rows_or_days_fail(rows):
    """Planted: a holdout of one class, one of a single day, and one that only warns."""
    labels = np.tile([-60.0, 60.0], len(rows) // 2)
    mixed = rows.assign(**{OUTCOME: labels})
    one_day = mixed.assign(**{EVENT_TIME: mixed[EVENT_TIME].iloc[0]})
    parts = {"train": mixed, "validation": mixed.iloc[:60], "holdout": rows.assign(**{OUTCOME: -60.0}), "live": mixed}
    found = list(doctor.problems_of_parts(parts))
    assert [text.split(":")[0] for text in texts(found, stops=True)] == ["holdout"]
    assert any(text.startswith("validation: 30 rows of the rarer class") for text in texts(found, stops=False))
    assert any(
        "1 different days" in text
        for _, text in doctor.problems_of_parts({"holdout": one_day, "live": one_day, "train": one_day})
    )


def test_a_heuristic_with_missing_values_fails(rows, monkeypatch):
    """Planted: a number of the heuristic that is missing in some rows."""
    monkeypatch.setattr(
        doctor, "build_features", lambda _: {name: np.array([1.0, np.nan]) for name in doctor.HEURISTIC}
    )
    assert any(
        "is missing in 50.0% of the rows" in text for text in texts(doctor.problems_of_heuristic(rows), stops=True)
    )
