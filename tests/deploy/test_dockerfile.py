"""The linter finds nothing in the Dockerfile, and would."""

import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, tool

pytestmark = pytest.mark.heavy


def test_the_dockerfile_is_clean():
    """Every rule of hadolint holds, but for one that is argued beside the line."""
    assert subprocess.run([tool("hadolint"), ROOT / "Dockerfile"], check=False).returncode == 0
    assert (ROOT / "Dockerfile").read_text().count("hadolint ignore") == 1


def test_an_unpinned_base_is_refused(tmp_path: Path):
    """Planted: a base image without a tag."""
    planted = tmp_path / "Dockerfile"
    planted.write_text((ROOT / "Dockerfile").read_text().replace("FROM python:3.13-slim", "FROM python"))
    done = subprocess.run([tool("hadolint"), planted], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "DL3006" in done.stdout
