from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

from flights.artifacts import read_json
from flights.config import Settings
from flights.registry import model_folder
from monitoring.check import is_firing
from monitoring.checks import provenance

DAY = pd.Timestamp("2013-11-05")


def fired(**changes: str) -> set[str]:
    """What fires if a champion's manifest has other digests."""
    settings = Settings()
    manifest = read_json(model_folder(settings.models_dir, 1) / "manifest.json", "") | changes
    return {check.name for check in provenance.changes(settings, manifest, DAY) if is_firing(check).any()}


@pytest.mark.ml_test_score("O1", injects="Nothing fires on the day of training; each other digest fires by its name")
@pytest.mark.ml_test_score(
    "O1", injects="Nothing fires on the day of training; each digest that is another one fires by its name"
)
@pytest.mark.parametrize("what", ["lock", "data", "contract"])
def test_what_a_model_was_trained_with_is_checked(a_copy: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    """Nothing fires on the day of training; each changed digest fires its check."""
    monkeypatch.setattr(provenance, "unlocked", lambda _: [])  # what this environment holds is not the question
    assert fired() == set()
    key = {"lock": "lock_digest", "data": "data_digest", "contract": "schema_digest"}[what]
    assert fired(**{key: "0" * 64}) == {f"{what} changed since training"}


@pytest.mark.ml_test_score("O1")
def test_where_nothing_is_kept_nothing_is_said(a_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In a container without the lock and the splits only the contract can be compared."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "LOCK", Path("no.lock"))
    assert fired(lock_digest="0" * 64, as_of="1999-01-01") == set()


@pytest.mark.ml_test_score(
    "O1",
    injects="another version than the lock's",
)
def test_an_unlocked_package_is_named():
    """another version than the lock's."""
    lock = f"""NumPy==0.1 \\
    --hash=sha256:0
uvicorn[standard]=={version("uvicorn")} ; python_version >= "3.11" \\
pandas==0.2 ; python_version < "3.0"
pandas=={version("pandas")} ; python_version >= "3.0"
""".replace("NumPy", "numpy")
    assert provenance.unlocked(lock) == ["numpy"]
