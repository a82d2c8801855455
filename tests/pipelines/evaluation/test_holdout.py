"""There is one access to the holdout, and the plug-ins are told of it before a row is read."""

import ast
import subprocess
from pathlib import Path

import pytest

from flights.config import Settings
from pipelines.evaluation import holdout

ROOT = Path(__file__).parents[3]

DOORS = {  # what names the holdout's file or can, and why it may
    "pipelines/evaluation/holdout.py": "the only access",
    "src/flights/files.py": "names the file",
    "pipelines/rows.py": "reads a part by its name: train, validation and live, and the holdout for its only access",
    "pipelines/split.py": "writes the parts",
    "extras/privacy/forget.py": "erases a subject from every part",
    "extras/evidence/workers.py": "reads train and validation by their names",
    "extras/feature_store/events.py": "writes files of events",
    "extras/feature_store/partitions.py": "reads and writes files of events and their months",
    "extras/feature_store/backfill.py": "repeats files of events",
    "deploy/feast/export.py": "writes published ticks for Feast",
    "deploy/feast/load.py": "reads what the export wrote",
    "extras/new/dates.py": "chooses the days of the parts",
    "extras/new/table.py": "reads a table of another project",
    "extras/benchmarks/score.py": "names partitions of its own",
    "extras/operations/partitions.py": "lists the files of a dataset to be scored",
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


def test_without_a_log_the_holdout_is_read_all_the_same(trained, monkeypatch):
    """Injected: the plug-in is gone. The rows are read, and nothing is counted."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    monkeypatch.setattr(holdout, "hooks", lambda *_: [])
    assert len(holdout.read_holdout(Settings(), "test"))
    holdout.log_version(Settings(), "a", 1)
    assert holdout.access_counts(Settings()) == {"accesses": 0, "candidates": 0}


def test_an_empty_folder_names_the_command(tmp_path, monkeypatch):
    """Without a split there is nothing to look at, and no look."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make split"):
        holdout.read_holdout(Settings(), "test")
    assert holdout.access_counts(Settings()) == {"accesses": 0, "candidates": 0}
