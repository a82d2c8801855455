"""The notebook runs, on real rows, and its own check can refuse."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "explore.py"


def executed(script: Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DATA_DIR": str(data_dir), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, str(script)], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_notebook_runs(split_data):
    """Every cell, as a plain script; `make docs-check` executes it as a notebook."""
    done = executed(NOTEBOOK, split_data)
    assert done.returncode == 0, done.stderr
    assert "late" in done.stdout


def test_a_feature_that_is_too_good_stops_it(split_data, tmp_path):
    """Planted: the outcome among the features."""
    leaky = tmp_path / "explore.py"
    source = NOTEBOOK.read_text()
    line = "alone = features.apply(area)"
    assert line in source
    leaky.write_text(source.replace(line, f"features['leak'] = known['late'].to_numpy()\n{line}"))
    done = executed(leaky, split_data)
    assert done.returncode != 0
    assert "leak alone reaches 1.00" in done.stderr


def test_no_output_is_kept_in_the_repository():
    """The source is a script: there is no notebook file whose outputs could be stale."""
    listed = subprocess.run(["git", "ls-files", "*.ipynb"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout == ""
