"""Samples keep one labelled row of this many, and workers return every result."""

import pytest

from extras.evidence import workers
from flights.config import Settings
from pipelines.rows import labelled_rows

pytestmark = pytest.mark.exhibit


def test_a_sample_keeps_one_labelled_row_of_so_many(split_data):
    """Rows without an outcome do not count."""
    settings = Settings(data_dir=split_data)
    whole, sample = labelled_rows(settings, "train"), workers.sampled_part(settings.splits_dir, "train", 7)
    assert sample["flight_id"].tolist() == whole["flight_id"].iloc[::7].tolist()
    assert sample["arrival_delay"].notna().all()


def test_a_missing_part_names_the_command(tmp_path):
    """Injected: no split."""
    with pytest.raises(FileNotFoundError, match="run `make split`"):
        workers.sampled_part(tmp_path, "train", 1)


def test_every_task_has_its_result(monkeypatch):
    """Results come in any order, and none is lost."""
    monkeypatch.setattr(workers, "WORKERS", 1)
    with workers.workers("") as run:
        assert sorted(run(abs, [-3, 1, -2])) == [1, 2, 3]
