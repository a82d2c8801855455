"""The API's documentation for people at `/docs`: a page of our own, made from the OpenAPI document.

It needs no script and nothing from elsewhere, and its links are relative: it works offline, and behind a proxy that
serves the API below a path.
"""

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import Response

from flights.dataset import QUESTION
from serving.service import Service

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}
STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-top: 2rem }
pre { overflow-x: auto; background: #8882; padding: 8px }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; vertical-align: top; padding: 2px 8px; border-bottom: 1px solid #8884 }
"""


def plug_in(service: Service) -> None:
    """Add the page."""

    @service.app.router.get("/docs", include_in_schema=False)
    def page() -> Response:
        return Response("\n".join(lines(service.app.openapi())), 200, HEADERS, "text/html")


def lines(document: dict[str, Any]) -> Iterator[str]:
    """The page: every operation, then every schema with its fields."""
    yield '<!doctype html><html lang="en"><meta charset="utf-8"><title>API</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    yield f'<h1>{escape(QUESTION)}</h1><p>The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f'<h2 id="{escape(method + path)}">{escape(method.upper())} {escape(path)}</h2>'
            yield f"<p>{escape(operation.get('description', ''))}</p>{body(operation)}"
            yield f"<p>Answers: {', '.join(answers(operation['responses']))}.</p>"
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        yield f'<h2 id="{escape(name)}">{escape(name)}</h2><p>{escape(schema.get("description", ""))}</p><table>'
        yield "<tr><th>Field<th>Type<th>Meaning<th>Example"
        for field, described in schema.get("properties", {}).items():
            example = ", ".join(str(each) for each in described.get("examples", []))
            cells = (field, type_of(described), described.get("description", ""), example)
            yield f"<tr>{''.join(f'<td>{escape(cell)}' for cell in cells)}"
        yield "</table>"


def body(operation: dict[str, Any]) -> str:
    """What an operation takes."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return ""
    example = f"<pre>{escape(json.dumps(content['example'], indent=1))}</pre>" if "example" in content else ""
    return f"<p>Body: {link(content.get('schema', {}))}</p>{example}"


def answers(responses: dict[str, Any]) -> Iterator[str]:
    """The statuses of an operation and what comes with each."""
    for status, response in responses.items():
        schemas = [link(content.get("schema", {})) for content in response.get("content", {}).values()]
        yield " ".join([escape(status), *sorted({each for each in schemas if each})])


def link(schema: dict[str, Any]) -> str:
    """A schema's name as a link to its table."""
    name = escape(schema.get("$ref", "").rpartition("/")[2])
    return f'<a href="#{name}">{name}</a>' if name else ""


def type_of(schema: dict[str, Any]) -> str:
    """A field's type in few words: `number from 10 to 6000, or null`."""
    if "anyOf" in schema:
        return ", or ".join(type_of(each) for each in schema["anyOf"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    words = [schema.get("format") or schema.get("type", "any")]
    if "items" in schema:
        words.append(f"of {type_of(schema['items'])}")
    words += [f"{word} {schema[key]:g}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return " ".join(words)
