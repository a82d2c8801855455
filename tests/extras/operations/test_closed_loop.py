"""The circle closes: a champion that is wrong is seen, trained again, gated, promoted, and quality comes back."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extras.operations import loop
from flights import registry
from flights.artifacts import read_json, read_parquet, sha256, write_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.log_reader import engine, logged_predictions
from monitoring import monitor, replay
from monitoring.check import out_of_range
from monitoring.checks import performance
from monitoring.findings import findings
from pipelines import evaluate, train
from pipelines.evaluation.publish import promote_evaluated
from tests.swap.swapped import mark_installed

pytestmark = [pytest.mark.exhibit, pytest.mark.filterwarnings("ignore")]

DECEMBER = pd.Timestamp("2013-12-01")
Makes = Callable[[Settings], None]


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
    with pytest.raises(registry.PromotionRefused, match="the gate blocked version 1"):
        promote_evaluated(settings)
    verdict = registry.model_folder(settings.models_dir, 1) / "gate.json"
    registry._append(settings.models_dir, "promote", None, 1, sha256(verdict))
    return settings


@pytest.fixture
def makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Makes:
    """Let `make` use this interpreter's packages, and take sampled rows for what collect and validate made."""
    venv = tmp_path / "venv"
    venv.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (venv / name).symlink_to(Path(sys.prefix) / name)
    mark_installed(venv)
    monkeypatch.setenv("VENV", str(venv))

    def ready(settings: Settings) -> None:
        (settings.raw_dir / "manifest.json").write_text("{}")
        made = ["candidate.json", "evaluation.json", "promotion.json"]
        done = [settings.raw_dir / "valid.parquet", settings.splits_dir / "manifest.json"]
        for path in [*done, *(settings.candidate_dir / name for name in made)]:
            if path.exists():
                path.touch()

    return ready


def replayed(monkeypatch: pytest.MonkeyPatch, first: str, last: str, drill: str = "") -> None:
    """Send some days to the server, with their outcomes as late as they were."""
    for name, value in (("FROM", first), ("TO", last), ("DRILL", drill)):
        monkeypatch.setenv(name, value)
    replay.main()
    monkeypatch.setattr(sys, "argv", ["monitor"])


def look(settings: Settings) -> dict:
    """Run the monitor and return its decision."""
    with pytest.raises(SystemExit):
        monitor.main()
    return read_json(settings.reports_dir / "decision.json", "")


