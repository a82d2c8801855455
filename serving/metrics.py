"""What Prometheus is told; one registry per application, so that two of them in one process do not mix."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048)


class Metrics:
    """The service's metrics, counted once per request or per commit, never per row."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._predictions = Counter("predictions", "Predictions answered", registry=self.registry)
        self._latency = Histogram(
            "request_seconds",
            "From arrival to answer",
            buckets=SECONDS,
            registry=self.registry,
        )
        self._batch = Histogram("batch_rows", "Flights scored together", buckets=ROWS, registry=self.registry)
        self._commit = Histogram(
            "commit_seconds", "Time to log a batch, synced", buckets=SECONDS, registry=self.registry
        )
        self.failed = Counter("predictions_failed", "Requests that the model could not score", registry=self.registry)
        self.refused = Counter("requests_refused", "Requests refused", ["status"], registry=self.registry)
        self.outcomes = Counter("outcomes", "Outcomes accepted", registry=self.registry)
        self.model_version = Gauge("model_version", "Version that answers; 0 is none", registry=self.registry)
        self.log_available = Gauge("log_available", "Whether the log could be written", registry=self.registry)

    def committed(self, rows: int, seconds: float) -> None:
        """Count one commit of some flights."""
        self._batch.observe(rows)
        self._commit.observe(seconds)

    def answered(self, rows: int, seconds: float) -> None:
        """Count one request that got its predictions."""
        self._predictions.inc(rows)
        self._latency.observe(seconds)

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)
