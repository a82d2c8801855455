"""How the service does: how much it is asked, how fast it answers, what it rejects, and whether a model answers.

The prediction log holds what was answered. Rejected requests never reach it, so the service's own counters are kept
too, as lines of `service.jsonl`: by a replay at its simulated time, and by the monitor if SERVER_URL is set.
"""

import json
import sys
from pathlib import Path

import httpx
import pandas as pd
from pydantic import Field

from flights.config import EnvironmentSettings
from flights.dataset import ZONE
from flights.files import COUNTERS_FILE
from monitoring.check import Check
from monitoring.client import request_headers
from monitoring.view import View

SERVER_SECONDS = 5.0  # that the service may take to answer
LOW, HIGH = 0.5, 1.6  # of the median day's predictions; a holiday has 0.6
SLOW_MS = 100.0  # of the 99th percentile from a request's arrival to the log
MAX_SILENT_DAYS = 1  # whole days in a row without a request
MAX_REJECTED = 0.01  # share of the requests that violate the contract
MAX_OVER_CAPACITY = 0.01  # share of the requests that came while too many others were waiting
FAILED, REQUESTS = "prediction_errors_total", "http_requests_total"
COUNTERS = ("predictions_total", FAILED, REQUESTS)
UNANSWERED = "unanswered"  # instead of counters, in a line about a service that gave no answer
BUSY = ("429", "503")
# Not JSON, too large, of another type, or against the contract. A wrong address, method or password is no failure of
# the data; if predictions are lost by it, their outcomes have no prediction.
REJECTED = ("400", "413", "415", "422")


class Settings(EnvironmentSettings):
    """The service whose counters the monitor records."""

    server_url: str = Field("", description="URL of the service whose counters are recorded; empty records none.")


def checks(view: View) -> list[Check]:
    """Traffic and speed from the log, rejected and failed requests from the service's counters."""
    rows = view.rows[view.rows["day"] < view.today]
    counts = daily_counts(view.settings.reports_dir / COUNTERS_FILE, view.now)
    return [*log_checks(rows, view.today), *counter_checks(counts), *answer_checks(view)]


def observe_server(folder: Path) -> None:
    """Record what a running service counts, if SERVER_URL names one."""
    if not (url := Settings.read().server_url):
        return
    try:
        with httpx.Client(base_url=url, timeout=SERVER_SECONDS, headers=request_headers()) as client:
            observe(client, pd.Timestamp.now("UTC"), folder)
    except httpx.InvalidURL as error:
        print(f"SERVER_URL={url}: {error}; expected a URL, such as http://127.0.0.1:8000", file=sys.stderr)
        record(folder, pd.Timestamp.now("UTC"), {UNANSWERED: 1.0})


def observe(client: httpx.Client, moment: pd.Timestamp, folder: Path) -> None:
    """Append the service's counters to the snapshots, or that it did not answer."""
    try:
        found = counters(client.get("/metrics").raise_for_status().text)
    except httpx.HTTPError as error:
        print(f"service counters: no answer from {client.base_url} ({error}): check SERVER_URL", file=sys.stderr)
        found = {UNANSWERED: 1.0}
    record(folder, moment, found)


def record(folder: Path, moment: pd.Timestamp, found: dict[str, float]) -> None:
    """Append one line."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / COUNTERS_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": moment.isoformat(), **found}) + "\n")


def counters(text: str) -> dict[str, float]:
    """The counters of interest, from Prometheus' text format."""
    found = (line.rpartition(" ") for line in text.splitlines() if line.startswith(COUNTERS))
    return {name: float(value) for name, _, value in found}


