"""With a signing key in the settings, what evaluation publishes is signed."""

from pathlib import Path

import pytest

from flights.registry import load
from pipelines import evaluate
from tests.signing_keys import pair


def test_a_published_model_is_signed(a_copy: Path, monkeypatch: pytest.MonkeyPatch):
    """It loads where its key's signature is asked for, and nowhere else."""
    pytest.importorskip("flights.extras.signing")
    keys = pair()
    monkeypatch.setenv("MODEL_SIGNING_KEY", keys["MODEL_SIGNING_KEY"])
    evaluate.main()
    version = max(int(folder.name) for folder in (a_copy / "3_models" / "flights").glob("[0-9]*"))
    monkeypatch.setenv("MODEL_VERIFY_KEY", keys["MODEL_VERIFY_KEY"])
    assert load(a_copy / "3_models", version).version == version
    monkeypatch.setenv("MODEL_VERIFY_KEY", pair()["MODEL_VERIFY_KEY"])
    with pytest.raises(RuntimeError, match="not signed by the owner"):
        load(a_copy / "3_models", version)
