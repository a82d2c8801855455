"""Answered requests are found in the server's log by their request IDs."""

import json
import logging
from pathlib import Path

import httpx
import pytest

from flights.predictions import Prediction
from flights.registry import Model
from serving.extras.request_log import RequestLog
from serving.prediction_log import PredictionLog
from serving.request import Flight, example
from tests.serving.running import running
from tests.serving.test_batch import FLIGHTS
from tests.serving.test_scorer import a_scorer, all_at_once


def test_an_answered_request_is_found_by_its_request_id(caplog: pytest.LogCaptureFixture):
    """One line for a request, with the names of its first and last prediction and nothing that was sent."""
    first = Prediction("a", "", "", '{"carrier":"UA"}', 0.25, False, 0.3, 7, "ab", "champion", 900)
    with caplog.at_level(logging.INFO, "serving"):
        RequestLog(1).answered([first, first._replace(request_id="b")], 0.0042)
    line = vars(caplog.records[0])
    assert (line["levelname"], line["name"]) == ("INFO", "serving")
    expected = {
        "message": "answered",
        "request_id": "a",
        "last_request_id": "b",
        "rows": 2,
        "model_version": 7,
        "served_by": "champion",
        "milliseconds": 4.2,
    }
    assert {name: line[name] for name in expected} == expected


def test_answered_requests_are_logged_where_that_is_wanted(data_dir: Path, model: Model, tmp_path: Path):
    """With LOG_REQUESTS=1 every answer has its line in the server's log, under its request id."""
    log = f"sqlite:///{tmp_path}/predictions.db"
    with running(data_dir, PREDICTIONS_URL=log, LOG_REQUESTS="1") as server:
        server.wait()
        name = httpx.post(f"{server.url}/predict", json=example()).json()["request_id"]
        (line,) = [line for line in server.log.read_text().splitlines() if name in line]
    assert json.loads(line)["message"] == "answered"


def test_a_batch_is_told_like_its_rows(model: Model, log: PredictionLog, caplog: pytest.LogCaptureFixture):
    """One line of the server's log, from its first to its last."""
    scorer = a_scorer(model, log)
    scorer.observers.append(RequestLog(1))
    with caplog.at_level(logging.INFO, "serving"):
        (said,) = all_at_once(scorer, [[Flight.model_validate_json(json.dumps(each)) for each in FLIGHTS]])
    (line,) = [record.__dict__ for record in caplog.records if record.message == "answered"]
    assert (line["request_id"], line["last_request_id"]) == (said.request_ids()[0], said.request_ids()[-1])
    assert (line["rows"], line["served_by"]) == (len(FLIGHTS), "champion")
