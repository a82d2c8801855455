"""Every look at the holdout is on record, and rows that training saw are found under any name."""

import ast
import json
import subprocess
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from flights.artifacts import read_json
from flights.config import Settings
from pipelines.evaluation import holdout
from pipelines.evaluation.inputs import candidate_folder

ROOT = Path(__file__).parents[3]


@pytest.mark.exhibit
def test_the_first_look_is_the_evaluation_of_the_first_candidate(trained, monkeypatch):
    """The ledger names step, candidate, holdout, days and the version that came of it; the report counts it."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    look = holdout.accesses(Settings())[0]
    assert (look.look, look.by, look.candidate) == (1, "evaluate", candidate_folder(Settings()).name)
    assert len(look.candidate_digest) == len(look.holdout_digest) == 64
    assert (look.first, look.end, look.version) == ("2013-09-01", "2013-10-30", 1)
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert report["holdout_access"]["accesses"] >= 1


def test_a_look_is_appended_before_anything_is_seen(a_copy):
    """Planted: a holdout that cannot be read. The look is on record all the same, and no line before it has changed."""
    settings = Settings()
    path = holdout.access_log_path(settings)
    before = path.read_text()
    (settings.splits_dir / "holdout.parquet").write_bytes(b"broken")
    with pytest.raises(ValueError, match="Parquet"):
        holdout.read_holdout(settings, "test", "a")
    assert path.read_text().startswith(before)
    assert [look.look for look in holdout.accesses(settings)] == [*range(1, len(holdout.accesses(settings)) + 1)]
    assert json.loads(path.read_text().splitlines()[-1])["by"] == "test"


def test_candidates_are_counted_once(a_copy):
    """Three looks for two candidates."""
    settings = Settings()
    holdout.access_log_path(settings).unlink()
    for candidate in ("a", "a", "b"):
        holdout.log_access(settings, "test", candidate, "")
    assert holdout.access_counts(settings) == {"accesses": 3, "candidates": 2}


@pytest.mark.parametrize(("as_of", "looks"), [("2013-12-01", 3), ("2013-09-01", 1)])
def test_a_look_at_some_of_the_same_days_is_a_look(a_copy, as_of, looks):
    """Retrained a month later, looks at September and October and the backtest's count; in summer, that one."""
    settings = Settings()
    holdout.access_log_path(settings).unlink()
    for candidate in ("a", "b"):
        holdout.log_access(settings, "evaluate", candidate)
    start, end = (pd.Timestamp(day, tz="America/New_York") for day in ("2013-04-01", "2014-01-01"))
    holdout.log_access(settings, "backtest", period=(start, end))
    assert holdout.access_counts(settings)["accesses"] == 3
    assert holdout.access_counts(settings.model_copy(update={"as_of": date.fromisoformat(as_of)}))["accesses"] == looks


def test_the_version_is_that_of_the_newest_look(a_copy):
    """One candidate is evaluated twice, and published as 4 and 7."""
    settings = Settings()
    holdout.access_log_path(settings).unlink()
    for version in (4, 7):
        holdout.log_access(settings, "evaluate", "a")
        holdout.log_version(settings, "a", version)
    assert [look.version for look in holdout.accesses(settings)] == [4, 7]


DOORS = {  # what names the holdout's file or can, and why it may
    "pipelines/evaluation/holdout.py": "the only access",
    "src/flights/files.py": "names the file",
    "pipelines/rows.py": "reads a part by its name: train, validation and live, and the holdout for its only access",
    "pipelines/split.py": "writes the parts",
    "extras/privacy/forget.py": "erases a subject from every part",
    "extras/evidence/workers.py": "reads train and validation by their names",
    "extras/benchmarks/score.py": "names partitions of its own",
    "extras/drills/drill_helpers.py": "works on a copy, ledger and all",
    "extras/drills/data.py": "works on a copy",
    "extras/drills/models.py": "works on a copy",
}
SIDE_DOORS = {
    "by its name": 'read_parquet(folder / "holdout.parquet")',
    "by its part": 'labelled_rows(settings, "holdout")',
    "among others": 'parts = [read(part) for part in ("train", "holdout")]',
    "by f-string": 'read_parquet(folder / f"{part}.parquet")',
    "by addition": 'read_parquet(folder / (part + ".parquet"))',
    "by its constant": "read_parquet(folder / HOLDOUT_FILE)",
    "by a keyword": 'labelled_rows(settings, part="holdout")',
}


def is_door(text: str) -> bool:
    """Whether some code names the holdout's file, hands its name on, or builds the name of a part's file."""
    for node in ast.walk(ast.parse(text)):
        given: list[ast.expr] = []
        if isinstance(node, ast.Call):
            given = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Tuple | ast.List | ast.Set):
            given = node.elts
        if any(isinstance(each, ast.Constant) and each.value == "holdout" for each in given):
            return True
        if isinstance(node, ast.Constant) and node.value in {"holdout.parquet", ".parquet"}:
            return True
        if isinstance(node, ast.Name) and node.id == "HOLDOUT_FILE":
            return True
    return False


def test_there_is_no_other_door():
    """No module in any folder reads the holdout without the ledger; each that could is listed with its reason."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    sources = [name for name in listed.stdout.splitlines() if not name.startswith("tests/") and (ROOT / name).exists()]
    assert {name for name in sources if is_door((ROOT / name).read_text())} == set(DOORS)


@pytest.mark.parametrize("source", SIDE_DOORS.values(), ids=SIDE_DOORS)
def test_a_side_door_is_found(source):
    """Planted: ways to read the holdout past the ledger."""
    assert is_door(source)
    assert not is_door('holdout.read_holdout(settings, "evaluate"); report["holdout"]; read(folder / "train.parquet")')


def test_a_torn_line_is_no_look_and_an_altered_one_is_named(a_copy):
    """Planted: half a last line, as a full disk leaves it; evaluation goes on. Then a whole line that is no look."""
    settings = Settings()
    path = holdout.access_log_path(settings)
    before = holdout.accesses(settings)
    with path.open("a") as file:
        file.write('{"look": 9, "at": "20')
    assert holdout.accesses(settings) == before
    look = holdout.log_access(settings, "test", "a", "")
    assert holdout.accesses(settings) == [*before, look]
    assert look.look == len(before) + 1
    path.write_text("not a look\n" + path.read_text())
    with pytest.raises(holdout.BrokenAccessLog, match="line 1: expected a holdout access, got 'not a look'"):
        holdout.accesses(settings)


def test_an_empty_folder_names_the_command(tmp_path, monkeypatch):
    """Without a split there is nothing to look at, and no look."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make split"):
        holdout.read_holdout(Settings(), "test")
    assert holdout.accesses(Settings()) == []
