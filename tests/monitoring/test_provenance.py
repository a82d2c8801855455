from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pytest

from flights.artifacts import read_json
from flights.config import Settings
from flights.registry import model_folder
from monitoring import provenance
from monitoring.watch import fires

DAY = pd.Timestamp("2013-11-05")


def rung(**changes: str) -> set[str]:
    """What rings where a champion's manifest had other digests."""
    settings = Settings()
    manifest = read_json(model_folder(settings.models_dir, 1) / "manifest.json", "") | changes
    return {watch.name for watch in provenance.provenance_watches(settings, manifest, DAY) if fires(watch).any()}


@pytest.mark.ml_test_score(
    "O1", injects="Nothing rings on the day of training; each digest that is another one rings by its name"
)
@pytest.mark.parametrize("what", ["lock", "data", "contract"])
def test_what_a_model_stands_on_is_watched(a_copy: Path, monkeypatch: pytest.MonkeyPatch, what: str):
    """Nothing rings on the day of training; each digest that is another one rings by its name."""
    monkeypatch.setattr(provenance, "unlocked", lambda _: [])  # what this environment holds is not the question
    assert rung() == set()
    key = {"lock": "lock_digest", "data": "data_digest", "contract": "schema_digest"}[what]
    assert rung(**{key: "0" * 64}) == {f"{what} changed since training"}


@pytest.mark.ml_test_score("O1")
def test_where_nothing_is_kept_nothing_is_said(a_copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In a container without the lock and the splits only the contract can be compared."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "LOCK", Path("no.lock"))
    assert rung(lock_digest="0" * 64, as_of="1999-01-01") == set()


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
