"""The report's first page: the decision, one timeline, what evaluation expected, and links to the rest."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from flights.dataset import POSITIVE, ROWS
from flights.evaluation import metrics
from flights.ranking import rank
from monitoring.check import Alarm, is_firing
from monitoring.checks.performance import MIN_DAYS, windows
from monitoring.decide import action_of, daily_actions
from monitoring.extras.site.charts import Bar, Lanes, Line, Panel, Strip, chart
from monitoring.findings import Findings
from monitoring.outcomes import STATES

COLOURS = {"ok": "good", "watch": "mild"}  # every other action is urgent


def index_page(found: Findings, fired: Sequence[Alarm], drawn: str) -> str:
    """The decision, the drawn timeline, the comparison with evaluation, the weeks and the alarms."""
    return "".join(
        [
            verdict(found),
            states(found.counts),
            drawn,
            "<h2>What evaluation expected, and the newest two weeks with all outcomes</h2>",
            metric_table(found),
            slice_table(found.details.get("slices", [])),
            "<h2>Weeks</h2>",
            week_list(found.view.days),
            "<h2>Alarms</h2>",
            alarm_table(fired),
        ]
    )


def verdict(found: Findings) -> str:
    """The decision with its reasons."""
    decision, view = found.decision, found.view
    since = f", since {decision.since}" if decision.since else ""
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in decision.reasons)
    return (
        f'<section class="verdict {COLOURS.get(decision.action, "urgent")}"><h1>{escape(decision.action)}</h1>'
        f"<p>{escape(decision.why)}{escape(since)}</p><ul>{reasons}</ul>"
        f"<p class=small>Champion {view.model.version}, monitored up to {view.now:%-d %B %Y %H:%M} UTC</p></section>"
    )


def states(counts: dict[str, int]) -> str:
    """Predictions by state, as one bar."""
    total = max(counts["predictions"], 1)
    parts = "".join(
        f'<span class="{name}" style="flex:{max(counts[name] / total, 0.001):.4f}" title="{counts[name]:,}"></span>'
        for name in STATES
    )
    text = ", ".join(f"<b class={name}>{counts[name]:,} {name}</b>" for name in STATES)
    sample = f" read, one in {counts['one_in']:,} of all" if counts["one_in"] > 1 else ""
    return f'<p>{counts["predictions"]:,} predictions{sample}: {text}</p><div class="stack">{parts}</div>'


def timeline(found: Findings, fired: Sequence[Alarm]) -> str:
    """Quality and what was expected, drift, label delay and alarms over the same days."""
    changes = {day: f"version {version} answers" for day, version in found.champion_changes.items()}
    return chart([*quality_panels(found), *traffic_panels(found, fired)], found.view.days, changes)


def quality_panels(found: Findings) -> list[Panel]:
    """Ranking, use and calibration, which need outcomes."""
    rows, metrics_by_day = found.view.rows, trailing_metrics(found.view.rows)
    predicted = rows.groupby("day")["probability"].mean()
    observed = rows[rows["past_watermark"]].groupby("day")["target"].mean()
    titles = {
        "roc_auc": ("Quality: ROC-AUC of the two weeks before, and the range that evaluation expects", "ROC-AUC", 1.5),
        "precision_at_budget": (
            f"Use: share {POSITIVE} among the riskiest tenth, of the two weeks before",
            "precision",
            0.8,
        ),
    }
    no_days = f"needs the outcomes of {MIN_DAYS} days"
    panels = [
        Panel(title, unit, [Line("", metrics_by_day[name])], *band(found, name), height, no_days, of_champion=True)
        for name, (title, unit, height) in titles.items()
    ]
    both = [Line("predicted", predicted), Line("observed", observed, "dots")]
    return [*panels, Panel(f"Calibration: share of {POSITIVE} {ROWS} a day", "share", both)]


def traffic_panels(found: Findings, fired: Sequence[Alarm]) -> list[Panel | Strip | Lanes]:
    """Drift, label delay, actions and alarms."""
    drift = drifted_share(found)
    panels: list[Panel | Strip | Lanes] = [
        Panel(
            "Drift: share of the columns that drift",
            "share",
            [Line("", drift.where(drift > 0), "bars")],
            height=0.8,
            empty="no column drifted",
        )
    ]
    panels += [
        Panel(
            "Label delay: median from the event to its outcome", "hours", [Line("", check.values)], 0, check.high, 0.8
        )
        for check in found.checks
        if check.name == "label delay"
    ]
    actions = daily_actions(found.checks, found.view.days)
    fields = [
        (day, action, COLOURS.get(action, "urgent")) for day, action in zip(found.view.days, actions, strict=True)
    ]
    bars = [
        Bar(alarm.check.name, alarm.first, alarm.last, link(alarm), COLOURS.get(action_of(alarm.check.cause), "urgent"))
        for alarm in fired
    ]
    return [*panels, Strip("What to do, day by day", fields), Lanes("Alarms", bars)]


def trailing_metrics(rows: pd.DataFrame) -> pd.DataFrame:
    """The evaluation's metrics over the two weeks that end on each day; one row a day."""
    found = {
        day: metrics(
            rank(window["target"].to_numpy(), window["probability"].to_numpy(), float(window["threshold"].iloc[-1])),
            ["roc_auc", "precision_at_budget"],
        )
        for day, window in windows(rows)
    }
    return pd.DataFrame(found, index=["roc_auc", "precision_at_budget"]).T.astype(float)


