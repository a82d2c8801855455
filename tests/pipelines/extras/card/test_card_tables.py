"""The tables of the model card."""

import pytest

from pipelines.extras.card.card_tables import data_table


@pytest.mark.parametrize(("as_of", "days"), [("2024-11-01", 126), ("2024-06-29", 1), ("2025-06-28", 365)])
def test_the_age_of_the_training_data_on_the_first_live_day_is_stated(as_of, days):
    """From the last row to train on, not from the last one of validation or holdout."""
    part = {"first": "2024-01-01 05:00:00+00:00", "last": "2024-06-28 23:59:00+00:00", "rows": 1000, "late": 0.2}
    later = part | {"last": "2024-10-30 23:59:00+00:00"}
    text = data_table({"train": part, "validation": later, "holdout": later}, {"as_of": as_of})
    assert text.endswith(f"are {days} days old.")
    assert "| train | 2024-01-01 | 2024-06-28 | 1,000 | 20.0% |" in text


def test_a_refit_is_as_old_as_the_end_of_validation():
    """What it was fitted on last."""
    part = {"first": "2024-01-01 12:00:00+00:00", "last": "2024-06-28 12:00:00+00:00", "rows": 1000, "late": 0.2}
    validation = part | {"last": "2024-08-29 12:00:00+00:00"}
    assert "are 64 days old" in data_table(
        {"train": part, "validation": validation}, {"as_of": "2024-11-01", "refit": True}
    )
