"""The stale model's drill compares what it says it does."""

import pytest

from drills.models import figures_on
from drills.practice import part
from flights.config import Settings


@pytest.mark.heavy
def test_figures_know_what_was_learned(trained):
    """A candidate asked about the very rows that it learned from ranks them better than rows that it never saw."""
    settings = Settings(data_dir=trained)
    learned, unseen = (part(settings, name, 2000) for name in ("train", "holdout"))
    known, new = (float(figures_on(rows, learned, 0).split()[1].rstrip(",")) for rows in (learned, unseen))
    assert known > new + 0.05
