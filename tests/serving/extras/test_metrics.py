"""Prometheus is told what happened, by the names that operators look for."""

import os
import re
from pathlib import Path

import pytest

from flights.files import MANIFEST_FILE
from flights.predictions import Prediction
from flights.registry import Model
from serving.extras.metrics import Metrics, described
from serving.prediction_log import PredictionLog
from tests.serving.test_scorer import a_scorer, all_at_once, flight

NOW = "2013-11-01T08:00:00.000000Z"
ANSWERED = Prediction("a", NOW, NOW, "{}", 0.25, False, 0.3, 7, "ab", "champion", 900)

SHAPE = {  # name: kind and labels; anyone who watches the service relies on them
    "http_requests_total": ("counter", {"status"}),
    "http_request_duration_seconds": ("histogram", set()),
    "predictions_total": ("counter", {"model_version", "served_by"}),
    "prediction_errors_total": ("counter", set()),
    "nonfinite_predictions_total": ("counter", set()),
    "prediction_batch_rows": ("histogram", set()),
    "prediction_log_commit_duration_seconds": ("histogram", set()),
    "prediction_log_lag_seconds": ("gauge", set()),
    "prediction_log_available": ("gauge", set()),
    "outcomes_total": ("counter", set()),
    "model_version": ("gauge", set()),
    "model_published_timestamp_seconds": ("gauge", set()),
}


def used() -> Metrics:
    """Metrics of a service to which a bit of everything happened."""
    metrics = Metrics()
    metrics.answered([ANSWERED] * 3, 0.004)
    metrics.committed(3, 0.001)
    metrics.refused(422)
    metrics.failed(2)
    metrics.watch_lag(lambda: 0.5)
    return metrics


def test_requests_commits_and_refusals_are_counted():
    """One answered request of three flights, one commit, one refusal, one request with two answers that are none."""
    lines = used().text().decode().splitlines()
    for line in (
        'http_requests_total{status="200"} 1.0',
        'http_requests_total{status="422"} 1.0',
        "http_request_duration_seconds_count 1.0",
        'predictions_total{model_version="7",served_by="champion"} 3.0',
        "prediction_batch_rows_sum 3.0",
        'prediction_log_commit_duration_seconds_bucket{le="0.001"} 1.0',
        "prediction_errors_total 1.0",
        "nonfinite_predictions_total 2.0",
        "prediction_log_lag_seconds 0.5",
    ):
        assert line in lines


def test_the_shape_of_the_metrics_is_the_one_that_is_relied_upon():
    """Every metric has its name, kind, labels and a meaning; none comes or goes unnoticed."""
    labels = {}
    for family in used().registry.collect():
        for sample in family.samples:
            name = family.name + "_total" * (family.type == "counter")
            labels.setdefault(name, set()).update(set(sample.labels) - {"le"})
    assert {name: (kind, labels[name]) for name, kind, _ in described()} == SHAPE
    assert all(meaning for *_, meaning in described())
    assert "process_resident_memory_bytes" in used().text().decode()


@pytest.mark.parametrize("name", SHAPE)
def test_names_keep_the_conventions(name: str):
    """Lower case, counters end in `_total`, times are in seconds."""
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert name.endswith("_total") == (SHAPE[name][0] == "counter")
    assert not re.search(r"_(ms|us|milliseconds|microseconds|minutes|bytes_total)$", name)


def test_the_model_that_answers_has_its_version_and_age(tmp_path: Path):
    """Published is when its manifest was written; without a model both are 0."""
    (tmp_path / MANIFEST_FILE).write_text("{}")
    os.utime(tmp_path / MANIFEST_FILE, (1000, 1000))
    metrics = Metrics()
    metrics.answers(Model(3, "ab", tmp_path, 0.3, {}, lambda _: None))
    assert "model_version 3.0" in metrics.text().decode()
    assert "model_published_timestamp_seconds 1000.0" in metrics.text().decode()
    metrics.answers(None)
    assert "model_version 0.0" in metrics.text().decode()


def test_two_services_in_one_process_do_not_mix():
    """Each application has its own registry."""
    one, other = Metrics(), Metrics()
    one.answered([ANSWERED], 0.001)
    assert 'http_requests_total{status="200"} 0.0' in other.text().decode()


def test_a_batch_that_a_canary_shares_is_counted_by_who_answered():
    """Two of three flights by the champion, one by the version next to it."""
    metrics = Metrics()
    metrics.answered([ANSWERED, ANSWERED._replace(model_version=8, served_by="canary"), ANSWERED], 0.004)
    text = metrics.text().decode()
    assert 'predictions_total{model_version="7",served_by="champion"} 2.0' in text
    assert 'predictions_total{model_version="8",served_by="canary"} 1.0' in text


def test_a_batch_is_counted_like_its_rows(model: Model, tmp_path: Path):
    """One request of this many flights, answered by the champion and committed together."""
    log, metrics = PredictionLog(f"sqlite:///{tmp_path}/predictions.db"), Metrics()
    scorer = a_scorer(model, log)
    scorer.observers.append(metrics)
    all_at_once(scorer, [[flight() for _ in range(61)]])
    lines = metrics.text().decode().splitlines()
    assert 'predictions_total{model_version="1",served_by="champion"} 61.0' in lines
    assert "prediction_batch_rows_sum 61.0" in lines
    log.close()
