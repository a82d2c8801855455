"""The timeline of a drill as a picture: a check's values with its limit, the failure, the alert and the recovery."""

import io
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from extras.drills.drill_helpers import GuardDidNotFire
from flights.dataset import ZONE
from monitoring.check import Check, alarms, amount, is_firing, out_of_range

CLEAN, FAILURE, SOFT, INK = "#15803d", "#b91c1c", "#667085", "#1c2430"
STYLE: Any = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "drill",  # the same timeline is the same file
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
}


@dataclass(frozen=True)
class Timeline:
    """A check's values under a drill, and the local days on which the failure began and was repaired."""

    check: Check
    injected: pd.Timestamp
    repaired: pd.Timestamp

    def moments(self) -> dict[str, pd.Timestamp]:
        """Each event with its day, in their order.

        Raises
        ------
        GuardDidNotFire
            No alert followed the failure, or it did not end after the repair.
        """
        outside, firing = out_of_range(self.check), is_firing(self.check)
        alerted = [alarm.first for alarm in alarms(self.check) if alarm.first >= self.injected]
        if not alerted:
            raise GuardDidNotFire(f"expected an alert of {self.check.name} from {self.injected:%F} on, got none")
        quiet = firing.index[(firing.index >= self.repaired) & ~firing]
        if quiet.empty:
            raise GuardDidNotFire(f"expected no alert of {self.check.name} after {self.repaired:%F}, it still fires")
        return {
            "failure injected": self.injected,
            "detected": outside.index[outside & (outside.index >= self.injected)][0],
            "alert": alerted[0],
            "repaired": self.repaired,
            "recovered": quiet[0],
        }

    def sentence(self) -> str:
        """The events in one line."""
        return ", ".join(f"{name} {day:%F}" for name, day in self.moments().items()).capitalize()

    def svg(self) -> str:
        """The picture."""
        with mpl.rc_context(STYLE):
            figure = Figure(figsize=(8.0, 2.8), layout="constrained")
            axes = figure.subplots()
            _draw_values(axes, self.check, self.moments())
            _draw_events(axes, self.moments())
            written = io.StringIO()
            figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
        text = written.getvalue()
        return text[text.index("<svg") :]


def timeline(then: Check, later: Check, injected: pd.Timestamp, repaired: pd.Timestamp) -> Timeline:
    """What a check showed: until the repair as it was known then, afterwards as it became known later."""
    newer = later.values[later.values.index > then.values.dropna().index.max()]
    seen = replace(then, values=pd.concat([then.values.dropna(), newer.dropna()]), rows=None)
    days = (moment.tz_convert(ZONE).tz_localize(None).normalize() for moment in (injected, repaired))
    return Timeline(seen, *days)


def _draw_values(axes: Axes, check: Check, moments: dict[str, pd.Timestamp]) -> None:
    """The value of each day, the limit, and the days of the alert."""
    scale = 100.0 if check.unit == "share" else 1.0
    outside = out_of_range(check)
    axes.plot(_at(check.values.index), scale * check.values, color=SOFT, linewidth=0.8, zorder=1)
    for chosen, colour in ((~outside, CLEAN), (outside, FAILURE)):
        shown = check.values[chosen]
        axes.plot(_at(shown.index), scale * shown, "o", markersize=4, color=colour)
    for limit in (each for each in (check.low, check.high) if abs(each) != float("inf")):
        axes.axhline(scale * limit, color=FAILURE, linestyle="--", linewidth=1)
        place = (_at(check.values.index[0]), scale * limit)
        axes.annotate(f"limit {amount(limit, check.unit)}", place, (0, 3), textcoords="offset points", color=FAILURE)
    axes.axvspan(_at(moments["alert"]) - 0.5, _at(moments["recovered"]) - 0.5, color=FAILURE, alpha=0.12, linewidth=0)
    axes.set_title(check.name, loc="left", fontsize=9, fontweight="bold")
    axes.set_ylabel("%" if check.unit == "share" else check.unit)
    axes.spines[["top", "right"]].set_visible(False)
    days = pd.DatetimeIndex(check.values.index)
    ticks = days[days.weekday == 0]
    axes.set_xticks(_at(ticks), [f"{day.day} {day:%b}" for day in ticks])


def _draw_events(axes: Axes, moments: dict[str, pd.Timestamp]) -> None:
    """A line on each day with events, and their names above the values."""
    by_day: dict[pd.Timestamp, list[str]] = {}
    for name, day in moments.items():
        by_day.setdefault(day, []).append(name)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * len(by_day) * (high - low))
    for row, (day, names) in enumerate(by_day.items()):
        at = _at(day) - 0.5
        axes.axvline(at, color=SOFT, linestyle=":", linewidth=1)
        text = f"{day.day} {day:%b}: {', '.join(names)}"
        place = (at + 0.15, 0.97 - 0.1 * row)
        axes.annotate(text, place, xycoords=("data", "axes fraction"), va="top", color=INK)


def _at(day: Any) -> Any:
    """Days as numbers on the axis."""
    return date2num(day)  # type: ignore[no-untyped-call]
