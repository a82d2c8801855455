"""The Makefile is the loop's table of contents: it lists itself, and names the next command when something is off."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def test_help_is_the_default_and_lists_every_target():
    """Every target with a `##` comment appears; there is no list to forget."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)
    assert len(targets) > 15
    listed = make().stdout
    assert all(f"make {target} " in listed for target in targets)


def test_the_list_is_aligned():
    """Every explanation begins in the same column, however long the target's name is."""
    lines = [line for line in make().stdout.splitlines() if line.startswith("  make ")]
    assert len({re.match(r"  make [a-z-]+ +", line).end() for line in lines}) == 1


def test_every_target_is_explained():
    """No public target without a word about it."""
    makefile = (ROOT / "Makefile").read_text()
    unexplained = [
        line for line in re.findall(r"^[a-z-]+:.*$", makefile, re.MULTILINE) if "##" not in line and line != "help:"
    ]
    assert unexplained == []


@pytest.fixture
def trained_folder(tmp_path: Path) -> list[str]:
    """Words for `make` with a data folder and an environment in which everything is up to date."""
    made = ("1_raw/manifest.json", "1_raw/valid.parquet", "2_splits/2013-11-01/manifest.json")
    models = (f"3_models/candidates/2013-11-01/{name}.json" for name in ("candidate", "evaluation", "promotion"))
    for name in ("installed", *made, *models):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return [f"DATA_DIR={tmp_path}", f"VENV={tmp_path}", "AS_OF=2013-11-01"]


@pytest.mark.parametrize(
    ("edited", "first"),
    [
        ("src/flights/config.py", "split"),
        ("src/flights/dataset.py", "collect"),
        ("src/flights/features.py", "train"),
        ("src/flights/heuristic.py", "train"),
        ("pipelines/training/recalibration.py", "train"),
        ("pipelines/gate.py", "evaluate"),
        ("pipelines/evaluation/holdout.py", "evaluate"),
        ("pipelines/evaluation/slices.py", "evaluate"),
        ("pipelines/collection/conditions.py", "collect"),
        ("pipelines/rows.py", "split"),
        ("README.md", "summary"),
    ],
)
def test_what_was_edited_is_done_again(trained_folder, edited, first):
    """`make train` starts at the first step that the edited file decides; a file that decides nothing starts none."""
    steps = re.findall(r"-m pipelines\.(\w+)", make("-n", "-W", edited, "train", *trained_folder).stdout)
    assert steps[0] == first


def test_a_verdict_is_asked_for_again_when_somebody_answers_for_it(trained_folder):
    """With REPLACE_CHAMPION evaluation is done again, though nothing was edited; without, it is not."""
    for words, steps in ((["REPLACE_CHAMPION=true"], ["evaluate", "promote", "summary"]), ([], ["summary"])):
        printed = make("-n", "train", *trained_folder, *words).stdout
        assert re.findall(r"-m pipelines\.(\w+)", printed) == steps


def test_an_old_python_is_refused_with_the_way_out(tmp_path):
    """Planted: a Python that says it is 3.10."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 1); $2"\n')
    python.chmod(0o755)
    answer = make("install", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}")
    assert answer.returncode != 0
    assert "PYTHON=python3.12" in answer.stderr
    assert not (tmp_path / "venv").exists()
