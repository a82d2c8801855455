"""The Grafana board asks for metrics that the service exposes, and for all of them."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.conftest import ROOT, absent
from tests.serving.running import running

FUNCTIONS = {"rate", "histogram_quantile", "sum", "by", "le", "time"}


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The board as `make board` writes it."""
    path = tmp_path_factory.mktemp("grafana") / "build" / "board.json"
    script = ROOT / "deploy" / "grafana" / "board.py"
    subprocess.run([sys.executable, script, path], cwd=ROOT, check=True)
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The families that a running service exposes, as its text format declares them."""
    with running(tmp_path_factory.mktemp("metrics")) as server:
        text = httpx.get(f"{server.url}/metrics").text
    return set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))


def unknown(board: dict[str, Any], exposed: set[str]) -> list[str]:
    """Metrics that a panel names and the service does not expose."""
    exprs = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    words = {word for expr in exprs for word in re.findall(r"[a-z_]{2,}", re.sub(r"\[\w+\]|\d\S*", "", expr))}
    return sorted(
        word for word in words - FUNCTIONS if word not in exposed and word.removesuffix("_bucket") not in exposed
    )


def test_every_panel_names_metrics_that_there_are(board: dict[str, Any], exposed: set[str]):
    """Every metric but the times at which counters began has its panel, and no panel another one."""
    assert unknown(board, exposed) == []
    titles = {panel["title"] for panel in board["panels"]}
    assert {name.removesuffix("_total") for name in exposed if not name.endswith("_created")} <= titles
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids) > 15


@pytest.mark.parametrize(
    ("known", "planted"),
    [
        ("prediction_log_available", "prediction_log_avail"),
        ("outcomes_total", "outcome_total"),
        ("http_request_duration_seconds_bucket", "http_request_seconds_bucket"),
    ],
)
def test_a_panel_of_no_metric_is_found(board: dict[str, Any], exposed: set[str], known: str, planted: str):
    """Planted: a gauge, a counter and a histogram that were renamed."""
    text = json.dumps(board)
    assert known in text
    assert unknown(json.loads(text.replace(known, planted)), exposed) == [planted]


def test_prometheus_can_read_every_query(board: dict[str, Any], tmp_path: Path):
    """As recording rules, which promtool parses; planted: a query with a missing bracket."""
    if shutil.which("promtool") is None:
        absent("promtool")
    exprs = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    for queries, code in ((exprs, 0), ([*exprs, "rate(predictions_total[5m]"], 1)):
        rules = [{"record": f"panel:{number}", "expr": expr} for number, expr in enumerate(queries)]
        (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
        command = ["promtool", "check", "rules", "--lint=none", tmp_path / "rules.yml"]
        assert subprocess.run(command, capture_output=True, check=False).returncode == code
