"""Extras plug in by being there, and nothing misses one that is not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from serving.service import EXTRAS
from tests.serving.running import ROOT

ROUTES = """
from flights.config import Settings
from serving.app import create_app
print(sorted(create_app(Settings()).openapi()["paths"]))
"""


def paths(tree: Path) -> str:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{tree}", "DATA_DIR": str(tree / "data")}
    command = [sys.executable, "-c", ROUTES]
    return subprocess.run(command, env=environment, cwd=tree, check=True, capture_output=True, text=True).stdout


def test_the_service_starts_without_its_extras(tmp_path: Path):
    """With the folder deleted the routes of the core are all there."""
    shutil.copytree(ROOT / "serving", tmp_path / "serving", ignore=shutil.ignore_patterns("extras", "__pycache__"))
    assert "/predict/batch" in paths(tmp_path)


def test_every_extra_plugs_in():
    """Each module of the folder says how."""
    assert all("\ndef plug_in(service: Service) -> None:" in file.read_text() for file in EXTRAS.glob("[a-z]*.py"))
