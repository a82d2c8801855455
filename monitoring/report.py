"""The report for people: a page to look at, one a week with Evidently's report behind it, one an alarm.

Static files that work offline and from the file system; pictures are drawn as SVG. Nothing that a stranger sent reaches
a page as it is: texts that the reference does not know were replaced before, and everything else is escaped.
"""

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flights.artifacts import write_atomically
from flights.dataset import POSITIVE, ROWS
from monitoring import evidently_page
from monitoring.decide import TREE, daily_actions
from monitoring.drift import drifted_share
from monitoring.performance import FEWEST_DAYS
from monitoring.picture import Bar, Lanes, Line, Panel, Strip, picture
from monitoring.watch import Alarm, Watch, alarms, fires, outside

if TYPE_CHECKING:
    from monitoring.findings import Findings

COLOURS = {"ok": "good", "watch": "mild"}  # every other action is urgent
PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))


def write_site(folder: Path, found: "Findings") -> list[Path]:
    """Write every page; the index comes last, so that it never links to one that is missing."""
    for torn in [*folder.rglob(".*.html"), *folder.glob(".*.json")]:  # of a monitor that was killed
        torn.unlink()
    rung = all_alarms(found.watches)
    weeks = sorted({week_of(day) for day in found.days})
    for stale in set((folder / "alarms").glob("*.html")) - {folder / link(alarm) for alarm in rung}:
        stale.unlink()
    pages = [write_page(folder / link(alarm), f"Alarm: {alarm.watch.name}", alarm_page(alarm, found)) for alarm in rung]
    for week in weeks:
        rows = found.drift.live.loc[week : week + pd.Timedelta(days=6)]
        behind = folder / "weeks" / f"{week:%F}-evidently.html"
        drawn = evidently_page.write_week(behind, found.drift.reference, rows, found.drift.levels)
        body = week_page(week, found, behind.name if drawn else "")
        pages.append(write_page(folder / "weeks" / f"{week:%F}.html", f"Week of {week:%-d %B %Y}", body))
    index = write_page(folder / "index.html", f"{found.decision.action}: {found.decision.why}", index_page(found, rung))
    return [*pages, index]


def write_page(path: Path, title: str, body: str) -> Path:
    """One page in the site's dress."""
    up = "../" if path.parent.name in {"weeks", "alarms"} else ""
    text = PAGE.substitute(title=escape(title), body=body, home=f'<a href="{up}index.html">Monitor</a>' if up else "")
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


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
    return f'<p>{ledger["predictions"]:,} predictions: {words}</p><div class="stack">{parts}</div>'


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


def alarm_page(alarm: Alarm, found: "Findings") -> str:
    """One alarm: the figure over time, its band, and what was done about it."""
    watch = alarm.watch
    fired = fires(watch)
    days = list(pd.DatetimeIndex(fired.index[fired]))
    panel = Panel(watch.name, watch.unit, [Line("", watch.values)], watch.low, watch.high, 220, days)
    done = [f"champion {version} took over on {day:%F}" for day, version in found.swaps.items() if day >= alarm.first]
    why = next(why for points_at, _, why in TREE if points_at == watch.points_at)
    rule = "on any day" if watch.needed == 1 else f"when the newest day and {watch.needed - 1} more of {watch.of} are"
    return (
        f"<h1>{escape(watch.name)}</h1><p>Rang from {alarm.first:%F} to {alarm.last:%F}: it rings {rule} outside the "
        f"band. It asks to <b>{escape(asks_for(watch))}</b>: {escape(why)}.</p>"
        f"{picture([panel], found.days)}<p>Done since: {escape('; '.join(done) or 'nothing yet')}.</p>"
    )


def week_page(week: pd.Timestamp, found: "Findings", evidently: str) -> str:
    """One week: every watched figure of each day beside its band."""
    days = [day for day in pd.date_range(week, periods=7) if day in found.days]
    head = "".join(f"<th>{day:%a %-d}</th>" for day in days)
    body = "".join(_week_row(watch, days) for watch in found.watches)
    report = f'<a href="{evidently}">Evidently\'s report of the week</a>' if evidently else "No full day of traffic."
    return (
        f"<h1>Week of {week:%-d %B %Y}</h1><p>Each figure of each day; outside its band it is marked. "
        f"{report}</p>"
        f'<table class="days"><tr><th>figure</th>{head}<th>band</th></tr>{body}</table>'
    )


def _week_row(watch: Watch, days: Sequence[pd.Timestamp]) -> str:
    out, fired = outside(watch), fires(watch)
    cells = ""
    for day in days:
        value = watch.values.get(day, np.nan)
        mark = "fired" if fired.get(day, False) else "out" if out.get(day, False) else ""
        cells += f'<td class="{mark}">{value:.2g}</td>' if np.isfinite(value) else "<td></td>"
    band = f"up to {watch.high:.3g}" if np.isinf(watch.low) else f"{watch.low:.3g} to {watch.high:.3g}"
    return f"<tr><td>{escape(watch.name)}</td>{cells}<td>{band} {escape(watch.unit)}</td></tr>"


def all_alarms(watches: Sequence[Watch]) -> list[Alarm]:
    """Every alarm of every watch, the newest first."""
    return sorted((alarm for watch in watches for alarm in alarms(watch)), key=lambda alarm: alarm.first, reverse=True)


def alarm_records(watches: Sequence[Watch]) -> list[dict[str, Any]]:
    """Every alarm for machines."""
    return [
        {
            "figure": alarm.watch.name,
            "points_at": alarm.watch.points_at,
            "asks_for": asks_for(alarm.watch),
            "first": f"{alarm.first:%F}",
            "last": f"{alarm.last:%F}",
        }
        for alarm in all_alarms(watches)
    ]


def asks_for(watch: Watch) -> str:
    """The action that an alarm of this watch leads to, if it is alone."""
    return next(action for points_at, action, _ in TREE if points_at == watch.points_at)


def link(alarm: Alarm) -> str:
    """Where an alarm's page is."""
    return f"alarms/{alarm.first:%F}-{re.sub('[^a-z0-9]+', '-', alarm.watch.name.lower()).strip('-')}.html"


def week_of(day: pd.Timestamp) -> pd.Timestamp:
    """The Monday that begins the day's week."""
    return day - pd.Timedelta(days=day.weekday())


def _interval(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} <span class=small>{figure['low']:.3f} to {figure['high']:.3f}</span>"
