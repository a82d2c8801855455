"""What identifies someone is not in the log, and what is in it can be forgotten."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from flights.privacy import PERSONAL, pseudonym, pseudonym_key
from flights.registry import Model
from serving.request import example
from tests.serving.published import publish_champion
from tests.serving.running import ROOT, running

HIDDEN = "N0SECR"  # a tail number that nothing else here has


def everything_written(folder: Path) -> bytes:
    """All bytes of the log, of the server's own log and of what lies beside them."""
    files = [*(folder / "4_predictions").iterdir(), *folder.glob("server-*.log")]
    return b"".join(file.read_bytes() for file in files if file.name != "pseudonym.key")


@pytest.mark.ml_test_score("D5")
def test_a_personal_value_reaches_neither_log_nor_metrics_and_is_forgotten(tmp_path: Path):
    """In the clear it is nowhere, answered or refused; by its pseudonym it is in the log until it is forgotten."""
    model: Model = publish_champion(tmp_path / "3_models", 1, seed=1)
    assert PERSONAL == ("tailnum",)
    with running(tmp_path) as server:
        server.wait()
        for tailnum in (HIDDEN, HIDDEN, "N14228", f"{HIDDEN} is no tail number"):
            httpx.post(f"{server.url}/predict", json=example() | {"tailnum": tailnum})
        assert HIDDEN not in httpx.get(f"{server.url}/metrics").text
        name = pseudonym(pseudonym_key(tmp_path))(HIDDEN)
        assert HIDDEN.encode() not in everything_written(tmp_path)
        assert name.encode() in everything_written(tmp_path)
        said = forget(tmp_path)
        assert "forgot 2 predictions" in said
        assert "; 0 left" in said
        assert httpx.post(f"{server.url}/predict", json=example()).json()["model_version"] == model.version
    assert name.encode() not in everything_written(tmp_path)
    assert "forgot 0 predictions" in forget(tmp_path)


def forget(folder: Path) -> str:
    done = ran(folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ran(folder: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "DATA_DIR": str(folder)}
    command = [sys.executable, "-m", "extras.operations.forget_log", HIDDEN]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True, cwd=ROOT)


def test_without_a_key_nothing_is_called_forgotten(tmp_path: Path):
    """Planted: a host without the servers' key. With a new one it would find nobody and say that 0 are left."""
    done = ran(tmp_path)
    assert done.returncode == 1
    assert "not forgotten" in done.stderr
    assert "set PSEUDONYM_KEY" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_another_key_named_is_neither_served_nor_called_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Planted: a second server and a host with keys of their own. The one is not ready, the other finds nobody."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        assert httpx.post(f"{server.url}/predict", json=example() | {"tailnum": HIDDEN}).status_code == 200
    with running(tmp_path, PSEUDONYM_KEY="ab" * 32) as other:
        assert httpx.post(f"{other.url}/predict", json=example()).status_code == 503
        assert httpx.get(f"{other.url}/health/ready").status_code == 503
        assert "made with another key" in other.log.read_text()
    monkeypatch.setenv("PSEUDONYM_KEY", "ab" * 32)
    done = ran(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "made with another key: set PSEUDONYM_KEY" in done.stderr
    monkeypatch.delenv("PSEUDONYM_KEY")
    assert "forgot 1 predictions" in forget(tmp_path)


def test_old_predictions_are_deleted_by_a_running_server(tmp_path: Path):
    """With a retention set, what is older is gone when the server is up."""
    import time

    from serving.prediction_log import PredictionLog
    from tests.serving.test_prediction_log import prediction

    log = PredictionLog(f"sqlite:///{tmp_path}/4_predictions/predictions.db")
    log.write([[prediction("from 2013")]])
    with running(tmp_path, RETENTION_DAYS="30"):
        for _ in range(200):
            if log.find("from 2013") is None:
                break
            time.sleep(0.02)
    assert log.find("from 2013") is None
    log.close()
