"""Who can write the folder of models still cannot make one that is loaded where signatures are asked for."""

import json
from pathlib import Path

import pytest

from flights.artifacts import sha256
from flights.extras.signing import sign
from flights.files import SIGNATURE_FILE
from flights.registry import ModelRefused, load
from tests.serving.published import publish
from tests.signing_keys import pair

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    """The pair that signs and verifies."""
    return pair()


@pytest.fixture
def models(keys: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A signed model, where every model must be."""
    folder = publish(tmp_path, 1, seed=1).folder
    sign(folder / "manifest.json", keys["MODEL_SIGNING_KEY"])
    monkeypatch.setenv("MODEL_VERIFY_KEY", keys["MODEL_VERIFY_KEY"])
    return tmp_path


def tamper(folder: Path) -> None:
    """What one who can write does: another threshold and other tables, and a manifest that agrees."""
    tables = folder / "encodings.json"
    tables.write_text(tables.read_text() + " ")
    manifest = json.loads((folder / "manifest.json").read_text())
    files = manifest["files"] | {tables.name: sha256(tables)}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"threshold": 0.0, "files": files}))


def test_a_signed_model_loads(models: Path):
    """The pair fits."""
    assert load(models, 1).version == 1


def test_a_consistent_tamper_is_refused(models: Path, monkeypatch: pytest.MonkeyPatch):
    """Planted: files and manifest rewritten together; only the signature tells, as the load without a key shows."""
    tamper(models / "flights" / "1")
    with pytest.raises(ModelRefused, match="altered since"):
        load(models, 1)
    monkeypatch.delenv("MODEL_VERIFY_KEY")
    assert load(models, 1).threshold == 0.0


def test_an_unsigned_model_is_refused(models: Path):
    """A removed signature is no way round it."""
    (models / "flights" / "1" / SIGNATURE_FILE).unlink()
    with pytest.raises(ModelRefused, match="train with MODEL_SIGNING_KEY"):
        load(models, 1)


def test_anybody_elses_signature_is_refused(models: Path):
    """A tamper that is signed, with another key."""
    tamper(models / "flights" / "1")
    sign(models / "flights" / "1" / "manifest.json", pair()["MODEL_SIGNING_KEY"])
    with pytest.raises(ModelRefused, match="altered since"):
        load(models, 1)


def test_nonsense_for_a_key_loads_nothing(models: Path, monkeypatch: pytest.MonkeyPatch):
    """A mistyped key refuses instead of asking for nothing."""
    monkeypatch.setenv("MODEL_VERIFY_KEY", "nonsense")
    with pytest.raises(ModelRefused):
        load(models, 1)


def test_without_keys_nothing_is_asked_for(models: Path, monkeypatch: pytest.MonkeyPatch):
    """The smallest way stays the smallest."""
    monkeypatch.delenv("MODEL_VERIFY_KEY")
    (models / "flights" / "1" / SIGNATURE_FILE).unlink()
    assert load(models, 1).version == 1
