"""Metrics for Prometheus, at /metrics; one registry per application, so that two in one process do not mix.

Names keep Prometheus' conventions: base units, `_total` for what only grows, times of events as timestamps, so that an
age is `time() - model_published_timestamp_seconds`. Counted once per request or per commit, never per row.
"""

from collections.abc import Callable

from fastapi import Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from flights.batch import Batch
from flights.files import MANIFEST_FILE
from flights.predictions import Prediction
from flights.registry import Model
from serving.request_hooks import Observer
from serving.service import Service

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


def plug_in(service: Service) -> None:
    """Observe the requests, and add the route."""
    metrics = Metrics(service.registry)
    metrics.watch_lag(service.scorer.lag)
    service.scorer.observers.append(metrics)

    @service.app.router.get("/metrics", response_class=PlainTextResponse)
    async def prometheus() -> Response:
        """Metrics in Prometheus' text format."""
        metrics.answers(service.holder.model)
        metrics.log_available.set(service.log.available)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


class Metrics(Observer):
    """The service's metrics; other plug-ins add their own to the registry."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        requests = Counter(
            "http_requests",
            "Requests for predictions that were answered (status 200), and requests of any kind that were rejected",
            ["status"],
            registry=self.registry,
        )
        self._answered, self._refused = requests.labels(200), requests
        self._duration = self._histogram(
            "http_request_duration_seconds", "From a request's arrival to its answer", SECONDS
        )
        self._predictions = Counter(
            "predictions", "Flights predicted, by who answered", ["model_version", "served_by"], registry=self.registry
        )
        self._errors = self._counter("prediction_errors", "Requests that the model could not score")
        self._nonfinite = self._counter("nonfinite_predictions", "Flights whose answer by the model was no probability")
        self._batch = self._histogram("prediction_batch_rows", "Flights scored and logged together", ROWS)
        self._commit = self._histogram(
            "prediction_log_commit_duration_seconds", "Time to log a batch, synced to the disk", SECONDS
        )
        self._lag = self._gauge("prediction_log_lag_seconds", "How long the oldest request waits for its commit by now")
        self.log_available = self._gauge("prediction_log_available", "Whether the log could be written last")
        self._outcomes = self._counter("outcomes", "Outcomes accepted")
        self._version = self._gauge("model_version", "Version that answers; 0 is the heuristic or none")
        self._published = self._gauge("model_published_timestamp_seconds", "When the model that answers was published")

    def watch_lag(self, lag: Callable[[], float]) -> None:
        """Ask how long the oldest request waits, at each scrape."""
        self._lag.set_function(lag)

    def committed(self, rows: int, seconds: float) -> None:
        """Count one batch of flights and its commit."""
        self._batch.observe(rows)
        self._commit.observe(seconds)

    def answered(self, predictions: list[Prediction] | Batch, seconds: float) -> None:
        """Count one request that got its predictions."""
        self._answered.inc()
        self._duration.observe(seconds)
        if isinstance(predictions, Batch):
            counted = self._predictions.labels(predictions.model_version, predictions.served_by)
            counted.inc(len(predictions.probabilities()))
            return
        first, rows = predictions[0], len(predictions)
        if rows > 1 and len({each.served_by for each in predictions}) > 1:  # a canary answered some
            for each in predictions:
                self._predictions.labels(each.model_version, each.served_by).inc()
        else:
            self._predictions.labels(first.model_version, first.served_by).inc(rows)

    def failed(self, nonfinite: int) -> None:
        """Count one request that the model could not score, and how many of its flights got no probability."""
        self._errors.inc()
        self._nonfinite.inc(nonfinite)

    def refused(self, status: int) -> None:
        """Count one refusal."""
        self._refused.labels(status).inc()

    def outcomes(self, accepted: int) -> None:
        """Count outcomes that are new."""
        self._outcomes.inc(accepted)

    def answers(self, model: Model | None) -> None:
        """Say which model answers, and since when it is there."""
        manifest = model and model.folder / MANIFEST_FILE
        self._version.set(model.version if model else 0)
        self._published.set(manifest.stat().st_mtime if manifest and manifest.is_file() else 0)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(name, meaning, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(name, meaning, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, meaning, buckets=buckets, registry=self.registry)


def described() -> list[tuple[str, str, str]]:
    """Name, kind and meaning of every metric of our own, as the documentation lists them."""
    metrics = [each for each in Metrics().registry.collect() if not each.name.startswith("process_")]
    return [(each.name + "_total" * (each.type == "counter"), each.type, each.documentation) for each in metrics]
