"""An explanation adds up to the number that was served, and another number is not explained."""

import json
import sqlite3
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import skops.io

from extras.operations import explain
from flights import model, portable
from flights.artifacts import read_json, sha256
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.model_files import write_golden
from flights.registry import model_folder
from pipelines.rows import features_of, labelled_rows
from pipelines.training import recalibration
from serving.request import example
from tests.serving.running import running


@pytest.fixture
def served(a_copy: Path) -> Path:
    """A DATA_DIR in which the champion answered one complete request, and one with everything missing that may be."""
    from flights.dataset import INPUTS

    sparse = {column.name: None for column in INPUTS if column.nullable}
    with running(a_copy) as server:
        server.wait()
        for name, change in (("whole", {}), ("sparse", sparse | {"dest": "ZZZ"})):
            httpx.post(f"{server.url}/predict", json=example() | change | {"request_id": name}).raise_for_status()
    return a_copy


def recalibrate(folder: Path) -> None:
    """Publish the champion again as if its recalibration had been kept: with another slope and another shift."""
    validation = labelled_rows(Settings(), "validation")
    noisy = np.random.default_rng(0).random(len(validation)) < 0.3
    truth = np.where(noisy, 1 - targets(validation), targets(validation))
    plain = skops.io.load(folder / "candidate.skops", trusted=model.TRUSTED_TYPES)
    recalibrated = recalibration.recalibrated(plain, features_of(validation), truth)
    skops.io.dump(recalibrated, folder / "candidate.skops")
    portable.export(recalibrated, folder)
    columns = as_arrays(validation.head(100))
    write_golden(folder, columns, portable.load(folder)(columns))
    manifest = read_json(folder / "manifest.json", "")
    files = {name: sha256(folder / name) for name in manifest["files"]}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": files}))
    entry = folder.parent / "history" / "000001.json"
    content = read_json(entry, "") | {"manifest_digest": sha256(folder / "manifest.json")}
    entry.write_text(json.dumps(content))


def test_a_recalibrated_champion_is_explained(a_copy: Path, monkeypatch, capsys):
    """Planted: slope and shift after the trees. The shares are of what was served, not of what the trees say."""
    recalibrate(model_folder(Settings().models_dir, 1))
    with running(a_copy) as server:
        server.wait()
        httpx.post(f"{server.url}/predict", json=example() | {"request_id": "whole"}).raise_for_status()
    run(monkeypatch, "whole", "--json")
    said = json.loads(capsys.readouterr().out)
    total = said["base"] + sum(said["contributions"].values())
    assert total == pytest.approx(np.log(said["served"] / (1 - said["served"])), abs=1e-6)


def sql(folder: Path, statement: str) -> None:
    log = sqlite3.connect(folder / "4_predictions" / "predictions.db")
    log.execute(statement)
    log.commit()
    log.close()


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["explain", *words])
    explain.main()


@pytest.mark.exhibit
@pytest.mark.ml_test_score("I5")
def test_the_contributions_add_up_to_what_was_served(served: Path, monkeypatch, capsys):
    """To 1e-6, step by step, for a person and for programs, also with everything missing."""
    for name in ("whole", "sparse"):
        run(monkeypatch, name, "--json")
        said = json.loads(capsys.readouterr().out)
        total = said["base"] + sum(said["contributions"].values())
        assert 1 / (1 + np.exp(-total)) == pytest.approx(said["served"], abs=1e-6)
        assert said["probability"] == pytest.approx(said["served"], abs=1e-6)
        assert set(said["contributions"]) == set(said["features"]) == set(said["encoded"])
        assert sum(abs(share) for share in said["contributions"].values()) > 0.1
    assert said["features"]["temperature"] is None
    run(monkeypatch, "whole")
    page = capsys.readouterr().out
    assert "As it was logged" in page
    assert "minute_of_day" in page


@pytest.mark.exhibit
@pytest.mark.ml_test_score("I5", injects="another probability, input, digest or version, or no row at all")
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE predictions SET probability = probability + 0.001", "the row was altered"),
        ("UPDATE predictions SET inputs = replace(inputs, '\"distance\":200.0', '\"distance\":2000.0')", "was altered"),
        ("UPDATE predictions SET model_digest = 'another'", "the log says another"),
        ("UPDATE predictions SET model_version = 7", "no .*7"),
        ("UPDATE predictions SET model_version = 0", "no published version has the heuristic"),
        ("DELETE FROM predictions", "no prediction whole in the log"),
    ],
)
def test_an_altered_row_is_not_explained(served: Path, monkeypatch, statement: str, words: str):
    """Planted: another probability, input, digest or version, or no row at all."""
    sql(served, statement)
    with pytest.raises(SystemExit, match=f"not explained: .*{words}"):
        run(monkeypatch, "whole")


@pytest.mark.exhibit
def test_an_altered_model_is_not_explained(served: Path, monkeypatch):
    """Planted: one byte of the model of record that the contributions would come from."""
    file = model_folder(Settings().models_dir, 1) / "candidate.skops"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(SystemExit, match="altered after it was published"):
        run(monkeypatch, "whole")


def test_what_the_heuristic_answered_is_its_rate(a_copy: Path, monkeypatch, capsys):
    """It is found by its digest in the folder that it came from, and has no contributions."""
    file = model_folder(Settings().models_dir, 1) / "model.onnx"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"!")
    with running(a_copy, FALLBACK="true", FOLLOW_SECONDS="0.05") as server:
        server.wait()
        httpx.post(f"{server.url}/predict", json=example() | {"request_id": "rule"}).raise_for_status()
    run(monkeypatch, "rule", "--json")
    said = json.loads(capsys.readouterr().out)
    assert (said["served_by"], said["contributions"]) == ("heuristic", {})
    assert said["probability"] == said["served"]
