"""The report for people: a first page, one for each week with Evidently's report behind it, one for each alarm.

Static files that work offline and from the file system. No page repeats what a client sent: categories that the
reference does not know were replaced before, and everything else is escaped.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from flights.artifacts import write_atomically
from flights.files import REPORT_PAGE
from monitoring.check import Alarm, Check, all_alarms, amount, is_firing, out_of_range
from monitoring.checks.drift import drift_columns, known_texts
from monitoring.decide import CAUSES, TRAIN, TREE, action_of
from monitoring.extras.site import evidently_page
from monitoring.extras.site.charts import Line, Panel, chart
from monitoring.extras.site.index import index_page, link, timeline, week_of
from monitoring.findings import Findings

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
States = Mapping[str, tuple["pd.Series[bool]", "pd.Series[bool]"]]  # by check: the days on which it fired, or was out
MAX_COLUMNS = 12  # of a week in Evidently's report, which takes a twentieth of a second for each

# What a killed monitor leaves unnamed; other jobs write to the same folder at the same time.
OWN = (".index.html.*", ".timeline.svg.*", ".decision.json.*", "weeks/.*.html", "alarms/.*.html")


def write(folder: Path, found: Findings) -> list[Path]:
    """Write every page; the first page comes last, so that it never links to a missing one."""
    for torn in (torn for pattern in OWN for torn in folder.glob(pattern)):  # a monitor was killed
        torn.unlink()
    fired = all_alarms(found.checks)
    alarms = [
        write_page(folder / link(alarm), f"Alarm: {alarm.check.name}", alarm_page(alarm, found)) for alarm in fired
    ]
    weeks = write_weeks(folder, found)
    drawn = timeline(found, fired)
    write_text(folder / "timeline.svg", f'<?xml version="1.0" encoding="utf-8"?>\n{drawn}')
    title, body = f"{found.decision.action}: {found.decision.why}", index_page(found, fired, drawn)
    index = write_page(folder / REPORT_PAGE, title, body)
    for stale in set((folder / "alarms").glob("*.html")) - {folder / link(alarm) for alarm in fired}:
        stale.unlink()
    return [*alarms, *weeks, index]


def write_weeks(folder: Path, found: Findings) -> list[Path]:
    """One page for each week, with Evidently's report if the week has a full day."""
    reference = found.view.model.reference
    known = known_texts(reference)
    past, live = drift_columns(reference, known), drift_columns(found.view.full_days, known)
    limits = {
        check.name.removesuffix(": drift"): check.high for check in found.checks if check.name.endswith(": drift")
    }
    states = {check.name: (is_firing(check), out_of_range(check)) for check in found.checks}
    pages = []
    for week in sorted({week_of(day) for day in found.view.days}):
        rows = live[(live.index >= week) & (live.index < week + pd.Timedelta(days=7))]
        behind = folder / "weeks" / f"{week:%F}-evidently.html"
        columns = largest_distances(found.checks, week)
        drawn = evidently_page.write_week(behind, past[columns], rows[columns], limits)
        body = week_page(week, found, states, behind.name if drawn else "")
        pages.append(write_page(folder / "weeks" / f"{week:%F}.html", f"Week of {week:%-d %B %Y}", body))
    return pages


def largest_distances(checks: Sequence[Check], week: pd.Timestamp) -> list[str]:
    """The columns whose largest distance of a week was nearest to its limit, or furthest beyond it."""
    days = slice(week, week + pd.Timedelta(days=6))
    distances = {
        check.name.removesuffix(": drift"): (check.values[days] / check.high).max()
        for check in checks
        if check.name.endswith(": drift")
    }
    found = [name for name in distances if distances[name] > 0]
    return sorted(found, key=distances.__getitem__, reverse=True)[:MAX_COLUMNS]


