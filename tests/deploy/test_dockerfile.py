"""The linter finds nothing in the Dockerfiles, and would."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, tool

pytestmark = pytest.mark.heavy


FILES = {"Dockerfile": 1, "deploy/batch/Dockerfile": 0}  # rules that are argued away next to a line


@pytest.mark.parametrize("file", FILES)
def test_the_dockerfile_is_clean(file: str):
    """Every rule of hadolint holds, but for one that is argued next to the line."""
    assert subprocess.run([tool("hadolint"), ROOT / file], check=False).returncode == 0
    assert (ROOT / file).read_text().count("hadolint ignore") == FILES[file]


@pytest.mark.parametrize("file", FILES)
def test_an_unpinned_base_is_refused(file: str, tmp_path: Path):
    """Planted: a base image without a tag."""
    planted = tmp_path / "Dockerfile"
    planted.write_text((ROOT / file).read_text().replace("FROM python:3.13-slim", "FROM python"))
    done = subprocess.run([tool("hadolint"), planted], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DL3006" in done.stdout
