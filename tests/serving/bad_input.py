"""The corpus of bad input: `bad_input.jsonl` has one named case a line, written as what differs from a good request.

`good_input.jsonl` has what looks odd and is answered all the same; docs/serving.md and the site show both.

`set` and `add` carry raw JSON text, because much of what is wrong cannot be written by a JSON library.
"""

import http.client
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.request import example

FILE = Path(__file__).with_suffix(".jsonl")
GOOD = FILE.with_stem("good_input")
MARKER = "zzmarkerzz"  # what cases send where a careless server would repeat it


@dataclass
class Reply:
    """An answer, or a refusal."""

    status: int
    kind: str
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def cases(file: Path = FILE) -> list[dict[str, Any]]:
    """Every case of the corpus."""
    return [json.loads(line) for line in file.read_text().splitlines()]


def body(case: dict[str, Any]) -> bytes:
    """What a case sends."""
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    if "repeat" in case:
        text, count = case["repeat"]
        return (text * count).encode()
    if "raw" in case:
        return str(case["raw"]).encode()
    pairs = {name: json.dumps(value) for name, value in example().items()} | case.get("set", {})
    for name, (text, count) in case.get("set_repeat", {}).items():
        pairs[name] = text * count if name == "flight" else f'"{text * count}"'
    pairs.pop(case.get("remove", ""), None)
    members = [f'"{name}": {text}' for name, text in pairs.items()] + [
        f"{k}: {v}" for k, v in case.get("add", {}).items()
    ]
    bad = "{" + ", ".join(members) + "}"
    if "flights" not in case:
        return bad.encode("utf-8", "surrogatepass")
    good = json.dumps(example())
    extra = ", " + case["extra"].replace("EXAMPLE", good) if "extra" in case else ""
    rows = ", ".join([good] * (case["flights"] - 1) + [bad])
    return ('{"flights": [' + rows + "]" + extra + "}").encode()


def send(connection: http.client.HTTPConnection, case: dict[str, Any]) -> Reply:
    """Send a case as it is."""
    headers = {"Content-Type": "application/json"} | case.get("headers", {})
    connection.request(case.get("method", "POST"), case.get("path", "/predict"), body(case), headers)
    answer = connection.getresponse()
    return Reply(answer.status, answer.getheader("Content-Type", ""), answer.read())