def drifted_share(found: Findings) -> "pd.Series[float]":
    """Share of the compared columns that drift, day by day."""
    fired = {check.name: is_firing(check) for check in found.checks if check.name.endswith(": drift")}
    return pd.DataFrame(fired).astype(float).mean(axis=1)


def band(found: Findings, metric: str) -> tuple[float, float]:
    """What evaluation expects of a metric; without limits if it measured none."""
    expected = found.view.model.expected.get(metric, {})
    return expected.get("low", -np.inf), expected.get("high", np.inf)


def metric_table(found: Findings) -> str:
    """Each metric as expected and as it is."""
    compared = found.details.get("expectations", [])
    if not compared:
        return f"<p>Nothing to compare yet: it takes the outcomes of {MIN_DAYS} days.</p>"
    rows = "".join(
        f"<tr><td>{escape(row['metric'].replace('_', ' '))}</td><td>{_interval(row['expected'])}</td>"
        f"<td>{_interval(row['now'])}</td><td>{'within' if row['within'] else 'outside'}</td></tr>"
        for row in compared
    )
    then, now = found.view.model.reference["target"].mean(), windows(found.view.rows)[-1][1]["target"].mean()
    return (
        f"<table><tr><th>metric</th><th>expected</th><th>now</th><th></th></tr>{rows}</table>"
        f"<p class=small>{then:.0%} of the {ROWS} were {POSITIVE} in evaluation, {now:.0%} are now. Log loss, Brier "
        "score and cost rise with that share whatever the model does: they fire no alarm.</p>"
    )


def slice_table(compared: Sequence[dict[str, Any]]) -> str:
    """The slices outside the expected interval, and how many are within it."""
    if not compared:
        return ""
    outside = [row for row in compared if not row["within"]]
    rows = "".join(
        f"<tr><td>{escape(row['slice'])}</td><td>{escape(row['metric'].replace('_', ' '))}</td>"
        f"<td>{_interval(row['expected'])}</td><td>{row['now']:.3f}</td></tr>"
        for row in outside
    )
    head = "<tr><th>slice</th><th>metric</th><th>expected</th><th>now</th></tr>"
    within = f"{len(compared) - len(outside)} of {len(compared)}"
    return f"<p>By slice, {within} metrics are within the expected interval." + (
        f" These are outside:</p><table>{head}{rows}</table>" if outside else "</p>"
    )


def week_list(days: pd.DatetimeIndex) -> str:
    """Links to the weeks."""
    weeks = sorted({week_of(day) for day in days})
    return "<p>" + " ".join(f'<a href="weeks/{week:%F}.html">{week:%-d %b}</a>' for week in weeks) + "</p>"


def alarm_table(fired: Sequence[Alarm]) -> str:
    """Every alarm with the action that it leads to."""
    rows = "".join(
        f'<tr><td><a href="{link(alarm)}">{escape(alarm.check.name)}</a></td><td>{alarm.first:%F}</td>'
        f"<td>{alarm.last:%F}</td><td>{escape(action_of(alarm.check.cause))}</td></tr>"
        for alarm in fired
    )
    table = f"<table><tr><th>check</th><th>from</th><th>to</th><th>action</th></tr>{rows}</table>"
    return table if rows else "<p>None.</p>"


def link(alarm: Alarm) -> str:
    """Where an alarm's page is."""
    return f"alarms/{alarm.first:%F}-{re.sub('[^a-z0-9]+', '-', alarm.check.name.lower()).strip('-')}.html"


def week_of(day: pd.Timestamp) -> pd.Timestamp:
    """The Monday that begins the day's week."""
    return day - pd.Timedelta(days=day.weekday())


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} <span class=small>{figure['low']:.3f} to {figure['high']:.3f}</span>"
