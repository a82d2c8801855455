"""Twenty thousand generated requests and more: each is answered or refused as the contract says, and nothing breaks."""

import http.client
import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from flights.dataset import OUTCOME, ROWS
from serving.refusal import EXPECTED
from serving.request import Flight, Flights, Outcomes
from tests.serving.bad_input import MARKER, Reply, body, cases, send
from tests.serving.running import Server
from tests.serving.test_request import almost_good

pytestmark = pytest.mark.heavy

FROM_CONTRACT = 10_000
MUTATED = 10_000
MODELS: dict[str, type[BaseModel]] = {"/predict": Flight, "/predict/batch": Flights, "/outcomes": Outcomes}
AROUND = {
    "/predict": (b"", b""),
    "/predict/batch": (b'{"%b": [' % ROWS.encode(), b"]}"),
    "/outcomes": (b'{"outcomes": [', b"]}"),
}
FIELDS = {"(body)", "(unknown key)", "", *EXPECTED}  # all that a refusal may name
FIELD = re.compile(rf"^({ROWS}|outcomes)\[\d+\]\.?")
PIECES = (b"\0", b"\xff", b'"', b",", b"1e999", b"NaN", b"null", b"{", b"\\ud800")
SCHEMATHESIS = 150  # examples for each operation
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def connection(server: Server):
    """One connection for everything: it has to survive."""
    opened = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    opened.connect()
    opened.auto_open = 0  # or it would come back in silence where the server closed it
    yield opened
    opened.close()


def accepted(raw: bytes, model: type[BaseModel]) -> bool:
    """Whether the contract takes a body."""
    try:
        model.model_validate_json(raw)
    except ValidationError:
        return False
    return not has_repeated_keys(raw)


def has_repeated_keys(raw: bytes) -> bool:
    """Whether a valid body has a key twice."""
    pairs: list[list[tuple[str, Any]]] = []
    json.loads(raw, object_pairs_hook=pairs.append)
    return any(len(dict(each)) < len(each) for each in pairs)


def check(reply: Reply, raw: bytes, model: type[BaseModel] = Flight) -> None:
    """A good body gets what it asked for, a bad one a small refusal in our words; a name may be taken by now."""
    if accepted(raw, model):
        assert reply.status in {200, 409}, (raw, reply)
        for answer in reply.json().get("predictions", [reply.json()] if model is Flight else []):
            assert reply.status == 409 or 0 <= answer["probability"] <= 1
    else:
        assert reply.status in {400, 422}, (raw, reply)
        assert reply.kind == "application/problem+json"
        assert len(reply.body) < 4000
    if reply.status != 200:
        assert MARKER.encode() not in reply.body, raw
        assert {FIELD.sub("", error["field"]) for error in reply.json()["errors"]} <= FIELDS, (raw, reply)


@st.composite
def almost_good_outcome(draw: st.DrawFn) -> dict[str, Any]:
    """An outcome with up to two values changed, one dropped, or one added."""
    outcome: dict[str, Any] = {"request_id": "landed", OUTCOME: 20.0, "known_at": "2013-11-01T14:50:00Z"}
    strange = st.sampled_from([None, "", MARKER, "2013-02-30T00:00:00Z", -1e9, 1e9, 7, True, [], {}, "a b", "x" * 101])
    for name in draw(st.lists(st.sampled_from([*outcome]), max_size=2)):
        outcome[name] = draw(strange)
    if draw(st.integers(0, 9)) == 0:
        del outcome[draw(st.sampled_from([*outcome]))]
    if draw(st.integers(0, 9)) == 0:
        outcome[MARKER] = 1
    return outcome


def in_its_place(path: str, raw: bytes) -> bytes:
    """What is sent for one flight or outcome."""
    before, after = AROUND[path]
    return before + raw + after


@settings(max_examples=FROM_CONTRACT, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=almost_good(), path=st.sampled_from(["/predict", "/predict/batch"]))
def test_rows_around_the_contract(connection: http.client.HTTPConnection, row: dict, path: str):
    """Rows with values inside, on the edge and outside of what the contract allows, alone and in a batch."""
    raw = in_its_place(path, json.dumps(row).encode())
    check(send(connection, {"path": path, "hex": raw.hex()}), raw, MODELS[path])


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(outcome=almost_good_outcome())
def test_outcomes_around_the_contract(connection: http.client.HTTPConnection, outcome: dict):
    """The same for what clients report."""
    raw = in_its_place("/outcomes", json.dumps(outcome).encode())
    check(send(connection, {"path": "/outcomes", "hex": raw.hex()}), raw, Outcomes)


def test_mutated_bodies(connection: http.client.HTTPConnection):
    """Good and bad bodies of every path with bytes flipped, cut out, repeated and exchanged."""
    draw = random.Random(2013)
    flights = [raw for raw in map(body, cases()) if len(raw) < 5000] + [body({})] * 200
    outcome = b'{"request_id": "landed", "%b": 20.0, "known_at": "2013-11-01T14:50:00Z"}' % OUTCOME.encode()
    seen: Counter[int] = Counter()
    for _ in range(MUTATED):
        path = draw.choice([*MODELS])
        seeds = [outcome] if path == "/outcomes" else flights
        raw = mutated(in_its_place(path, draw.choice(seeds)), draw.choice(seeds), draw)
        reply = send(connection, {"path": path, "hex": raw.hex()})
        check(reply, raw, MODELS[path])
        seen[reply.status] += 1
    assert min(seen[status] for status in (200, 400, 422)) > 50, seen
    assert send(connection, {}).status == 200


def mutated(raw: bytes, other: bytes, draw: random.Random) -> bytes:
    """A body after a few accidents."""
    content = bytearray(raw)
    for _ in range(draw.randint(1, 4)):
        start = draw.randrange(len(content) + 1)
        end = min(len(content), start + draw.randint(1, 30))
        accident = draw.randrange(5)
        if accident == 0 and start < len(content):
            content[start] ^= 1 << draw.randrange(8)
        elif accident == 1:
            del content[start:end]
        elif accident == 2:
            content[start:start] = content[start:end]
        elif accident == 3:
            content[start:end] = other[start:end]
        else:
            content[start:start] = draw.choice(
                [b"\0", b"\xff", b'"', b",", b"1e999", b"NaN", b"null", b"{", b"\\ud800"]
            )
    return bytes(content)


def test_schemathesis_finds_no_server_error(server: Server, tmp_path: Path):
    """Requests made from our own OpenAPI document, with the corpus as its dictionary."""
    texts = {text for case in cases() for text in case.get("set", {}).values() if is_text(text)}
    dictionary = ", ".join(json.dumps(json.loads(text), ensure_ascii=False) for text in sorted(texts))
    binding = '{ dictionary = "corpus", probability = 0.05 }'
    fields = "\n".join(f'"body.{name}" = {binding}' for name in Flight.model_fields)
    config = tmp_path / "schemathesis.toml"
    config.write_text(f"[dictionaries.corpus]\nvalues = [{dictionary}]\n\n[parameters]\n{fields}\n")
    arguments = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(config), "run", f"{server.url}/openapi.json"),
        *("--max-examples", str(SCHEMATHESIS), "--checks", CHECKS, "--seed", "2013"),
        *("--phases", "examples,coverage,fuzzing"),
    ]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def is_text(raw: str) -> bool:
    """Whether a raw value of the corpus is a text that TOML can hold too."""
    try:
        return raw.startswith('"') and json.loads(raw).isprintable()
    except ValueError:
        return False
