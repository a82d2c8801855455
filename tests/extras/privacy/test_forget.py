"""A subject is gone from every file, and where it is not that is found and said."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from extras.privacy import forget
from extras.privacy.scan import traces
from flights import registry
from flights.artifacts import read_parquet, sha256, write_parquet
from flights.config import Settings
from flights.contract import PERSONAL
from flights.dataset import KEY
from flights.extras.privacy import pseudonym_key, pseudonymizer
from flights.files import GOLDEN_FILE
from flights.log_reader import engine
from flights.predictions import Prediction, add
from tests.declared import BY_NAME

pytestmark = pytest.mark.skipif(not PERSONAL, reason="no declared column is personal")
NAME = next(iter(PERSONAL), "")


@pytest.fixture
def run(a_copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command, for the subject that has most rows."""
    subject = read_parquet(a_copy / "1_raw" / "valid.parquet", "")[NAME].value_counts().index[0]
    monkeypatch.setattr(sys, "argv", ["forget", subject])
    pseudonym_key(a_copy, make=True)

    def said() -> str:
        forget.main()
        return capsys.readouterr().out

    said.subject = subject  # type: ignore[attr-defined]
    return said


@pytest.mark.ml_test_score("D5")
def test_a_subject_is_gone_from_every_file(a_copy: Path, run):
    """Rows, quarantine and splits are without it, manifests are true, the champion still verifies; again is nothing."""
    before = {trace.file.name for trace in traces(a_copy, [run.subject])}
    assert {"valid.parquet", "train.parquet"} <= before
    said = run()
    assert "nothing left" in said
    assert list(traces(a_copy, [run.subject])) == []
    splits = Settings().splits_dir
    manifest = json.loads((splits / "manifest.json").read_text())
    for name, part in manifest["parts"].items():
        assert part["sha256"] == sha256(splits / f"{name}.parquet")
        assert part["rows"] == len(read_parquet(splits / f"{name}.parquet", ""))
    assert manifest["source_sha256"] == sha256(a_copy / "1_raw" / "valid.parquet")
    assert registry.load(Settings().models_dir, 1)
    assert "wrote nothing new" in run()


def test_a_published_model_holds_no_personal_value(a_copy: Path):
    """Neither its reference nor its golden predictions: a folder that never changes could not forget."""
    folder = registry.model_folder(Settings().models_dir, 1)
    golden = None if BY_NAME[NAME].nullable else BY_NAME[NAME].example
    assert NAME not in read_parquet(folder / "reference.parquet", "")
    assert {row[NAME] for row in json.loads((folder / GOLDEN_FILE).read_text())["inputs"]} == {golden}


@pytest.mark.ml_test_score("D5", injects="the subject in a report, a candidate, a published card")
@pytest.mark.parametrize("place", ["5_reports/note.html", "3_models/candidates/old.json", "3_models/flights/1/card.md"])
def test_what_is_left_is_found_and_named(a_copy: Path, run, capsys, place: str):
    """Planted: the subject in a report, a candidate, a published card. It is not called forgotten."""
    (a_copy / place).parent.mkdir(exist_ok=True)
    (a_copy / place).write_text(f"<td>{run.subject}</td>")
    with pytest.raises(SystemExit, match="not forgotten"):
        run()
    assert f"{place}, in its bytes" in capsys.readouterr().out


def test_a_pseudonym_in_the_log_is_a_trace_too(a_copy: Path, run, capsys):
    """Planted: a logged prediction, which only `make forget`'s other half deletes."""
    name = pseudonymizer(pseudonym_key(a_copy))(run.subject)
    log = engine(Settings().log_url)
    add(log, [Prediction("a", "now", "then", json.dumps({NAME: name}), 0.5, False, 0.5, 1, "digest")])
    log.dispose()
    with pytest.raises(SystemExit, match="not forgotten"):
        run()
    assert "predictions.db, table predictions, column inputs" in capsys.readouterr().out


def test_no_subject_is_nobody(monkeypatch: pytest.MonkeyPatch):
    """The command says what it expects."""
    for words in ([], [""], ["N1", "N2"]):
        monkeypatch.setattr(sys, "argv", ["forget", *words])
        with pytest.raises(SystemExit, match="expected one subject"):
            forget.main()


@pytest.mark.parametrize("manifest", [{"source": "mine"}, {"file": "collected.parquet"}, {"file": {"rows": 1}, "x": 2}])
def test_a_manifest_of_another_collect_is_kept(a_copy: Path, run, manifest: dict):
    """Injected: a manifest as another collect.py writes it. What it says of the file is renewed, if it does."""
    path = a_copy / "1_raw" / "manifest.json"
    path.write_text(json.dumps(manifest))
    write_parquet(a_copy / "1_raw" / "collected.parquet", read_parquet(a_copy / "1_raw" / "valid.parquet", ""))
    assert "nothing left" in run()
    renewed = json.loads(path.read_text())
    assert set(renewed) == {*manifest, "forgotten"}
    if isinstance(manifest.get("file"), dict):
        assert renewed["file"]["rows"] == len(read_parquet(a_copy / "1_raw" / "collected.parquet", ""))


def test_an_unfinished_split_does_not_stop_it(a_copy: Path, run):
    """Injected: a split without its manifest, and one without a part's file."""
    splits = Settings().splits_dir
    (splits.parent / "2013-12-01").mkdir()
    (splits / "live.parquet").unlink()
    assert "nothing left" in run()


@pytest.mark.parametrize("subject", ["100", "7", "1234567"])
def test_a_short_number_is_not_searched_for_in_texts(a_copy: Path, monkeypatch, capsys, subject: str):
    """Injected: a subject that is a usual number. Its rows go, a page with the number is no trace, and that is said."""
    pseudonym_key(a_copy, make=True)
    table = a_copy / "1_raw" / "valid.parquet"
    rows = read_parquet(table, "")
    rows.loc[rows.index[:3], NAME] = subject
    write_parquet(table, rows)
    (a_copy / "5_reports").mkdir(exist_ok=True)
    (a_copy / "5_reports" / "page.html").write_text(f"<td>{subject} rows</td>")
    monkeypatch.setattr(sys, "argv", ["forget", subject])
    forget.main()
    said = capsys.readouterr().out
    assert "nothing left" in said
    assert f"{subject} is too short to look for in texts" in said
    assert subject not in set(read_parquet(table, "")[NAME])


def test_a_short_number_left_in_a_table_is_found(a_copy: Path, monkeypatch, capsys):
    """Injected: a table that nobody erases from has the subject in a personal column."""
    pseudonym_key(a_copy, make=True)
    write_parquet(a_copy / "4_predictions" / "kept.parquet", pd.DataFrame({NAME: ["100"]}))
    monkeypatch.setattr(sys, "argv", ["forget", "100"])
    with pytest.raises(SystemExit, match="not forgotten"):
        forget.main()
    assert f"kept.parquet, column {NAME}" in capsys.readouterr().out


def test_a_key_that_names_the_subject_is_said(a_copy: Path, run):
    """Injected: keys that hold the subject. They were in the log as request IDs."""
    table = a_copy / "1_raw" / "valid.parquet"
    rows = read_parquet(table, "")
    theirs = rows[NAME] == run.subject
    rows.loc[theirs, KEY] = [f"2013-11-01-{run.subject}-{number}" for number in range(theirs.sum())]
    write_parquet(table, rows)
    assert f"{KEY} held the subject, as 2013-11-01-{run.subject}-0" in run()
