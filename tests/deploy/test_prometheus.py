"""Every alert fires where it should and nowhere else, on metrics that the service really has."""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from flights.config import Settings
from serving.app import create_app
from tests.deploy.conftest import ROOT, absent

FOLDER = ROOT / "deploy" / "prometheus"


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """What Prometheus' own checker says."""
    if shutil.which("promtool") is None:
        absent("promtool")
    return subprocess.run(["promtool", *words], cwd=FOLDER, capture_output=True, text=True, check=False)


def test_rules_and_configuration_are_valid():
    """As Prometheus would load them."""
    assert promtool("check", "rules", "rules.yml").returncode == 0
    assert promtool("check", "config", "prometheus.yml").returncode == 0


@pytest.mark.ml_test_score("O6", injects="A healthy service fires no alert; each planted fault fires its own")
def test_every_alert_rings_where_it_should():
    """A healthy service fires nothing; each planted fault fires its alert."""
    done = promtool("test", "rules", "rules_test.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = set(re.findall(r"alert: (\w+)", (FOLDER / "rules.yml").read_text()))
    rung = set(re.findall(r'alertname="(\w+)"', (FOLDER / "rules_test.yml").read_text()))
    assert alerts == rung


def test_an_alert_that_cannot_ring_is_found(tmp_path: Path):
    """Planted: a comparison whose sides have different labels, which matches nothing."""
    shutil.copytree(FOLDER, tmp_path / "rules")
    rules = tmp_path / "rules" / "rules.yml"
    rules.write_text(rules.read_text().replace("sum without (status) ", ""))
    assert promtool("test", "rules", tmp_path / "rules" / "rules_test.yml").returncode == 1


def test_the_rules_speak_of_metrics_that_there_are(tmp_path: Path):
    """Every metric that a rule names is one that the service, with its extras, has."""
    names = set(re.findall(r"\b([a-z_]+)(?=\{|\[| ==| > )", (FOLDER / "rules.yml").read_text())) - {"up"}
    service = create_app(Settings(data_dir=tmp_path))
    metrics = next(route.endpoint for route in service.routes if getattr(route, "path", "") == "/metrics")
    page = asyncio.run(metrics()).body.decode()
    assert len(names) > 5
    assert {name for name in names if f"# TYPE {re.sub('_(bucket|count)$', '', name)} " not in page} == set()
