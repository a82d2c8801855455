"""What the service does with odd and bad input: the tests' corpus, sent to the service itself, as tables."""

import asyncio
import logging
import re
import tempfile
from pathlib import Path
from typing import Any

import httpx

from flights.config import Settings
from serving.app import create_app
from tests.serving.bad_input import GOOD, body, cases

Rows = dict[tuple[str, int, str], list[str]]  # group, status, words: what was sent


def allowed_input() -> str:
    """What looks odd and is answered; that it is, the tests show on a server with a model."""
    lines = [f"| {case['name']} | 200 | {case['means']} |" for case in cases(GOOD)]
    return "\n".join(["| sent | status | what it means |", "|---|---|---|", *lines]) + "\n"


def refused_input() -> str:
    """What is refused, as the service says it: cases that get the same words share a row."""
    rows = asyncio.run(observed())
    lines = [
        f"| {group} | {', '.join(dict.fromkeys(kinds))} | {status} | {words} |"
        for (group, status, words), kinds in rows.items()
    ]
    return "\n".join(["| what | sent | status | the answer |", "|---|---|---|---|", *lines]) + "\n"


async def observed() -> Rows:
    """Send every case to a service that has no model: what is refused for its input never gets as far as a model."""
    rows: Rows = {}
    logging.getLogger("serving").setLevel(logging.CRITICAL)  # it would log every refusal
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(Settings(data_dir=Path(folder)))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
            for case in cases():
                headers = {"Content-Type": "application/json"} | case.get("headers", {})
                path = "http://service" + case.get("path", "/predict")
                answer = await client.request(case.get("method", "POST"), path, content=body(case), headers=headers)
                group, kind = case["name"].split(": ", 1)
                kind = re.sub(r" as \w+$", "", kind)
                rows.setdefault((group, answer.status_code, words(case, answer)), []).append(kind)
    return rows


def words(case: dict[str, Any], answer: httpx.Response) -> str:
    """The answer in a table's cell: the field and what was expected of it, or what is wrong with the whole."""
    if case.get("method") == "HEAD":
        return "no body"
    problem = answer.json()
    errors = {error["field"]: error["expected"] for error in problem["errors"]}
    name = case.get("field")
    text = f"`{name}`: {errors[name]}" if name in errors else problem["detail"]
    return text.replace("|", "\\|")
