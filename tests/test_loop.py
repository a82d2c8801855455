"""The circle closes: a champion that is wrong is seen, trained anew, gated, promoted, and quality comes back."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from flights import registry
from flights.artifacts import read_json, read_parquet, sha256, write_parquet
from flights.config import Settings
from monitoring import monitor, replay
from pipelines import evaluate, loop, promote, train

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future


@pytest.fixture
def wrongly_promoted(split_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A DATA_DIR whose champion learned from labels that say the contrary, and was promoted past the gate."""
    folder = tmp_path / "data"
    shutil.copytree(split_data, folder)
    monkeypatch.setenv("DATA_DIR", str(folder))
    settings = Settings()
    for part in ("train", "validation"):
        path = settings.splits_dir / f"{part}.parquet"
        rows = read_parquet(path, "")
        contrary = np.where(rows["arrival_delay"] >= 15, -5.0, 60.0)
        write_parquet(path, rows.assign(arrival_delay=np.where(rows["arrival_delay"].isna(), np.nan, contrary)))
    train.main()
    evaluate.main()
    with pytest.raises(registry.PromotionRefused, match="the gate refused version 1"):
        promote.promoted(settings)
    verdict = registry.model_folder(settings.models_dir, 1) / "gate.json"
    registry.promote(settings.models_dir, 1, expected=None, gate_digest=sha256(verdict))
    return settings


@pytest.fixture
def makes(wrongly_promoted: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `make` use this interpreter's packages, and take the sampled rows for what collect and validate made."""
    venv = tmp_path / "venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    (venv / "installed").touch()
    monkeypatch.setenv("VENV", str(venv))
    (wrongly_promoted.raw_dir / "manifest.json").write_text("{}")
    (wrongly_promoted.raw_dir / "valid.parquet").touch()


def look(settings: Settings) -> dict:
    """Run the monitor and return its decision."""
    with pytest.raises(SystemExit):
        monitor.main()
    return read_json(settings.reports_dir / "decision.json", "")


@pytest.mark.heavy
def test_the_loop_closes(
    wrongly_promoted: Settings, makes: None, evidently: None, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):  # fmt: skip
    """Over HTTP: two weeks of a bad champion, the decision, a retraining through the gate, two weeks of a good one."""
    settings = wrongly_promoted
    with loop.server(settings) as port:
        monkeypatch.setenv("PORT", port)
        monkeypatch.setattr(sys, "argv", ["replay", "--from", "2013-11-01", "--to", "2013-11-14"])
        replay.main()
        monkeypatch.setattr(sys, "argv", ["monitor"])
        before = look(settings)
        assert (before["action"], before["act"]) == ("retrain", True), before["reasons"]
        assert dict(loop.acted(settings, before["action"], "2013-11"))["retrain"].endswith("champion 2")
        loop.wait_for_champion(settings, port)
        monkeypatch.setattr(sys, "argv", ["replay", "--from", "2013-12-01", "--to", "2013-12-14"])
        replay.main()
        monkeypatch.setattr(sys, "argv", ["monitor"])
        after = look(settings)
    quality = [
        next(row["now"]["value"] for row in seen["promises"] if row["metric"] == "roc_auc") for seen in (before, after)
    ]
    assert quality[0] < 0.4
    assert quality[1] > 0.6
    assert after["action"] not in ("retrain", "recalibrate", "roll back"), after["reasons"]
    assert "champion 2 took over" in "".join(page.read_text() for page in settings.reports_dir.rglob("alarms/*.html"))
