"""The report's first page: the decision, one timeline for everything, what was promised, and links to the rest."""

import re
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flights.dataset import POSITIVE, ROWS
from monitoring.decide import asks_for, daily_actions
from monitoring.drift import drifted_share
from monitoring.performance import FEWEST_DAYS
from monitoring.picture import Bar, Lanes, Line, Panel, Strip, picture
from monitoring.watch import Alarm

if TYPE_CHECKING:
    from monitoring.findings import Findings

COLOURS = {"ok": "good", "watch": "mild"}  # every other action is urgent


def index_page(found: "Findings", rung: Sequence[Alarm]) -> str:
    """The decision, the timeline, the promises, the weeks and the alarms."""
    return "".join(
        [
            verdict(found),
            shares(found.ledger),
            timeline(found, rung),
            "<h2>What evaluation promised, and the newest two weeks with all outcomes</h2>",
            promise_table(found),
            slice_table(found),
            "<h2>Weeks</h2>",
            week_list(found),
            "<h2>Alarms</h2>",
            alarm_table(rung),
        ]
    )


def verdict(found: "Findings") -> str:
    """The decision with its reasons."""
    decision = found.decision
    since = f", since {decision.since}" if decision.since else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in decision.reasons)
    return (
        f'<section class="verdict {COLOURS.get(decision.action, "urgent")}"><h1>{escape(decision.action)}</h1>'
        f"<p>{escape(decision.why)}{escape(since)}</p><ul>{reasons}</ul>"
        f"<p class=small>Champion {found.champion}, looking back from {found.now:%-d %B %Y %H:%M} UTC</p></section>"
    )


def shares(ledger: dict[str, int]) -> str:
    """Where every prediction is, as one bar."""
    total = max(ledger["predictions"], 1)
    parts = "".join(
        f'<span class="{name}" style="flex:{max(ledger[name] / total, 0.001):.4f}" title="{ledger[name]:,}"></span>'
        for name in ("labelled", "waiting", "expired")
    )
    words = ", ".join(f"<b class={name}>{ledger[name]:,} {name}</b>" for name in ("labelled", "waiting", "expired"))
    sample = f" looked at, one in {ledger['one_in']:,} of all" if ledger.get("one_in", 1) > 1 else ""
    return f'<p>{ledger["predictions"]:,} predictions{sample}: {words}</p><div class="stack">{parts}</div>'


def timeline(found: "Findings", rung: Sequence[Alarm]) -> str:
    """Quality against its promise, drift, label delay and alarms over the same days."""
    watch = {watch.name: watch for watch in found.watches}
    delay = watch["label delay"]
    bars = [
        Bar(alarm.watch.name, alarm.first, alarm.last, link(alarm), mild=asks_for(alarm.watch) == "watch")
        for alarm in rung
    ]
    days = daily_actions(found.watches, found.days)
    quality = found.metrics.get("roc_auc", pd.Series(dtype=float))
    panels: list[Panel | Strip | Lanes] = [
        Panel(
            "Quality: ROC-AUC of the two weeks before, and the range that evaluation promised",
            "ROC-AUC",
            [Line("", quality)],
            *band(found, "roc_auc"),
            150,
        ),
        Panel(
            f"Use: share {POSITIVE} among the riskiest tenth, of the two weeks before",
            "precision",
            [Line("", found.metrics.get("precision_at_budget", pd.Series(dtype=float)))],
            *band(found, "precision_at_budget"),
            height=70,
        ),
        Panel(
            f"Calibration: share of {POSITIVE} {ROWS} a day",
            "share",
            [Line("predicted", found.predicted), Line("observed", found.observed, "dots")],
        ),
        Panel(
            "Drift: share of the columns that drift",
            "share",
            [Line("", drifted_share(found.drift.watches), "bars")],
            height=70,
        ),
        Panel(
            "Label delay: median from the event to its outcome",
            "hours",
            [Line("", delay.values)],
            0,
            delay.high,
            height=70,
        ),
        Strip("What to do, day by day", [(day, action, COLOURS.get(action, "urgent")) for day, action in days.items()]),
        Lanes("Alarms" if bars else "Alarms: none", bars),
    ]
    swaps = {day: f"version {version} answers" for day, version in found.swaps.items()}
    return picture(panels, found.days, swaps)


def band(found: "Findings", metric: str) -> tuple[float, float]:
    """What evaluation promised of a metric; without limits where nothing can be compared."""
    promised = {row["metric"]: row["promised"] for row in found.promises}.get(metric, {})
    return promised.get("low", -np.inf), promised.get("high", np.inf)


def promise_table(found: "Findings") -> str:
    """Each metric as promised and as it is."""
    if not found.promises:
        return f"<p>Nothing to compare yet: the outcomes of {FEWEST_DAYS} days have not come in.</p>"
    rows = "".join(
        f"<tr><td>{escape(row['metric'].replace('_', ' '))}</td><td>{_interval(row['promised'])}</td>"
        f"<td>{_interval(row['now'])}</td><td>{'kept' if row['kept'] else 'outside'}</td></tr>"
        for row in found.promises
    )
    return (
        f"<table><tr><th>metric</th><th>promised</th><th>now</th><th></th></tr>{rows}</table>"
        f"<p class=small>{found.late_then:.0%} of the {ROWS} were {POSITIVE} then, {found.late_now:.0%} are now. "
        "Log loss, Brier score and cost rise with that share whatever the model does: they are shown here and ring no "
        "alarm.</p>"
    )


def slice_table(found: "Findings") -> str:
    """The parts of the flights whose quality left the promised interval, and how many kept it."""
    broken = [row for row in found.slice_promises if not row["kept"]]
    if not found.slice_promises:
        return ""
    rows = "".join(
        f"<tr><td>{escape(row['slice'])}</td><td>{escape(row['metric'].replace('_', ' '))}</td>"
        f"<td>{_interval(row['promised'])}</td><td>{row['now']:.3f}</td></tr>"
        for row in broken
    )
    head = "<tr><th>slice</th><th>metric</th><th>promised</th><th>now</th></tr>"
    kept = len(found.slice_promises) - len(broken)
    return f"<p>By slice, {kept} of {len(found.slice_promises)} figures are inside what was promised." + (
        f" These are outside:</p><table>{head}{rows}</table>" if broken else "</p>"
    )


def week_list(found: "Findings") -> str:
    """Links to the weeks."""
    weeks = sorted({week_of(day) for day in found.days})
    return "<p>" + " ".join(f'<a href="weeks/{week:%F}.html">{week:%-d %b}</a>' for week in weeks) + "</p>"


def alarm_table(rung: Sequence[Alarm]) -> str:
    """Every alarm with the action that it asks for."""
    rows = "".join(
        f'<tr><td><a href="{link(alarm)}">{escape(alarm.watch.name)}</a></td><td>{alarm.first:%F}</td>'
        f"<td>{alarm.last:%F}</td><td>{escape(asks_for(alarm.watch))}</td></tr>"
        for alarm in rung
    )
    table = f"<table><tr><th>figure</th><th>from</th><th>to</th><th>asks for</th></tr>{rows}</table>"
    return table if rows else "<p>None.</p>"


def link(alarm: Alarm) -> str:
    """Where an alarm's page is."""
    return f"alarms/{alarm.first:%F}-{re.sub('[^a-z0-9]+', '-', alarm.watch.name.lower()).strip('-')}.html"


def week_of(day: pd.Timestamp) -> pd.Timestamp:
    """The Monday that begins the day's week."""
    return day - pd.Timedelta(days=day.weekday())


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} <span class=small>{figure['low']:.3f} to {figure['high']:.3f}</span>"
