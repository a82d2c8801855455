"""The dev container's file says what the specification needs, and its commands exist."""

import copy
import json
import re
import subprocess
from typing import Any

import pytest

from flights.config import Settings
from tests.deploy.conftest import ROOT

FILE = ROOT / ".devcontainer" / "devcontainer.json"
SHAPES: dict[str, type | tuple[type, ...]] = {  # of the properties of the specification that the file uses
    "name": str,
    "image": str,
    "postCreateCommand": str,
    "forwardPorts": list,
    "portsAttributes": dict,
    "hostRequirements": dict,
    "remoteUser": str,
    "customizations": dict,
}


def problems(content: dict[str, Any], targets: set[str]) -> list[str]:
    """What is wrong with the file."""
    found = [f"{name}: unknown" for name in content if name not in SHAPES]
    found += [
        f"{name}: {type(value).__name__}"
        for name, value in content.items()
        if not isinstance(value, SHAPES.get(name, object))
    ]
    image = content.get("image", "")
    if not re.fullmatch(r"mcr\.microsoft\.com/devcontainers/python:3\.11(-[a-z]+)?", image):
        found.append(f"image: expected Python 3.11 for dev containers, got {image}")
    commands = [content.get("postCreateCommand", "")]
    commands += [each["label"] for each in content.get("portsAttributes", {}).values()]
    for command in commands:
        make, *names = command.split()
        if make != "make" or not names or not set(names) <= targets:
            found.append(f"{command}: no target of make")
    if Settings.model_fields["port"].default not in list(content.get("forwardPorts", [])):
        found.append("forwardPorts: the server's is missing")
    return found


@pytest.fixture(scope="module")
def targets() -> set[str]:
    """Every target that make lists."""
    done = subprocess.run(["make", "help-all"], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"^  make ([a-z-]+)", done.stdout, re.MULTILINE))


def test_the_dev_container_is_valid(targets: set[str]):
    """Plain JSON, known properties of the right type, Python 3.11, and targets that exist."""
    assert problems(json.loads(FILE.read_text()), targets) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"postCreateCommand": "make instal-dev"}, "no target"),
        ({"postCreateCommand": "pip install ."}, "no target"),
        ({"image": "mcr.microsoft.com/devcontainers/python:3.10"}, "Python 3.11"),
        ({"forwardPorts": [5000]}, "server's is missing"),
        ({"forwardPorts": "8000"}, "forwardPorts: str"),
        ({"postCreateCommnd": "make install-dev"}, "unknown"),
    ],
)
def test_a_fault_in_it_is_found(targets: set[str], change: dict[str, Any], said: str):
    """Planted: a misspelt target, another tool, another Python, a missing port, a wrong type, a misspelt property."""
    content = copy.deepcopy(json.loads(FILE.read_text())) | change
    assert any(said in problem for problem in problems(content, targets))
