"""The server's log is one JSON object a line."""

import json
import logging

import pytest

from flights.predictions import Prediction
from serving.server_log import JsonLines, log_answer


def test_a_record_is_one_object_with_its_extras():
    """Level, message and everything that was said beside it; a line break in a value breaks no line."""
    record = logging.makeLogRecord(
        {"name": "serving", "levelname": "WARNING", "msg": "two\nlines", "instance": "urn:x", "fields": ["a"]}
    )
    line = JsonLines().format(record)
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["message"] == "two\nlines"
    assert (entry["level"], entry["instance"], entry["fields"]) == ("warning", "urn:x", ["a"])


def test_an_exception_is_in_its_record():
    """The reason of a failure is with the failure."""
    try:
        raise ValueError("planted")
    except ValueError as error:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": (type(error), error, error.__traceback__)})
    assert "planted" in json.loads(JsonLines().format(record))["exception"]


def test_an_answered_request_is_found_by_its_request_id(caplog: pytest.LogCaptureFixture):
    """One line for a request, with the names of its first and last prediction and nothing that was sent."""
    first = Prediction("a", "", "", '{"carrier":"UA"}', 0.25, False, 0.3, 7, "ab", "champion", 900)
    with caplog.at_level(logging.INFO, "serving"):
        log_answer([first, first._replace(request_id="b")], 0.0042)
    line = json.loads(JsonLines().format(caplog.records[0]))
    del line["at"]
    assert line == {
        "level": "info",
        "logger": "serving",
        "message": "answered",
        "request_id": "a",
        "last_request_id": "b",
        "rows": 2,
        "model_version": 7,
        "served_by": "champion",
        "milliseconds": 4.2,
    }
