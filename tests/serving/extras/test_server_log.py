"""The server's log is one JSON object a line."""

import json
import logging

from serving.extras.server_log import JsonLines


def test_a_record_is_one_object_with_its_extras():
    """Level, message and everything that was said next to it; a line break in a value breaks no line."""
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
