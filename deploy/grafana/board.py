"""Write a Grafana board with a panel for each metric that the service exposes: `make board`.

Usage: python deploy/grafana/board.py build/grafana.json
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from flights.config import Settings
from serving.app import create_service

WIDTH, HEIGHT = 12, 8  # of a panel, on Grafana's grid of 24 columns
QUANTILES = (0.5, 0.99)
SOURCE = {"type": "prometheus", "uid": "${source}"}


def main() -> None:
    """Write the board."""
    path = Path(sys.argv[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    found = board(exposed())
    path.write_text(json.dumps(found, indent=1) + "\n")
    print(f"board     wrote {len(found['panels'])} panels to {path}: import it in Grafana")


def exposed() -> list[Metric]:
    """The metrics of a service with its extras, from its own registry."""
    with tempfile.TemporaryDirectory() as folder:
        return list(create_service(Settings(data_dir=Path(folder))).registry.collect())


def board(metrics: list[Metric]) -> dict[str, Any]:
    """A board of one panel per metric."""
    variable = {"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}
    return {
        "title": "ml-loop: the service",
        "uid": "ml-loop-service",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "panels": [panel(number, metric) for number, metric in enumerate(metrics)],
    }


def panel(number: int, metric: Metric) -> dict[str, Any]:
    """A time series of one metric."""
    exprs = queries(metric)
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": metric.name,
        "description": metric.documentation,
        "datasource": SOURCE,
        "gridPos": {"x": number % 2 * WIDTH, "y": number // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit(metric.name)}, "overrides": []},
        "targets": [{"refId": chr(ord("A") + place), "expr": expr} for place, expr in enumerate(exprs)],
    }


def queries(metric: Metric) -> list[str]:
    """What to ask Prometheus: rates of counters, quantiles of histograms, ages of times, and values as they are."""
    name = metric.name
    if metric.type == "counter":
        return [f"rate({name}_total[5m])"]
    if metric.type == "histogram":
        return [f"histogram_quantile({each}, sum by (le) (rate({name}_bucket[5m])))" for each in QUANTILES]
    return [f"time() - {name}" if name.endswith("_timestamp_seconds") else name]


def unit(name: str) -> str:
    """Grafana's name of a metric's unit."""
    return next((unit for suffix, unit in (("_seconds", "s"), ("_bytes", "bytes")) if name.endswith(suffix)), "short")


if __name__ == "__main__":
    main()
