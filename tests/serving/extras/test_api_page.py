"""The API's page works offline and below a path, and says what the OpenAPI document says."""

import re

import httpx

from flights.dataset import INPUTS
from serving.extras.api_page import lines, type_of


def test_every_path_and_field_is_on_the_page(client: httpx.Client):
    """It is made from the document, so that it cannot lag behind."""
    document, page = client.get("/openapi.json").json(), client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path, operations in document["paths"].items():
        assert all(f"{method.upper()} {path}" in page.text for method in operations)
    assert all(f"<td>{column.name}<td>" in page.text.replace("</td>", "") for column in INPUTS)
    assert client.head("/docs").status_code == 200


def test_the_page_asks_for_nothing_else(client: httpx.Client):
    """No script, style, image or font, from here or from elsewhere; each link is relative and leads somewhere."""
    page = client.get("/docs")
    assert not re.findall(r"<script|<link|<img|<iframe|src=|@import|url\(|https?://", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    links, ids = set(re.findall(r'href="([^"]*)"', page.text)), set(re.findall(r'id="([^"]*)"', page.text))
    assert {each.removeprefix("#") for each in links if each.startswith("#")} <= ids
    assert {each for each in links if not each.startswith("#")} == {"openapi.json"}


def test_the_pages_that_load_from_elsewhere_are_gone(client: httpx.Client):
    """FastAPI's own."""
    assert {client.get(path).status_code for path in ("/redoc", "/docs/oauth2-redirect")} == {404}


def test_what_a_document_says_is_not_markup():
    """Planted: markup in a path, a description, a field and an example."""
    bad = "<script>"
    schema = {"description": bad, "properties": {bad: {"type": bad, "description": bad, "examples": [bad]}}}
    operation = {"description": bad, "responses": {bad: {}}}
    document = {"paths": {f"/{bad}": {"post": operation}}, "components": {"schemas": {bad: schema}}}
    assert bad not in "\n".join(lines(document))


def test_types_are_in_few_words():
    """Ranges, choices, lists, and what may be null."""
    number = {"type": "number", "minimum": 10.0, "maximum": 6000.0}
    assert type_of({"anyOf": [number, {"type": "null"}]}) == "number from 10 to 6000, or null"
    assert type_of({"enum": ["EWR", "JFK"], "type": "string"}) == "one of EWR, JFK"
    assert type_of({"type": "array", "items": {"$ref": "#/components/schemas/Flight"}}) == "array of Flight"
    assert type_of({}) == "any"
