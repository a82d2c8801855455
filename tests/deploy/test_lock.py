"""The locks agree with each other, hold only what their targets use, and name no registry."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GROUPS = sorted(f"deploy/locks/{path.name}" for path in (ROOT / "deploy" / "locks").glob("*.lock"))
IMAGES = {"deploy/serving.lock": 45, "deploy/batch.lock": 165}  # at most this many packages
OWN = ["deploy/tools.lock", *(f"deploy/feast/{path.name}" for path in (ROOT / "deploy" / "feast").glob("*.lock"))]
LOCKS = ("requirements.lock", *IMAGES, *GROUPS, *OWN)  # those of OWN are environments of their own
HEAVY = {"shap", "cleanlab", "dask", "distributed", "playwright", "schemathesis", "nbconvert", "evidently", "pytest"}


def pins(lock: Path) -> dict[str, str]:
    """Every pin of a lock with its marker, and its hashes in one line."""
    text = re.sub(r"^ *#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    blocks = re.findall(r"^(\S+==[^\\\n]*)((?:[^\n]*\n    )*[^\n]*)", text, re.MULTILINE)
    return {pin.strip(): " ".join(sorted(re.findall(r"sha256:\w{64}", rest))) for pin, rest in blocks}


def disagreements(locks: list[Path]) -> set[str]:
    """Packages for which one lock has another version, marker or hash than another lock."""
    found: dict[str, dict[str, set[str]]] = {}
    for lock in locks:
        versions: dict[str, set[str]] = {}
        for pin, hashes in pins(lock).items():
            versions.setdefault(pin.split("==")[0], set()).add(f"{pin.split(';')[0].strip()} {hashes}")
        for name, those in versions.items():
            found.setdefault(name, {})[str(sorted(those))] = those
    return {name for name, different in found.items() if len(different) > 1}


@pytest.mark.ml_test_score("O1")
def test_the_locks_agree():
    """One resolution: whichever groups share an environment, no package is asked for in two versions."""
    assert disagreements([ROOT / name for name in LOCKS if name not in OWN]) == set()


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("deploy/locks/monitor.lock", ("httpx==0.28.1", "httpx==0.28.0")),
        ("deploy/locks/test.lock", ("httpcore==1.0.9", "httpcore==1.0.8")),
        ("deploy/serving.lock", ("starlette==1", "starlette==2")),
    ],
)
def test_a_lock_of_another_resolution_is_found(tmp_path, name, damage):
    """Planted: one pin of one lock is another version."""
    (planted := tmp_path / "planted.lock").write_text((ROOT / name).read_text().replace(*damage))
    others = [ROOT / each for each in LOCKS if each != name and each not in OWN]
    assert disagreements([*others, planted]) == {damage[0].split("==")[0]}


def test_every_group_has_a_lock_and_every_lock_a_group():
    """`make` finds a group's lock by its name in pyproject.toml."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {Path(lock).stem for lock in GROUPS} == set(declared) - {"pipelines", "serving"}


@pytest.mark.parametrize("lock", GROUPS)
def test_a_group_adds_to_the_core_and_repeats_nothing(lock):
    """A group's lock holds what requirements.lock does not."""
    names, core = ({pin.split("==")[0] for pin in pins(path)} for path in (ROOT / lock, ROOT / "requirements.lock"))
    assert names
    assert names & core == set()


def test_training_and_serving_install_only_what_they_use():
    """About 105 packages, none of them an extra's, the monitor's or the tests'."""
    names = {pin.split("==")[0] for pin in pins(ROOT / "requirements.lock")}
    assert 80 < len(names) < 115
    assert names & HEAVY == set()


@pytest.mark.parametrize(("lock", "most"), IMAGES.items())
def test_an_image_installs_what_its_processes_use(lock, most):
    """No image holds the tests' tools."""
    names = {pin.split("==")[0] for pin in pins(ROOT / lock)}
    assert 15 < len(names) < most
    assert names & {"pytest", "shap", "cleanlab", "playwright", "schemathesis", "nbconvert"} == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_none_an_address(lock):
    """Nothing floats, nothing is taken on trust, and no registry is named."""
    assert all("sha256:" in hashes for hashes in pins(ROOT / lock).values())
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", (ROOT / lock).read_text())
