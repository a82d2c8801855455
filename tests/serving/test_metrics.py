"""Prometheus is told what happened, by the names that operators look for."""

from serving.metrics import Metrics


def test_requests_commits_and_refusals_are_counted():
    """One answered request of three flights, one commit, one refusal."""
    metrics = Metrics()
    metrics.answered(3, 0.004)
    metrics.committed(3, 0.001)
    metrics.refused.labels(422).inc()
    text = metrics.text().decode()
    for line in (
        "predictions_total 3.0",
        "request_seconds_count 1.0",
        "batch_rows_sum 3.0",
        'commit_seconds_bucket{le="0.001"} 1.0',
        'requests_refused_total{status="422"} 1.0',
    ):
        assert line in text


def test_two_services_in_one_process_do_not_mix():
    """Each application has its own registry."""
    one, other = Metrics(), Metrics()
    one.answered(1, 0.001)
    assert "predictions_total 0.0" in other.text().decode()
