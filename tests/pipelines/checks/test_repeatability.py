"""A training that does not repeat itself is found."""

from types import SimpleNamespace

from flights import model
from flights.config import Settings
from pipelines.checks.repeatability import retraining_difference
from pipelines.rows import labelled_rows


def test_training_again_with_another_seed_is_told(trained):
    """Trained twice on the same rows it answers the same; planted: each training takes a seed of its own."""
    rows, seeds = labelled_rows(Settings(data_dir=trained), "train").head(2000), iter(range(2))
    inputs = SimpleNamespace(train=rows, seed=1, training={}, build=model.build_model)
    assert retraining_difference(inputs) == 0
    inputs.build = lambda name, _: model.build_model(name, next(seeds))
    assert retraining_difference(inputs) > 0
