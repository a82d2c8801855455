"""A page for people at `/` and `/form`: try a prediction, read the model card, see what monitoring last said.

Plain HTML made from the contract, with its own stylesheet and script and nothing from elsewhere, so it works
offline. The reports are served as they lie in the data folder, but may not talk to the service.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from flights.artifacts import read_json
from flights.columns import Column
from flights.config import EnvironmentSettings
from flights.contract import allowed
from flights.dataset import INPUTS, POSITIVE, PREDICTION_LEAD_HOURS, QUESTION
from flights.files import CARD_FILE, CARD_PAGE, DECISION_FILE, REPORT_PAGE
from flights.plugins import hooks
from serving.fields import MAX_TEXT
from serving.service import Service

FOLDER = Path(__file__).parent
KINDS = {".html": "text/html", ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png"}
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
OURS = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
# Reports hold strings that clients sent: in a sandbox they have no origin, and can ask nobody for anything.
THEIRS = HEADERS | {
    "Content-Security-Policy": "sandbox allow-scripts allow-popups; default-src 'none'; img-src 'self' data: blob:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; font-src data:; frame-ancestors 'self'"
}


class Settings(EnvironmentSettings):
    """Whether there is a page."""

    page: bool = Field(True, description="A page for people at /, with the model card and the monitoring reports.")


def plug_in(service: Service) -> None:
    """Add the page and what it links to."""
    if not Settings.read().page:
        return
    router = APIRouter(include_in_schema=False)
    add_page(router, service)
    add_reports(router, service.settings.reports_dir)
    service.app.include_router(router)


def page_links() -> list[tuple[str, str]]:
    """The way to the form, for other plug-ins' pages."""
    return [("form", "Form with all inputs")] if Settings.read().page else []


def add_page(router: APIRouter, service: Service) -> None:
    """The page, its stylesheet and script, and the card of the model that answers."""
    template = Template((FOLDER / "page.html").read_text())
    words = {
        "question": escape(QUESTION),
        "positive": escape(POSITIVE),
        "lead": PREDICTION_LEAD_HOURS,
        "presets": presets(),
        "fields": "\n".join(fieldset(*group) for group in groups()),
    }

    @router.get("/")  # unless a plug-in has another page there
    @router.get("/form")
    def page() -> Response:
        model, monitoring = about_model(service), about_monitoring(service.settings.reports_dir)
        return Response(template.substitute(words, model=model, monitoring=monitoring), 200, OURS, "text/html")

    @router.get("/page.css")
    def style() -> Response:
        return FileResponse(FOLDER / "page.css", 200, HEADERS, "text/css")

    @router.get("/page.js")
    def script() -> Response:
        return FileResponse(FOLDER / "page.js", 200, HEADERS, "text/javascript")

    @router.get("/model/card")
    def card() -> Response:
        model = service.holder.answering
        for name in (CARD_PAGE, CARD_FILE) if model else ():
            if model is not None and (model.folder / name).is_file():
                text = (model.folder / name).read_text()
                return Response(text if name == CARD_PAGE else plain(text), 200, THEIRS, "text/html")
        raise HTTPException(404)


def add_reports(router: APIRouter, folder: Path) -> None:
    """The monitoring's pages, read-only; nothing outside their folder, and no file of another kind."""

    @router.get("/reports/{path:path}")
    def report(path: str) -> Response:
        try:
            file = (folder / (path or REPORT_PAGE)).resolve()
            found = file.is_relative_to(folder.resolve()) and file.suffix in KINDS and file.is_file()
        except (OSError, ValueError):  # a name too long, or with a zero in it
            found = False
        if not found:
            raise HTTPException(404)
        return FileResponse(file, 200, THEIRS, KINDS[file.suffix])


def presets() -> str:
    """Links that fill the form, for the inputs that plug-ins offer by name."""
    offered = {name: inputs for offer in hooks("serving.extras", "form_presets") for name, inputs in offer().items()}
    links = [
        f'<a href="form?{escape(urlencode({key: "" if value is None else value for key, value in inputs.items()}))}">'
        f"{escape(name)}</a>"
        for name, inputs in offered.items()
    ]
    return f"<nav>Fill in: {' · '.join(links)}</nav>" if links else ""


def groups() -> list[tuple[str, list[Column]]]:
    """The inputs as the form shows them: the timetable's, then each feed's."""
    feeds = list(dict.fromkeys(column.feed for column in INPUTS))
    return [(feed.capitalize() or "Timetable", [c for c in INPUTS if c.feed == feed]) for feed in feeds]


def fieldset(legend: str, columns: Sequence[Column]) -> str:
    """Some fields under one heading."""
    fields = "\n".join(field(column) for column in columns)
    return f'<fieldset><legend>{escape(legend)}</legend><div class="fields">\n{fields}\n</div></fieldset>'


def field(column: Column) -> str:
    """One input with its meaning, what it may hold, and a place for what is wrong with it."""
    name = column.name
    return (
        f'<div class="field"><label for="{name}">{escape(column.description)}</label>'
        f'<small id="hint-{name}">{escape(hint(column))}</small>{control(column)}'
        f'<output id="error-{name}" for="{name}"></output></div>'
    )


def hint(column: Column) -> str:
    """What a person needs to know to fill in a column; a list says itself what it holds."""
    if column.kind == "time":
        return "UTC"
    if column.minimum is None:
        return "or missing" if column.nullable else ""
    return f"{column.unit}; {allowed(column)}" if column.unit else allowed(column)


def control(column: Column) -> str:
    """The element that takes a column's value, with the contract's example in it."""
    shared = (
        f'id="{column.name}" name="{column.name}" data-kind="{column.kind}" '
        f'aria-describedby="hint-{column.name} error-{column.name}"'
    )
    example = "" if column.example is None else str(column.example)
    if column.categories:
        options = [
            f"<option{' selected' if each == example else ''}>{escape(each)}</option>" for each in column.categories
        ]
        return f"<select {shared}>{''.join(options)}</select>"
    if column.kind == "time":
        return f'<input {shared} type="datetime-local" value="{escape(example.removesuffix("Z"))}">'
    limit = f'maxlength="{MAX_TEXT}"' if column.kind == "text" else 'inputmode="decimal"'
    return f'<input {shared} type="text" {limit} value="{escape(example)}">'


def about_model(service: Service) -> str:
    """Who answers, and the card."""
    model = service.holder.answering
    if model is None:
        return f'<p class="refused">No model answers: {escape(service.holder.unavailable_reason())}</p>'
    who = "The heuristic answers" if model.served_by == "heuristic" else f"Version {model.version} answers"
    lines = [f"<p>{who}; it alerts from {100 * model.threshold:.1f} %.</p>"]
    if service.holder.rejected:
        lines.append(f'<p class="refused">A newer one was refused: {escape(service.holder.rejected)}</p>')
    for name, say in service.details.items():
        if (said := say()) != "none":
            lines.append(f"<p>{escape(name.capitalize())}: {escape(said)}.</p>")
    lines.append('<details><summary>Model card</summary><iframe src="model/card" title="Model card" loading="lazy">')
    return "\n".join([*lines, '</iframe></details><p><a href="model/card">The card on a page of its own</a></p>'])


def about_monitoring(folder: Path) -> str:
    """What monitoring last decided, and the way to its report."""
    decision = latest_decision(folder)
    if not decision:
        return '<p class="soft">Nothing monitored yet: <code>make replay</code>, then <code>make monitor</code>.</p>'
    reasons = "".join(f"<li>{escape(str(reason))}</li>" for reason in decision.get("reasons", []))
    action, why = escape(str(decision.get("action", "?"))), escape(str(decision.get("why", "?")))
    kind = "verdict alert" if decision.get("act") else "verdict calm"
    link = '<p><a href="reports/index.html">The whole report</a></p>' if (folder / REPORT_PAGE).is_file() else ""
    return f'<p class="{kind}">{action.capitalize()}</p><p>{why}</p><ul>{reasons}</ul>{link}'


def latest_decision(folder: Path) -> dict[str, Any]:
    """The decision for machines; nothing where there is none, or none that can be read."""
    try:
        return read_json(folder / DECISION_FILE, "run `make monitor`")
    except (OSError, ValueError):
        return {}


def plain(markdown: str) -> str:
    """Markdown as it is, in a page that wraps its lines."""
    style = "<style>pre { white-space: pre-wrap; font-size: 13px }</style>"
    return f'<!doctype html><meta charset="utf-8"><title>Model card</title>{style}<pre>{escape(markdown)}</pre>'