def daily_counts(path: Path, now: pd.Timestamp) -> pd.DataFrame:
    """By how much each counter rose, by local day; torn lines are skipped, a restart begins at zero again."""
    snapshots = pd.DataFrame([each for each in _snapshots(path) if "at" in each and UNANSWERED not in each])
    if snapshots.empty:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    moments = pd.to_datetime(snapshots.pop("at"), format="ISO8601", utc=True, errors="coerce")
    totals = snapshots[moments <= now].fillna(0.0)
    rises = totals.diff().where(totals.diff() >= 0, totals).iloc[1:]  # what the first one counted has no day
    days = moments[rises.index].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    return rises.groupby(days).sum()


def _snapshots(path: Path) -> list[dict[str, float]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [_snapshot(line) for line in lines]


def _snapshot(line: str) -> dict[str, float]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def log_checks(rows: pd.DataFrame, today: pd.Timestamp | None = None) -> list[Check]:
    """Traffic, silent days, latency and fallback answers, from the log's rows."""
    by_day = rows.groupby("day")
    traffic = daily_traffic(rows, today)
    silent = traffic == 0
    silence = silent.astype(float).groupby((~silent).cumsum()).cumsum()
    allowed = silent & (silence < MAX_SILENT_DAYS)  # weekly rows come on one day of seven
    usual = traffic.where(~silent).expanding().median()
    slow = by_day["latency_us"].quantile(0.99) / 1000
    fallback = (rows["served_by"] == "heuristic").astype(float).groupby(rows["day"]).mean()
    return [
        Check("traffic", "traffic", "times the usual", (traffic / usual).where(~allowed), LOW, HIGH),
        Check("days without a request", "rejected", "in a row", silence, high=MAX_SILENT_DAYS, needed=1, of=1),
        Check("latency p99", "service", "ms", slow, high=SLOW_MS),
        Check("answered by the heuristic", "service", "share", fallback, high=0.0),
    ]


def counter_checks(counts: pd.DataFrame) -> list[Check]:
    """Shares of the requests that were rejected, over capacity or failed, from the daily counts."""
    kinds = {name: kind_of(str(name)) for name in counts}
    totals = {
        wanted: counts[[name for name, kind in kinds.items() if kind == wanted]].sum(axis=1)
        for wanted in ("rejected", "busy", "failed", "answered")
    }
    asked = pd.DataFrame(totals).sum(axis=1).where(lambda total: total > 0)
    return [
        Check("rejected requests", "rejected", "share", totals["rejected"] / asked, high=MAX_REJECTED),
        Check("over capacity", "service", "share", totals["busy"] / asked, high=MAX_OVER_CAPACITY),
        Check("failed requests", "service", "share", totals["failed"] / asked, high=0.0),
    ]


def answer_checks(view: View) -> list[Check]:
    """Whether the service that SERVER_URL names answered just now: of the report's last day, whichever that is."""
    if not Settings.read().server_url:
        return []
    newest = _snapshots(view.settings.reports_dir / COUNTERS_FILE)[-1:]
    failed = pd.Series(float(any(UNANSWERED in each for each in newest)), view.days[-1:])
    return [Check("service without an answer", "service", "looks", failed, high=0.0, needed=1, of=1)]


def daily_traffic(rows: pd.DataFrame, today: pd.Timestamp | None) -> "pd.Series[float]":
    """Predictions a day, 0 on days without any, until the day before `today` or the log's last day."""
    traffic = rows.groupby("day").size().astype(float)
    if traffic.empty:
        return traffic
    last = traffic.index.max() if today is None else today - pd.Timedelta(days=1)
    return traffic.reindex(pd.date_range(traffic.index.min(), last), fill_value=0.0)


def kind_of(counter: str) -> str:
    """What a counter counts: predictions `answered`, or requests `rejected`, `busy` or `failed`."""
    status = counter.partition('status="')[2][:3]
    if counter.startswith(REQUESTS):
        by_status = {"rejected": status in REJECTED, "busy": status in BUSY, "failed": status.startswith("5")}
        return next((kind for kind, is_so in by_status.items() if is_so), "")  # answered ones are counted by row
    return "failed" if counter.startswith(FAILED) else "answered"