def write_page(path: Path, title: str, body: str) -> Path:
    """One page in the site's layout."""
    up = "../" if path.parent.name in {"weeks", "alarms"} else ""
    text = PAGE.substitute(title=escape(title), body=body, home=f'<a href="{up}index.html">Monitor</a>' if up else "")
    return write_text(path, text)


def write_text(path: Path, text: str) -> Path:
    """A text as a file that is complete or absent."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def alarm_page(alarm: Alarm, found: Findings) -> str:
    """One alarm: the values over time, their range, and what was done about it."""
    check = alarm.check
    fired = is_firing(check)
    days = list(pd.DatetimeIndex(fired.index[fired]))
    panel = Panel(check.name, check.unit, [Line("", check.values)], check.low, check.high, 2.4, marked=days)
    _, action, why = TREE[CAUSES.index(check.cause)]
    rule = "on any day" if check.needed == 1 else f"if the newest day and {check.needed - 1} more of {check.of} are"
    return (
        f"<h1>{escape(check.name)}</h1><p>Fired from {alarm.first:%F} to {alarm.last:%F}: it fires {rule} out of "
        f"range. Action: <b>{escape(action)}</b>, because {escape(why)}.</p>"
        f"{chart([panel], found.view.days)}<p>Done since: {escape(answer(alarm, found.champion_changes))}.</p>"
    )


def answer(alarm: Alarm, changes: dict[pd.Timestamp, int]) -> str:
    """What followed an alarm: the next version, if it asks for one; otherwise whether it still fires."""
    if action_of(alarm.check.cause) in ("roll back", *TRAIN):
        later = [(day, version) for day, version in sorted(changes.items()) if day >= alarm.first]
        return f"champion {later[0][1]} took over on {later[0][0]:%F}" if later else "nothing yet"
    return f"no alarm after {alarm.last:%F}" if alarm.last < is_firing(alarm.check).index[-1] else "nothing yet"


def week_page(week: pd.Timestamp, found: Findings, states: States, evidently: str) -> str:
    """One week: every check of each day with its limit, and first those that fired or were out of range."""
    days = [day for day in pd.date_range(week, periods=7) if day in found.view.days]
    head = "".join(f"<th>{day:%a %-d}</th>" for day in days)
    first = out_of_range_first(found.checks, states, days)
    body = "".join(_week_row(check, *states[check.name], days) for check in first)
    report = f'<a href="{evidently}">Evidently\'s report of the week</a>' if evidently else "No full day of traffic."
    return (
        f"<h1>Week of {week:%-d %B %Y}</h1><p>Each check of each day, those out of range first. {report}</p>"
        f'<table class="days"><tr><th>check</th>{head}<th>limit</th></tr>{body}</table>'
    )


def out_of_range_first(checks: Sequence[Check], states: States, days: Sequence[pd.Timestamp]) -> list[Check]:
    """The checks that fired on most of the days, then those that were out of range, then the rest in their order."""

    def bad_days(check: Check) -> tuple[int, int]:
        fired, outside = (state.reindex(list(days), fill_value=False).sum() for state in states[check.name])
        return -int(fired), -int(outside)

    return sorted(checks, key=bad_days)


def _week_row(check: Check, fired: "pd.Series[bool]", outside: "pd.Series[bool]", days: Sequence[pd.Timestamp]) -> str:
    cells = ""
    for day in days:
        value = check.values.get(day, np.nan)
        mark = "fired" if fired.get(day, False) else "out" if outside.get(day, False) else ""
        if check.rows is not None and check.rows.get(day, check.min_rows) < check.min_rows:
            cells += f'<td title="too few rows: {check.rows[day]}, needs {check.min_rows}">too few</td>'
        else:
            cells += f'<td class="{mark}">{value:.2g}</td>' if np.isfinite(value) else "<td></td>"
    lowest = "" if np.isinf(check.low) else f"{amount(check.low, check.unit)} to "
    return f"<tr><td>{escape(check.name)}</td>{cells}<td>{lowest}{escape(amount(check.high, check.unit))}</td></tr>"
