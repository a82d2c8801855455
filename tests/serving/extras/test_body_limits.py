"""A body that would cost far more than it weighs is refused before anything is made of it."""

import asyncio
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from serving.extras.body_limits import OBJECT_BYTES, SMALL_BODY, BodyReader, Settings, is_within_limits
from serving.refusal import Refused
from serving.request import MAX_ROWS, example
from tests.serving.bad_input import send
from tests.serving.running import ROOT, Server

SIZE = 3_900_000


def repeated(text: str, between: str = ",") -> str:
    """A numbered text, again and again."""
    return between.join(text % number for number in range(SIZE // (len(text % SIZE) + len(between))))


def batch(rows: str) -> str:
    return '{"flights": [' + rows + "]}"


ATTACKS = {
    "unknown keys": "{" + repeated('"%d":1') + "}",
    "unknown keys with braces": "{" + repeated('"%d}":1') + "}",
    "unknown keys that look like the ends of rows": "{" + repeated('"%d},{":1') + "}",
    "unknown keys with escaped quotation marks": "{" + repeated(r'"\"%d},{\"":1') + "}",
    "fewer and longer keys that look like the ends of rows": "{" + repeated(f'"%d{"},{" * 100}":1') + "}",
    "unknown keys that hold objects": "{" + repeated('"%d":{}') + "}",
    "unknown keys in objects of objects": "{" + repeated(f'"%d":{{"{"x" * 4000}":1}}') + "}",
    "a list of objects in an object": '{"x":[' + "{}," * (SIZE // 3) + "{}]}",
    "numbers": "[" + "1," * (SIZE // 2) + "1]",
    "an object without end": '{"x":{' + repeated('"%d":1'),
    "one long text": json.dumps(example() | {"dest": "A" * SIZE}),
    "quotation marks": ('"' * 180 + "},{") * (SIZE // 183),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_not_flat_and_small_is_found(name: str):
    """As one object, as a list's, and as its second: whatever it is hidden in."""
    attack = ATTACKS[name]
    for raw, rows in ((attack, 1), (attack, MAX_ROWS), (batch(attack), MAX_ROWS)):
        assert not is_within_limits(raw.encode(), rows)
    assert not is_within_limits(batch(f"{json.dumps(example())}, {attack}").encode(), MAX_ROWS)


def escaped(value: object) -> object:
    r"""Every letter of every text as \u0041."""
    if isinstance(value, dict):
        return {escaped(key): escaped(item) for key, item in value.items()}
    return "".join(f"~u{ord(letter):04x}" for letter in value) if isinstance(value, str) else value


@pytest.mark.parametrize("indent", [None, 4])
def test_all_that_the_contract_allows_keeps_the_bounds(indent: int | None):
    """A thousand rows however they are written, one more so that its refusal names the list, and any small body."""
    row = example() | {"request_id": "x" * 100}
    for each in (row, escaped(row)):
        raw = json.dumps({"flights": [each] * (MAX_ROWS + 1)}, indent=indent).replace("~u", "\\u").encode()
        assert is_within_limits(raw + b" " * 100_000, MAX_ROWS)
        one = json.dumps(each, indent=indent).replace("~u", "\\u").encode()
        assert is_within_limits(one + b" " * 100_000, 1)
        assert len(one) < OBJECT_BYTES
    assert is_within_limits(b"[[[{" * 1000, 1)


def test_brackets_in_a_text_are_none():
    """A contract with free text may hold what looks like the end of a row, a list or a quotation mark."""
    row = example() | {"dest": 'a},{"[]{}\\' * 5}
    assert is_within_limits(batch(", ".join([json.dumps(row)] * MAX_ROWS)).encode(), MAX_ROWS)


@pytest.fixture
def attacked(server: Server) -> Iterator[tuple[Server, http.client.HTTPConnection]]:
    """A server, and a connection to it."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    yield server, connection
    connection.close()


def peak(server: Server) -> int:
    """The most memory that a server ever took, in MB."""
    (line,) = (line for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if "VmHWM" in line)
    return int(line.split()[1]) // 1000


def test_an_attack_costs_neither_memory_nor_time(attacked: tuple[Server, http.client.HTTPConnection]):
    """Each is refused in words on every path, in a fraction of the seconds and gigabytes that it would have cost."""
    server, connection = attacked
    before = peak(server)
    for path in ("/predict", "/predict/batch", "/outcomes"):
        for name, raw in ATTACKS.items():
            reply = send(connection, {"path": path, "raw": raw if path == "/predict" else batch(raw)})
            assert reply.status == 422, (path, name, reply)
            assert [error["field"] for error in reply.json()["errors"]] == ["(body)"], (path, name, reply)
    assert peak(server) - before < 60
    assert send(connection, {}).status == 200


def test_without_the_bounds_one_body_takes_half_a_gigabyte():
    """The positive control: the body's own validator, on a quarter of the largest body."""
    code = (
        "import resource, sys; from serving.request import Flight; from pydantic import ValidationError\n"
        "try: Flight.model_validate_json(sys.stdin.buffer.read())\n"
        "except ValidationError as error: errors = error.error_count()\n"
        "print(errors, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000)"
    )
    raw = ("{" + ",".join(f'"{number}":1' for number in range(100_000)) + "}").encode()
    done = subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, check=True, cwd=ROOT)
    errors, megabytes = map(int, done.stdout.split())
    assert errors > 100_000
    assert megabytes > 500
    assert not is_within_limits(raw, 1)


def body(*chunks: bytes, delay: float = 0, **headers: str) -> bytes:
    """What a request's body is, that comes in pieces."""

    async def receive():
        await asyncio.sleep(delay)
        piece = remaining.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(remaining)}

    remaining = list(chunks)
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    reader = BodyReader(Settings(max_body_bytes=10, body_seconds=0.05))
    return asyncio.run(reader.read({"headers": pairs}, receive, 1))


def status(*chunks: bytes, **options) -> int:
    with pytest.raises(Refused) as refused:
        body(*chunks, **options)
    return refused.value.status


def test_a_body_in_pieces_is_put_together():
    """The bytes are those that were sent, whatever the pieces."""
    assert body(b'{"a"', b": 1", b"}") == b'{"a": 1}'


def test_a_body_without_a_length_is_still_bounded():
    """Chunked bodies are counted as they come, and the excess is not kept."""
    assert status(b"x" * 6, b"x" * 6, b"never asked for") == 413
    assert status(b"", content_length="11") == 413


def test_a_body_that_does_not_come_is_not_waited_for():
    """A client that stalls gets its refusal."""
    assert status(b"{", b"}", delay=1) == 408


def test_large_bodies_are_taken_one_in_a_turn():
    """However many are whole at once, the event loop hears everybody else between two of them."""
    size = SMALL_BODY + 1
    reader = BodyReader(Settings())
    turns: list[int] = []
    turn = 0

    async def take():
        async def receive():
            return {"type": "http.request", "body": b" " * size}

        await reader.read({"headers": []}, receive, MAX_ROWS)
        turns.append(turn)

    async def count():
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def all_at_once():
        counting = asyncio.create_task(count())
        await asyncio.gather(*[take() for _ in range(20)])
        counting.cancel()

    asyncio.run(all_at_once())
    assert len(set(turns)) == 20
    assert reader.bytes_in_flight == 0
