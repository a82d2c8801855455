"""The service answers, remembers and refuses well."""

import json
import os
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from flights.dataset import EVENT_TIME, INPUTS, OUTCOME, ROWS
from flights.predictions import Prediction
from flights.registry import Model
from flights.rows import as_columns
from serving.request import example
from tests.declared import NUMBER, REPORTED, other, outcome
from tests.serving.published import (
    UNSEEN,
    crashing,
    features,
    naive,
    publish_as_champion,
    publish_champion,
    random_flights,
)
from tests.serving.running import ROOT, Server, running

ANOTHER = {NUMBER.name: other(NUMBER)}  # an input of another flight


def probabilities(model: Model, flights: list[dict]) -> list[float]:
    return model.score(as_columns([naive(flight) for flight in flights])).tolist()


def test_an_answer_is_the_models_probability_and_is_in_the_log(client: httpx.Client, data_dir: Path, model: Model):
    """What is answered is what the model says, and the log has it with time, inputs, decision, digest and latency."""
    answer = client.post("/predict", json=example()).raise_for_status().json()
    assert answer["probability"] == pytest.approx(probabilities(model, [example()])[0], abs=1e-12)
    assert (answer["model_version"], answer["threshold"], answer["served_by"]) == (1, 0.3, "champion")
    with sqlite3.connect(data_dir / "4_predictions" / "predictions.db") as log:
        found = log.execute("SELECT * FROM predictions WHERE request_id = ?", [answer["request_id"]]).fetchone()
    row = Prediction(*found)
    assert answer == {name: getattr(row, name) for name in answer}
    assert row.model_digest == model.digest
    assert datetime.fromisoformat(row.event_time) == datetime.fromisoformat(example()[EVENT_TIME])
    assert abs(datetime.now(UTC) - datetime.fromisoformat(row.answered_at)) < timedelta(minutes=1)
    assert 0 < row.latency_us < 10_000_000
    assert list(json.loads(row.inputs)) == [column.name for column in INPUTS]
    assert probabilities(model, [json.loads(row.inputs)])[0] == pytest.approx(answer["probability"], abs=1e-12)


def test_single_rows_and_batches_give_the_same_probabilities(client: httpx.Client, model: Model):
    """One by one or together, with missing values and an unseen category: the model's numbers to 1e-9."""
    flights = [*random_flights(60, seed=5), example() | UNSEEN]
    expected = probabilities(model, flights)
    batch = client.post("/predict/batch", json={ROWS: flights}).raise_for_status().json()["predictions"]
    single = [client.post("/predict", json=flight).json() for flight in flights]
    assert [answer["probability"] for answer in batch] == pytest.approx(expected, abs=1e-9)
    assert [answer["probability"] for answer in single] == pytest.approx(expected, abs=1e-9)


def test_the_same_id_with_the_same_flight_gets_the_logged_answer(client: httpx.Client):
    """Asking again under the same name is safe: the answer is the same and it is logged once."""
    flight = example() | {"request_id": "asked-twice"}
    first, second = (client.post("/predict", json=flight).json() for _ in range(2))
    assert first == second


def test_the_same_id_with_another_flight_is_refused(client: httpx.Client):
    """A name is for one flight."""
    client.post("/predict", json=example() | {"request_id": "taken"}).raise_for_status()
    answer = client.post("/predict", json=example() | {"request_id": "taken"} | ANOTHER)
    assert answer.status_code == 409
    assert answer.json()["errors"] == [{"field": "request_id", "expected": "a name that was not used for other inputs"}]


def test_a_batch_is_answered_as_a_whole_or_not_at_all(client: httpx.Client, data_dir: Path):
    """One bad row, or one taken name, and nothing of the batch is logged."""
    client.post("/predict", json=example() | {"request_id": "whole"}).raise_for_status()
    taken = [example() | {"request_id": "part"}, example() | {"request_id": "whole"} | ANOTHER]
    assert client.post("/predict/batch", json={ROWS: taken}).status_code == 409
    answer = client.post("/predict/batch", json={ROWS: [example() | {"request_id": "part"}, {}]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith(f"{ROWS}[1].")
    with sqlite3.connect(data_dir / "4_predictions" / "predictions.db") as log:
        assert log.execute("SELECT COUNT(*) FROM predictions WHERE request_id = 'part'").fetchone() == (0,)


def test_outcomes_are_taken_late_twice_and_of_unknown_predictions(client: httpx.Client):
    """Every version is kept once, and the receipt says what was new."""
    client.post("/predict", json=example() | {"request_id": "landed"}).raise_for_status()
    landed = outcome("landed")
    unknown = outcome("never-asked", **{OUTCOME: None})
    body = {"outcomes": [landed, unknown]}
    assert client.post("/outcomes", json=body).json() == {"accepted": 2, "repeated": 0, "unknown": 1}
    assert client.post("/outcomes", json=body).json() == {"accepted": 0, "repeated": 2, "unknown": 0}
    corrected = {"outcomes": [landed | {OUTCOME: other(REPORTED)}] * 2}  # twice in one request, too
    assert client.post("/outcomes", json=corrected).json() == {"accepted": 1, "repeated": 1, "unknown": 0}


def test_a_promoted_model_takes_over(tmp_path: Path):
    """A server that runs follows the registry, to the first champion and to the next."""
    from tests.serving.published import publish_champion

    with running(tmp_path) as server:
        for version in (1, 2):
            publish_champion(tmp_path / "3_models", version, seed=version)
            wait_for_version(server, version)
            assert httpx.post(f"{server.url}/predict", json=example()).json()["model_version"] == version


def wait_for_version(server: Server, version: int) -> None:
    import time

    for _ in range(500):
        answer = httpx.get(f"{server.url}/model")
        if answer.status_code == 200 and answer.json()["version"] == version:
            return
        time.sleep(0.02)
    raise AssertionError(f"version {version} never answered")


def test_a_taken_port_is_said_with_the_way_out(tmp_path: Path):
    """Planted: somebody listens there already."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        environment = os.environ | {"PORT": str(port), "DATA_DIR": str(tmp_path)}
        command = [sys.executable, "-m", "serving.app"]
        answer = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert f"make serve PORT={port + 1}" in answer.stderr


@pytest.mark.heavy
def test_a_champion_that_crashed_the_server_is_tried_first_at_the_next_start(tmp_path: Path):
    """Planted: a champion whose native code crashes. The start ends by a signal, once: the next one is alive, says why
    it does not answer, and lets the heuristic answer where FALLBACK allows it; a sound champion then takes over."""
    for plugin in ("fallback", "preflight"):
        pytest.importorskip(f"serving.extras.{plugin}")
    models_dir = tmp_path / "3_models"
    publish_champion(models_dir, 1, seed=1)
    publish_as_champion(models_dir, 2, crashing(features(models_dir, 1)))
    with pytest.raises(AssertionError), running(tmp_path, FALLBACK="true"):
        pass
    for _ in range(2):  # it stays so, however often it is started
        with running(tmp_path, FALLBACK="true") as server:
            server.wait("/health/ready", 200)
            answer = httpx.post(f"{server.url}/predict", json=example()).json()
            assert answer["served_by"] == "heuristic"
            assert "its preflight ended with" in httpx.get(f"{server.url}/health/ready").json()["refused"]
    publish_champion(models_dir, 3, seed=3)
    with running(tmp_path) as server:
        server.wait()
        assert httpx.post(f"{server.url}/predict", json=example()).json()["model_version"] == 3
    assert not (tmp_path / "4_predictions" / pytest.importorskip("serving.extras.preflight").LOADING).exists()
