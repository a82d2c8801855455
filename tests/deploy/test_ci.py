"""CI refuses what a person may skip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.deploy.conftest import ROOT


def test_ci_without_kubectl_ends_at_once(tmp_path: Path):
    """Planted: a PATH without it. One line says so before anything is installed; there is no package to install."""
    for name in ("bash", "dirname"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = subprocess.run(
        ["bash", ROOT / ".ci/run"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("expected kubectl, found none")


def test_a_skipped_test_fails_in_ci(tmp_path: Path):
    """Planted: a test that lacks a part. It is skipped for a person and fails under what .ci/run exports."""
    (tmp_path / "test_planted.py").write_text("import pytest\n\ndef test_it():\n    pytest.skip('no part')\n")
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    exported = [line.split()[1] for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("export ")]
    for setting, code in ((exported[:1], 1), ([], 0)):
        environment = {name: value for name, value in os.environ.items() if name != "CI"}
        environment |= dict(each.split("=") for each in setting) | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
        done = subprocess.run(words, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout
