"""The departure board at `/`: the flights of the next hours, with the risk that was predicted for each by its key.

It shows what the store and the log hold, and predicts nothing: every risk on it was asked for, and is in the log. Its
clock is the events' own, `complete_until`, so a replay of another year looks as it did then.
"""

import asyncio
import json
from datetime import timedelta
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, JSONResponse

from flights.dataset import KEY, OUTCOME, PREDICTION_LEAD_HOURS, QUESTION, ZONE
from flights.extras.feature_store.tables import Event
from flights.extras.feature_views.views import VIEWS
from flights.plugins import hooks
from flights.predictions import Prediction
from serving.extras.by_key import details
from serving.extras.by_key.lookup import EPOCH, parsed_request_id
from serving.extras.by_key.readers import Departures, Readers
from serving.refusal import Refused
from serving.service import Service

FOLDER = Path(__file__).parent
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
PAGE_HEADERS = HEADERS | {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
LEAD = 60 * PREDICTION_LEAD_HOURS
PERIODS = {"next": (0, 6 * 60), "past": (-12 * 60, 0)}  # minutes from the events' now on
STALE_MINUTES = min(view.max_age_minutes for view in VIEWS)  # from then on a view is missing

# [SWAP] what a line of the board says of a flight; `board.html` and `board.js` name the same columns
LINE = ("carrier", "flight", "origin", "dest")


def add_board(service: Service, readers: Readers) -> None:
    """Add the page and what it asks for."""
    router = APIRouter(include_in_schema=False)
    add_page(router, service)

    @router.get("/board/flights")
    async def flights(period: Literal["next", "past"] = "next") -> Response:
        found = await readers.departures(*PERIODS[period])
        now = found.clock.complete_until
        asked = await readers.predictions(*(now + minutes for minutes in PERIODS[period])) if now else {}
        return JSONResponse(board(found, asked), headers=HEADERS)

    @router.get("/board/flight")
    async def flight(key: Annotated[str, Query(max_length=100)]) -> Response:
        asked = await readers.newest_prediction(key)
        stored = await readers.details(key, asked)
        if stored is None:
            raise Refused(404, "Unknown key", "No timetable event has this key.")
        model = service.holder.answering
        about = details.details(model, asked, stored)
        about["contributions"] = await asyncio.to_thread(details.contributions, model, asked)
        return JSONResponse(line(stored.planned, asked, stored.outcome) | about, headers=HEADERS)

    service.app.include_router(router)


def add_page(router: APIRouter, service: Service) -> None:
    """The page with its stylesheet and script."""
    offered = [link for offer in hooks("serving.extras", "page_links") for link in offer()]
    links = "".join(f'<a href="{escape(path)}">{escape(words)}</a> · ' for path, words in offered)
    page = Template((FOLDER / "board.html").read_text()).substitute(question=escape(QUESTION), links=links)

    @router.get("/")
    def board_page() -> Response:
        return Response(page, 200, PAGE_HEADERS, "text/html")

    @router.get("/board.css")
    def style() -> Response:
        return FileResponse(FOLDER / "board.css", 200, HEADERS, "text/css")

    @router.get("/board.js")
    def script() -> Response:
        return FileResponse(FOLDER / "board.js", 200, HEADERS, "text/javascript")


def board(found: Departures, asked: dict[str, Prediction]) -> dict[str, Any]:
    """The whole board: its clock, the age of each feed, and a line for each flight."""
    now = found.clock.complete_until
    return {
        "now": f"{local(now):%a %d %b %Y, %H:%M}" if now else None,
        "zone": ZONE,
        "views_age": now - found.clock.published_until if found.clock.published_until else None,
        "stale_minutes": STALE_MINUTES,
        "feeds": [{"name": name, "age": age} for name, age in found.feeds.items()],
        "flights": [line(each, asked.get(each.entity), found.outcomes.get(each.entity)) for each in found.planned],
    }


def line(planned: Event, asked: Prediction | None, arrived: Event | None) -> dict[str, Any]:
    """One flight, with its newest prediction and its outcome if they are there."""
    content = json.loads(planned.content)
    found = {KEY: planned.entity, "minute": planned.happened} | {name: content[name] for name in LINE}
    found |= {"departs": f"{local(planned.happened):%H:%M}", "due": f"{local(planned.happened - LEAD):%H:%M}"}
    parsed = asked and parsed_request_id(asked.request_id)
    return found | {
        "risk": asked and asked.probability,
        "threshold": asked and asked.threshold,
        "alert": bool(asked and asked.alert),
        "age": parsed[2] if parsed else 0,
        OUTCOME: arrived and json.loads(arrived.content)[OUTCOME],
    }


def local(minute: int) -> Any:
    """A minute since 1970 on the operation's clock."""
    return (EPOCH + timedelta(minutes=minute)).astimezone(ZoneInfo(ZONE))