@pytest.mark.ml_test_score("I3")
@pytest.mark.heavy
def test_the_loop_closes(
    wrongly_promoted: Settings, makes: Makes, evidently: None, monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    """Over HTTP: two weeks of a bad champion, the decision, a retraining through the gate, two weeks of a good one."""
    settings = wrongly_promoted
    makes(settings)
    with loop.server(settings) as port:
        monkeypatch.setenv("PORT", port)
        replayed(monkeypatch, "2013-11-01", "2013-11-14")
        before = look(settings)
        assert (before["action"], before["act"]) == ("retrain", True), before["reasons"]
        assert dict(loop.act_on(settings, before["action"], DECEMBER))["retrain"].endswith("champion 2")
        loop.wait_for_champion(settings, port)
        replayed(monkeypatch, "2013-12-01", "2013-12-14")
        after = look(settings)
    quality = [
        next(row["now"]["value"] for row in seen["expectations"] if row["metric"] == "roc_auc")
        for seen in (before, after)
    ]
    assert quality[0] < 0.4
    assert quality[1] > 0.6
    assert after["action"] not in ("retrain", "recalibrate", "roll back"), after["reasons"]
    assert "champion 2 took over" in "".join(page.read_text() for page in settings.reports_dir.rglob("alarms/*.html"))


@pytest.mark.heavy
def test_the_conductor_goes_round(
    a_copy: Path, makes: Makes, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """`make loop` on a sample: both live months are sent and looked at, November ends in a retraining."""
    settings = Settings()
    makes(settings)
    monkeypatch.setattr(sys, "argv", ["loop"])
    loop.main()
    told = [line.split("│")[1].strip() for line in capfd.readouterr().out.splitlines() if line.count("│") == 3]
    stages = [stage for stage in told if stage]
    assert stages[:3] == ["train", "replay 2013-11", "monitor 2013-11"]
    assert stages[-2:] == ["replay 2013-12", "monitor 2013-12"]
    assert stages[3] == "retrain"  # 29 days old: whatever else a sample's noise fires, the model is due
    assert (settings.models_dir / "candidates" / "2013-12-01" / "evaluation.json").exists()
    log = engine(settings.log_url)
    rows = logged_predictions(log)
    log.dispose()
    assert len(rows) == len(read_parquet(settings.splits_dir / "live.parquet", ""))
    serving = rows.loc[rows["event_time"] > "2013-12-02", "model_version"].unique().tolist()
    assert serving == [registry.champion(settings.models_dir)]


@pytest.mark.heavy
def test_a_slower_world_is_met_by_recalibrating(
    a_copy: Path, makes: Makes, evidently: None, monkeypatch: pytest.MonkeyPatch
):
    """Planted: every flight ten minutes later. The bias fires, slope and shift are fitted again, the bias is back."""
    drills = pytest.importorskip("extras.drills.faults")
    settings = Settings()
    makes(settings)
    with loop.server(settings) as port:
        monkeypatch.setenv("PORT", port)
        monkeypatch.setattr(drills, "CLEAN_DAYS", 5)
        replayed(monkeypatch, "2013-11-01", "2013-11-30", "slower")
        before = look(settings)
        assert before["action"] == "recalibrate", before["reasons"]
        assert dict(loop.act_on(settings, before["action"], DECEMBER))["recalibrate"].endswith("champion 2")
        loop.wait_for_champion(settings, port)
        monkeypatch.setattr(drills, "CLEAN_DAYS", -1)
        replayed(monkeypatch, "2013-12-01", "2013-12-11", "slower")
    bias = next(check for check in findings(settings).checks if check.name == "bias")
    judged = ["2013-12-07", "2013-12-08", "2013-12-09"]
    assert not out_of_range(bias)[judged].any()
    live = read_parquet(settings.splits_dir / "live.parquet", "").dropna(subset="arrival_delay")
    live = live[live["scheduled_departure"].between("2013-12-01T05", "2013-12-10T05")]
    stale = registry.load(settings.models_dir, 1).score(as_arrays(live))  # what would have been answered without
    late = targets(live.assign(arrival_delay=live["arrival_delay"] + 10))
    assert stale.mean() - late.mean() < -performance.MAX_BIAS


@pytest.mark.heavy
def test_a_bad_new_champion_is_rolled_back(
    a_copy: Path, makes: Makes, evidently: None, monkeypatch: pytest.MonkeyPatch
):
    """Planted: a next version that learned the contrary. Quality goes with it, and the old one comes back."""
    bad_version = pytest.importorskip("extras.drills.bad_version")
    settings = Settings()
    makes(settings)
    with loop.server(settings) as port:
        monkeypatch.setenv("PORT", port)
        replayed(monkeypatch, "2013-11-01", "2013-11-05")
        bad_version.reversed_version(settings, registry.load(settings.models_dir, 1))
        loop.wait_for_champion(settings, port)
        replayed(monkeypatch, "2013-11-06", "2013-11-18")
        decision = look(settings)
        assert decision["action"] == "roll back", decision["reasons"]
        assert dict(loop.act_on(settings, decision["action"], DECEMBER)) == {"roll back": "champion 1"}
        loop.wait_for_champion(settings, port)


@pytest.mark.heavy
def test_a_retraining_that_is_refused_is_not_tried_for_ever(
    wrongly_promoted: Settings, makes: Makes, evidently: None, monkeypatch: pytest.MonkeyPatch
):
    """Planted: outcomes dealt out at random, from which nothing can be learned. The gate refuses what was trained on
    them, the champion stays, and the next round asks a person, for whom the machine leaves everything alone.
    """  # fmt: skip
    settings = wrongly_promoted
    valid = settings.raw_dir / "valid.parquet"
    rows = read_parquet(valid, "")
    write_parquet(valid, rows.assign(arrival_delay=np.random.default_rng(1).permutation(rows["arrival_delay"])))
    makes(settings)
    with loop.server(settings) as port:
        monkeypatch.setenv("PORT", port)
        replayed(monkeypatch, "2013-11-01", "2013-11-14")
        first = look(settings)
        assert first["action"] == "retrain", first["reasons"]
        assert dict(loop.act_on(settings, "retrain", pd.Timestamp("2013-11-15")))["retrain"].endswith("champion 1")
        assert not read_json(registry.model_folder(settings.models_dir, 2) / "gate.json", "")["passed"]
        replayed(monkeypatch, "2013-11-15", "2013-11-16")
        second = look(settings)
    assert (second["action"], second["act"]) == ("ask a person", True)
    assert list(loop.act_on(settings, second["action"], DECEMBER)) == []
    assert registry.champion(settings.models_dir) == 1
