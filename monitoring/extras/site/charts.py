"""Charts as SVG text, drawn by matplotlib: panels over the same days, one above the other.

Colours are explicit and the text stays text, so that any viewer shows them, offline.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

WIDTH = 10.0  # inches
MAX_DAYS = 10_000  # wider than any chart: the axis cuts it
MAX_LANES = 12  # alarms shown; the page lists the others
INK, SOFT, GRID, BAND, PAPER = "#1c2430", "#667085", "#e4e7ec", "#dcfce7", "#ffffff"
LINES = ("#2563eb", "#b45309")
COLOURS = {"good": "#15803d", "mild": "#b45309", "urgent": "#b91c1c"}
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ml-loop",  # the same chart is the same text
    "text.parse_math": False,  # a name with dollars is a name
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.labelcolor": SOFT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Line:
    """One line of a panel: a value a day, drawn as a line, dots or bars."""

    label: str
    values: "pd.Series[float]"
    kind: str = "line"


@dataclass(frozen=True)
class Panel:
    """Values over days with their unit, the range in which they belong, and what to say without any value."""

    title: str
    unit: str
    lines: Sequence[Line]
    low: float = -np.inf
    high: float = np.inf
    height: float = 1.1  # inches
    empty: str = "no values yet"
    marked: Sequence[pd.Timestamp] = ()  # days to circle
    of_champion: bool = False  # an event breaks the line, and the range holds from the newest one on


@dataclass(frozen=True)
class Strip:
    """One coloured field a day; each run of the same text is named once, if there is room."""

    title: str
    fields: Sequence[tuple[pd.Timestamp, str, str]]  # day, text, name of a colour
    height: float = 0.25


@dataclass(frozen=True)
class Bar:
    """From one day to another, in the lane of its name, with a link to its page."""

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    link: str
    colour: str = "urgent"


@dataclass(frozen=True)
class Lanes:
    """Bars, one lane for each name."""

    title: str
    bars: Sequence[Bar]

    @property
    def names(self) -> list[str]:
        """One for each lane."""
        return list(dict.fromkeys(bar.name for bar in self.bars))

    @property
    def height(self) -> float:
        """Inches."""
        return 0.17 * min(max(len(self.names), 1), MAX_LANES) + 0.08


def chart(
    panels: Sequence[Panel | Strip | Lanes], days: pd.DatetimeIndex, events: Mapping[pd.Timestamp, str] | None = None
) -> str:
    """All panels over one axis of days; `events` are marked through all of them."""
    heights = [panel.height for panel in panels]
    inches = sum(heights) + 0.42 * len(panels) + 0.35
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, inches), facecolor=PAPER)
        grid = {"height_ratios": heights, "hspace": 0.42 * len(panels) / sum(heights)}
        all_axes = figure.subplots(len(panels), sharex=True, squeeze=False, gridspec_kw=grid)[:, 0]
        figure.subplots_adjust(left=0.075, right=0.985, top=1 - 0.27 / inches, bottom=0.3 / inches)
        for axes, panel in zip(all_axes, panels, strict=True):
            axes.set_title(panel.title, loc="left", fontsize=9, fontweight="bold", color=INK, pad=4)
            axes.spines[["top", "right"]].set_visible(False)
            if isinstance(panel, Panel):
                _draw_panel(axes, panel, sorted(events or {}) if panel.of_champion else [])
            elif isinstance(panel, Strip):
                _draw_strip(axes, panel)
            else:
                _draw_lanes(axes, panel, days)
            for day in events or {}:
                axes.axvline(_at(day) - 0.5, color=SOFT, linestyle="--", linewidth=0.8)
        for day, text in (events or {}).items():
            all_axes[0].annotate(text, (_at(day) - 0.4, 0.03), xycoords=("data", "axes fraction"), color=SOFT)
        all_axes[-1].set_xlim(_at(days.min()) - 0.5, _at(days.max()) + 0.5)
        ticks = days[days.weekday == 0] if len(days) > 10 else days
        all_axes[-1].set_xticks(_at(ticks), [f"{day.day} {day:%b}" for day in ticks])
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = written.getvalue()
    return text[text.index("<svg") :]


def _draw_panel(axes: Axes, panel: Panel, breaks: Sequence[pd.Timestamp]) -> None:
    axes.set_ylabel(panel.unit)
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    values = [line.values[np.isfinite(line.values.astype(float))] for line in panel.lines]
    if not any(len(each) for each in values):
        axes.text(0.5, 0.5, panel.empty, transform=axes.transAxes, ha="center", va="center", color=SOFT)
        axes.set_yticks([])
        return
    for line, shown, colour in zip(panel.lines, values, LINES, strict=False):
        if line.kind == "bars":
            axes.bar(_at(shown.index), shown, width=0.7, color=colour, label=line.label)
        else:
            style = "-" if line.kind == "line" else "none"
            for number, part in enumerate(_between(shown, breaks)):
                label = line.label if number == 0 else None
                x = _at(part.index)
                axes.plot(x, part, linestyle=style, marker="o", markersize=2.5, color=colour, label=label)
    marked = values[0][values[0].index.isin(panel.marked)]
    axes.plot(_at(marked.index), marked, "o", markersize=7, fillstyle="none", color=COLOURS["urgent"])
    axes.margins(y=0.1)
    low, high = axes.get_ylim()
    if np.isfinite([panel.low, panel.high]).any():
        ends = [limit for limit in (panel.low, panel.high) if np.isfinite(limit)]
        low, high = (
            min(low, *(each - 0.05 * abs(each) for each in ends)),
            max(high, *(1.05 * abs(each) for each in ends)),
        )
        limits = max(panel.low, low), min(panel.high, high)
        if breaks:
            axes.fill_between([_at(breaks[-1]) - 0.5, _at(breaks[-1]) + MAX_DAYS], *limits, color=BAND, zorder=0)
        else:
            axes.axhspan(*limits, color=BAND, zorder=0)
    axes.set_ylim(low, high)
    if any(line.label for line in panel.lines):
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, borderpad=0)


def _between(values: "pd.Series[float]", breaks: Sequence[pd.Timestamp]) -> "list[pd.Series[float]]":
    """The parts of a line between the days on which something changed."""
    part = pd.DatetimeIndex(list(breaks)).searchsorted(pd.DatetimeIndex(values.index), side="right")
    return [values[part == number] for number in range(len(breaks) + 1)]


def _draw_strip(axes: Axes, strip: Strip) -> None:
    axes.set_yticks([])
    for (text, colour), run in groupby(strip.fields, key=lambda field: field[1:]):
        days = [_at(day) for day, *_ in run]
        axes.barh(0, len(days) - 0.1, left=days[0] - 0.45, height=1, color=COLOURS[colour])
        if len(days) > 0.012 * len(text) * len(strip.fields):
            axes.text(days[0] - 0.3, 0, text, color=PAPER, va="center", clip_on=True)


def _draw_lanes(axes: Axes, lanes: Lanes, days: pd.DatetimeIndex) -> None:
    axes.set_yticks([])
    shown = lanes.names[:MAX_LANES]
    if not shown:
        axes.text(0.5, 0.5, "no alarm", transform=axes.transAxes, ha="center", va="center", color=SOFT)
    for place, name in enumerate(shown):
        bars = [bar for bar in lanes.bars if bar.name == name]
        for bar in bars:
            length = _at(bar.last) - _at(bar.first) + 1
            drawn = axes.barh(place, length, left=_at(bar.first) - 0.5, height=0.75, color=COLOURS[bar.colour])
            drawn[0].set_url(bar.link)
        left, right = min(_at(bar.first) for bar in bars) - 0.5, max(_at(bar.last) for bar in bars) + 0.5
        x, side, colour = _label(left, right, days)
        axes.text(x, place, name, va="center", ha=side, color=colour)
    axes.set_ylim(max(len(shown), 1) - 0.4, -0.6)


def _label(left: float, right: float, days: pd.DatetimeIndex) -> tuple[float, str, str]:
    """Where the name of a lane has room: before its bars, after them, or else inside."""
    first, last = _at(days[0]), _at(days[-1])
    margin = 0.005 * (last - first)
    if left > first + 0.3 * (last - first):
        return left - margin, "right", INK
    if right < last - 0.3 * (last - first):
        return right + margin, "left", INK
    return left + margin, "left", PAPER


def _at(day: Any) -> Any:
    """Days as numbers on the axis."""
    return date2num(day)  # type: ignore[no-untyped-call]
