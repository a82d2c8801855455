"""Twenty thousand generated requests and more: each is answered or refused as the contract says, and nothing breaks."""

import http.client
import json
import math
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from serving.request import Flight, has_repeated_keys
from tests.serving.bad_input import Reply, body, cases, send
from tests.serving.running import Server
from tests.serving.test_request import almost_good

pytestmark = pytest.mark.heavy

FROM_CONTRACT = 10_000
MUTATED = 10_000
PIECES = (b"\0", b"\xff", b'"', b",", b"1e999", b"NaN", b"null", b"{", b"\\ud800")
SCHEMATHESIS = 150  # examples for each operation
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.fixture(scope="module")
def connection(server: Server):
    """One connection for everything: it has to survive."""
    opened = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=20)
    yield opened
    opened.close()


def accepted(raw: bytes) -> bool:
    """Whether the contract takes a body."""
    try:
        Flight.model_validate_json(raw)
    except ValidationError:
        return False
    return not has_repeated_keys(raw)


def check(reply: Reply, raw: bytes) -> None:
    """A good body gets a finite probability, a bad one a small refusal; a name may be taken by now."""
    if accepted(raw):
        assert reply.status in {200, 409}, (raw, reply)
        assert reply.status == 409 or math.isfinite(reply.json()["probability"])
    else:
        assert reply.status in {400, 422}, (raw, reply)
        assert reply.kind == "application/problem+json"
        assert len(reply.body) < 4000


@settings(max_examples=FROM_CONTRACT, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(row=almost_good())
def test_rows_around_the_contract(connection: http.client.HTTPConnection, row: dict):
    """Rows with values inside, on the edge and outside of what the contract allows."""
    raw = json.dumps(row).encode()
    check(send(connection, {"hex": raw.hex()}), raw)


def test_mutated_bodies(connection: http.client.HTTPConnection):
    """Good and bad bodies with bytes flipped, cut out, repeated and exchanged."""
    draw = random.Random(2013)
    seeds = [raw for raw in map(body, cases()) if len(raw) < 5000] + [body({})] * 200
    seen: Counter[int] = Counter()
    for _ in range(MUTATED):
        raw = mutated(draw.choice(seeds), draw.choice(seeds), draw)
        reply = send(connection, {"hex": raw.hex()})
        check(reply, raw)
        seen[reply.status] += 1
    assert min(seen[status] for status in (200, 400, 422)) > 100, seen
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
