"""The images install the lock that was tested, less what they do not need."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = {"requirements-serving.lock": 45, "requirements-batch.lock": 180}  # at most so many packages
LOCKS = ("requirements.lock", *PARTS, "deploy/tools.lock")


def pins(lock: str) -> dict[str, str]:
    """Every requirement of a lock with its hashes."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    blocks = re.findall(r"^(\S+)(==[^\n]*(?:\n    [^\n]*)*)", text, re.MULTILINE)
    return {f"{name}{rest.split(' ')[0]}": " ".join(rest.split()) for name, rest in blocks}


@pytest.mark.ml_test_score("O1")
@pytest.mark.parametrize(("part", "most"), PARTS.items())
def test_what_is_shipped_is_what_was_tested(part, most):
    """Every pin of an image's lock is in the whole lock, with the same hashes."""
    whole, shipped = pins("requirements.lock"), pins(part)
    assert 15 < len(shipped) < most
    hashes = {pin: set(re.findall(r"sha256:\w{64}", text)) for pin, text in whole.items()}
    assert {pin for pin, text in shipped.items() if set(re.findall(r"sha256:\w{64}", text)) != hashes.get(pin)} == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_none_an_address(lock):
    """Nothing floats, nothing is taken on trust, and no registry is named."""
    assert all(re.search(r"==.*sha256:\w{64}", text) for text in pins(lock).values())
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", (ROOT / lock).read_text())
