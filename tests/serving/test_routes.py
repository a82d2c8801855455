"""The documented API is the published one, and its examples work."""

import json
from pathlib import Path

import httpx
import pytest

from flights.config import Settings
from serving.app import create_app


def test_the_openapi_example_is_a_valid_request(client: httpx.Client):
    """What the documentation shows works, and every field has its description."""
    document = client.get("/openapi.json").json()
    for path in ("/predict", "/predict/batch"):
        body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"]
        assert client.post(path, json=body).status_code == 200
    fields = document["components"]["schemas"]["Flight"]["properties"]
    assert all("description" in field for field in fields.values())


@pytest.mark.exhibit
def test_the_api_is_the_one_that_was_published():
    """Paths, bodies, examples and refusals are those of `openapi.json`; planted: a field that is renamed."""
    published = json.loads(Path(__file__).with_name("openapi.json").read_text())
    ours = create_app(Settings()).openapi()
    assert ours == published
    ours["components"]["schemas"]["Answer"]["properties"]["chance"] = {}
    assert ours != published
