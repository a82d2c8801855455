"""How the service does: how much it is asked, how fast it answers, what it refuses, and whether a model answers.

What was answered is in the prediction log. What was refused never gets there, so the service's own counters are kept
too: lines of `service.jsonl`. Replay takes them by its simulated clock, and the monitor where SERVER_URL is set.
"""

import json
from contextlib import suppress
from pathlib import Path

import httpx
import pandas as pd

from flights.config import Settings
from flights.dataset import ZONE
from monitoring.watch import Watch

FEWEST, MOST = 0.5, 1.6  # of the median day's predictions; a holiday has 0.6
SLOW_MS = 100.0  # of the 99th percentile from a request's arrival to the log
MOST_SILENT = 1  # whole days in a row on which nobody asks
MOST_REFUSED = 0.01  # share of what was asked that the contract refuses
MOST_TURNED_AWAY = 0.01  # share of what was asked while too much else was waiting
FAILED, REQUESTS = "prediction_errors_total", "http_requests_total"
COUNTERS = ("predictions_total", FAILED, REQUESTS)
BUSY = ("429", "503")
# A body that is no JSON, too large, of another kind, or against the contract. What has a wrong address, method or
# password is no fault of the data; if predictions are lost by it, their outcomes are never asked about.
WRONG = ("400", "413", "415", "422")


def counters_path(settings: Settings) -> Path:
    """Where the snapshots are."""
    return settings.reports_dir / "service.jsonl"


def keep_counters(path: Path, client: httpx.Client, moment: pd.Timestamp) -> None:
    """Append what the service counts to the snapshots; a service that does not tell leaves none."""
    with suppress(httpx.HTTPError):
        answer = client.get("/metrics").raise_for_status()
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": moment.isoformat(), **counters(answer.text)}) + "\n")


def counters(text: str) -> dict[str, float]:
    """The counters that matter here, out of Prometheus' text format."""
    found = (line.rpartition(" ") for line in text.splitlines() if line.startswith(COUNTERS))
    return {name: float(value) for name, _, value in found}


def daily_counts(path: Path, now: pd.Timestamp) -> pd.DataFrame:
    """By how much each counter rose, by local day; torn lines are passed over, a restart begins at zero again."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    snapshots = pd.DataFrame([each for each in map(_snapshot, lines) if "at" in each])
    if snapshots.empty:
        return pd.DataFrame(index=pd.DatetimeIndex([]))
    moments = pd.to_datetime(snapshots.pop("at"), format="ISO8601", utc=True, errors="coerce")
    totals = snapshots[moments <= now].fillna(0.0)
    rises = totals.diff().where(totals.diff() >= 0, totals).iloc[1:]  # what the first one counted has no day
    days = moments[rises.index].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize()
    return rises.groupby(days).sum()


def _snapshot(line: str) -> dict[str, float]:
    try:
        content = json.loads(line)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def service_watches(rows: pd.DataFrame, counts: pd.DataFrame, today: pd.Timestamp | None = None) -> list[Watch]:
    """Traffic, speed and substitutes from the log's rows; refusals from the daily counts.

    Parameters
    ----------
    today
        The day before it is the last on which somebody could have asked; by default the last one in the log is.
    """
    by_day = rows.groupby("day")
    traffic = daily_traffic(rows, today)
    silent = traffic == 0
    silence = silent.astype(float).groupby((~silent).cumsum()).cumsum()
    slow = by_day["latency_us"].quantile(0.99) / 1000
    substitutes = (rows["served_by"] == "heuristic").astype(float).groupby(rows["day"]).mean()
    kinds = {name: kind_of(str(name)) for name in counts}
    refused, busy, failed, answered = (
        counts[[name for name, kind in kinds.items() if kind == wanted]].sum(axis=1)
        for wanted in ("refused", "busy", "failed", "answered")
    )
    asked = (refused + busy + failed + answered).where(lambda total: total > 0)
    return [
        Watch("traffic", "traffic", "of the usual", traffic / traffic.expanding().median(), FEWEST, MOST),
        Watch("days without a request", "refused", "days in a row", silence, high=MOST_SILENT, needed=1, of=1),
        Watch("latency of the slowest hundredth", "service", "ms", slow, high=SLOW_MS),
        Watch("answered by the heuristic", "service", "share", substitutes, high=0.0),
        Watch("refused", "refused", "share", refused / asked, high=MOST_REFUSED),
        Watch("turned away", "service", "share", busy / asked, high=MOST_TURNED_AWAY),
        Watch("failed", "service", "share", failed / asked, high=0.0),
    ]


def daily_traffic(rows: pd.DataFrame, today: pd.Timestamp | None) -> "pd.Series[float]":
    """Predictions a day, 0 on days without any, also where they are the newest."""
    traffic = rows.groupby("day").size().astype(float)
    if traffic.empty:
        return traffic
    last = traffic.index.max() if today is None else today - pd.Timedelta(days=1)
    return traffic.reindex(pd.date_range(traffic.index.min(), last), fill_value=0.0)


def kind_of(counter: str) -> str:
    """What a counter counts: predictions `answered`, or requests `refused`, turned away as `busy`, or `failed`."""
    status = counter.partition('status="')[2][:3]
    if counter.startswith(REQUESTS):
        by_status = {"refused": status in WRONG, "busy": status in BUSY, "failed": status.startswith("5")}
        return next((kind for kind, is_so in by_status.items() if is_so), "")  # of 200 the flights are counted
    return "failed" if counter.startswith(FAILED) else "answered"
