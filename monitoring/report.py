"""The report for people: a page to look at, one a week with Evidently's report behind it, one an alarm.

Static files that work offline and from the file system; pictures are drawn as SVG. Nothing that a stranger sent reaches
a page as it is: texts that the reference does not know were replaced before, and everything else is escaped.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flights.artifacts import write_atomically
from flights.files import REPORT_PAGE
from monitoring import evidently_page
from monitoring.decide import TRAIN, TREE, asks_for
from monitoring.index import index_page, link, timeline, week_of
from monitoring.picture import Line, Panel, picture
from monitoring.watch import Alarm, Watch, alarms, fires, outside

if TYPE_CHECKING:
    from monitoring.findings import Findings

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
DRAWN = 12  # columns of a week in Evidently's report, which takes a twentieth of a second for each

# What a killed monitor leaves unnamed; other jobs write to the same folder at the same time.
OWN = (".index.html.*", ".timeline.svg.*", ".decision.json.*", "weeks/.*.html", "alarms/.*.html")


def write_site(folder: Path, found: "Findings") -> list[Path]:
    """Write every page; the index comes last, so that no page ever links to one that is missing."""
    for torn in (torn for pattern in OWN for torn in folder.glob(pattern)):  # a monitor was killed
        torn.unlink()
    rung = all_alarms(found.watches)
    weeks = sorted({week_of(day) for day in found.days})
    pages = [write_page(folder / link(alarm), f"Alarm: {alarm.watch.name}", alarm_page(alarm, found)) for alarm in rung]
    for week in weeks:
        rows = found.drift.live.loc[week : week + pd.Timedelta(days=6)]
        behind = folder / "weeks" / f"{week:%F}-evidently.html"
        columns = furthest(found.drift.watches, week)
        drawn = evidently_page.write_week(behind, found.drift.reference[columns], rows[columns], found.drift.levels)
        body = week_page(week, found, behind.name if drawn else "")
        pages.append(write_page(folder / "weeks" / f"{week:%F}.html", f"Week of {week:%-d %B %Y}", body))
    write_text(folder / "timeline.svg", alone(timeline(found, rung)))
    index = write_page(folder / REPORT_PAGE, f"{found.decision.action}: {found.decision.why}", index_page(found, rung))
    for stale in set((folder / "alarms").glob("*.html")) - {folder / link(alarm) for alarm in rung}:
        stale.unlink()
    return [*pages, index]


def furthest(watches: Sequence[Watch], week: pd.Timestamp) -> list[str]:
    """The columns whose strangest day of a week was nearest to its level, or furthest beyond it."""
    days = slice(week, week + pd.Timedelta(days=6))
    strays = {watch.name.removesuffix(": drift"): (watch.values[days] / watch.high).max() for watch in watches}
    return sorted((name for name in strays if strays[name] > 0), key=strays.__getitem__, reverse=True)[:DRAWN]


def write_page(path: Path, title: str, body: str) -> Path:
    """One page in the site's dress."""
    up = "../" if path.parent.name in {"weeks", "alarms"} else ""
    text = PAGE.substitute(title=escape(title), body=body, home=f'<a href="{up}index.html">Monitor</a>' if up else "")
    return write_text(path, text)


def write_text(path: Path, text: str) -> Path:
    """A text as a file that is there whole or not at all."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def alone(svg: str) -> str:
    """A picture of a page as a file of its own, in the same dress."""
    dress = PAGE.template.partition("<style>")[2].partition("</style>")[0]
    return svg.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1).replace(
        ">", f"><style>{dress}svg {{ background: var(--paper) }}</style>", 1
    )


def alarm_page(alarm: Alarm, found: "Findings") -> str:
    """One alarm: the figure over time, its band, and what was done about it."""
    watch = alarm.watch
    fired = fires(watch)
    days = list(pd.DatetimeIndex(fired.index[fired]))
    panel = Panel(watch.name, watch.unit, [Line("", watch.values)], watch.low, watch.high, 220, days)
    why = next(why for points_at, _, why in TREE if points_at == watch.points_at)
    rule = "on any day" if watch.needed == 1 else f"when the newest day and {watch.needed - 1} more of {watch.of} are"
    return (
        f"<h1>{escape(watch.name)}</h1><p>Rang from {alarm.first:%F} to {alarm.last:%F}: it rings {rule} outside the "
        f"band. It asks to <b>{escape(asks_for(watch))}</b>: {escape(why)}.</p>"
        f"{picture([panel], found.days)}<p>Done since: {escape(answered(alarm, found))}.</p>"
    )


def answered(alarm: Alarm, found: "Findings") -> str:
    """What came of an alarm: the next version, where it asks for another one; else whether it still rings."""
    if asks_for(alarm.watch) in ("roll back", *TRAIN):
        later = [(day, version) for day, version in sorted(found.swaps.items()) if day >= alarm.first]
        return f"champion {later[0][1]} took over on {later[0][0]:%F}" if later else "nothing yet"
    return f"it is quiet after {alarm.last:%F}" if alarm.last < fires(alarm.watch).index[-1] else "nothing yet"


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
