"""Pictures as SVG text: panels over the same days, one above the other, with titles that say what to see."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

WIDTH, LEFT, RIGHT = 960, 64, 16  # of a picture, and its margins, in pixels
TITLE, GAP, AXIS = 24, 22, 22  # height of a panel's title, of the space below it, of the axis of days
LANE = 16  # height of one line of bars
LABEL = 220  # room for a lane's name, in pixels
MOST_LANES = 12  # more alarms at once are no picture any more

Scale = Callable[[float], float]


@dataclass(frozen=True)
class Line:
    """One line of a panel: a value a day, and how it is drawn (a CSS class: line, dots or bars)."""

    label: str
    values: "pd.Series[float]"
    kind: str = "line"


@dataclass(frozen=True)
class Panel:
    """A picture over days: what to see, the axis with its unit, lines, and the band in which they should lie."""

    title: str
    axis: str
    lines: Sequence[Line]
    low: float = -np.inf
    high: float = np.inf
    height: int = 120
    marked: Sequence[pd.Timestamp] = ()


@dataclass(frozen=True)
class Bar:
    """From one day to another, in the lane of its name, with a link to its page."""

    name: str
    first: pd.Timestamp
    last: pd.Timestamp
    link: str
    mild: bool = False


@dataclass(frozen=True)
class Lanes:
    """Bars, one lane for each name."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Strip:
    """One coloured field a day; runs of the same text are named once, where there is room."""

    title: str
    fields: Sequence[tuple[Any, str, str]]  # day, text, CSS class


def picture(
    panels: Sequence[Panel | Strip | Lanes], days: pd.DatetimeIndex, events: Mapping[pd.Timestamp, str] | None = None
) -> str:
    """All panels over one axis of days; `events` are marked through all of them."""
    top, parts = 0, []
    for panel in panels:
        if isinstance(panel, Panel):
            drawn, height = _panel(panel, days)
        else:
            drawn, height = _strip(panel, days) if isinstance(panel, Strip) else _lanes(panel, days)
        parts.append(f'<g transform="translate(0 {top})">{drawn}</g>')
        top += height
    marks = "".join(_event(days, day, text, top) for day, text in (events or {}).items())
    axis = f'<g transform="translate(0 {top})">{_days(days)}</g>'
    return f'<svg viewBox="0 0 {WIDTH} {top + AXIS}" role="img">{"".join(parts)}{marks}{axis}</svg>'


def _panel(panel: Panel, days: pd.DatetimeIndex) -> tuple[str, int]:
    bottom, top = _limits(panel)
    base = TITLE + panel.height

    def y(value: float) -> float:
        return round(base - (value - bottom) / (top - bottom) * panel.height, 1)

    band = _band(panel, y, bottom, top)
    ticks = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
        f'<text class="tick" x="{LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:.3g}</text>'
        for value in _ticks(bottom, top)
    )
    lines = "".join(_line(line, place, days, y, base) for place, line in enumerate(panel.lines))
    marks = "".join(
        f'<circle class="alarm" cx="{_x(days, day)}" cy="{y(value)}" r="4"/>'
        for day, value in panel.lines[0].values.items()
        if day in panel.marked and np.isfinite(value)
    )
    legend = "".join(
        f'<tspan class="legend s{place}" dx="14">{escape(line.label)}</tspan>'
        for place, line in enumerate(panel.lines)
        if line.label
    )
    title = f'<text class="title" x="{LEFT}" y="15">{escape(panel.title)}{legend}</text>'
    label = f'<text class="tick" transform="translate(14 {TITLE + panel.height / 2}) rotate(-90)" text-anchor="middle">'
    return f"{title}{label}{escape(panel.axis)}</text>{band}{ticks}{lines}{marks}", base + GAP


def _strip(strip: Strip, days: pd.DatetimeIndex) -> tuple[str, int]:
    width, drawn = _step(days), [f'<text class="title" x="{LEFT}" y="15">{escape(strip.title)}</text>']
    for (text, colour), run in groupby(strip.fields, key=lambda item: item[1:]):
        places = [_x(days, day) for day, *_ in run]
        left, length = places[0] - width / 2, places[-1] - places[0] + width
        drawn.append(
            f'<rect class="{colour}" x="{left:.1f}" y="{TITLE}" width="{length - 1:.1f}" height="18" rx="2">'
            f"<title>{escape(text)}</title></rect>"
        )
        if length > 7 * len(text) + 8:
            drawn.append(f'<text class="tick inside" x="{left + 6:.1f}" y="{TITLE + 13}">{escape(text)}</text>')
    return "".join(drawn), TITLE + 18 + GAP


def _lanes(lanes: Lanes, days: pd.DatetimeIndex) -> tuple[str, int]:
    names = list(dict.fromkeys(bar.name for bar in lanes.bars))
    shown = names[:MOST_LANES]
    more = f" (and {len(names) - len(shown)} more)" if len(names) > len(shown) else ""
    drawn = [f'<text class="title" x="{LEFT}" y="15">{escape(lanes.title)}{more}</text>']
    for place, name in enumerate(shown):
        bars = [bar for bar in lanes.bars if bar.name == name]
        drawn.append(f'<g transform="translate(0 {TITLE + place * LANE})">{_lane(bars, days)}</g>')
    return "".join(drawn), TITLE + max(len(shown), 1) * LANE + GAP


def _lane(bars: Sequence[Bar], days: pd.DatetimeIndex) -> str:
    half, name = _step(days) / 2, escape(bars[0].name)
    ends = [(_x(days, bar.first) - half, _x(days, bar.last) + half) for bar in bars]
    left, right = min(ends)[0], max(ends)[1]
    if left > LEFT + LABEL:
        place = f'x="{left - 5:.1f}" text-anchor="end" class="tick"'
    elif right < WIDTH - LABEL:
        place = f'x="{right + 5:.1f}" class="tick"'
    else:
        place = f'x="{left + 5:.1f}" class="tick inside"'
    drawn = "".join(
        f'<a href="{escape(bar.link)}"><title>{name}: {bar.first:%-d %b} to {bar.last:%-d %b}</title>'
        f'<rect class="{"bar mild" if bar.mild else "bar"}" x="{start:.1f}" y="1" width="{end - start:.1f}" '
        f'height="{LANE - 3}" rx="2"/></a>'
        for bar, (start, end) in zip(bars, ends, strict=True)
    )
    return f'{drawn}<text {place} y="{LANE - 5}">{name}</text>'


def _band(panel: Panel, y: Scale, bottom: float, top: float) -> str:
    if np.isinf(panel.low) and np.isinf(panel.high):
        return ""
    upper, lower = y(min(panel.high, top)), y(max(panel.low, bottom))
    return f'<rect class="band" x="{LEFT}" y="{upper}" width="{WIDTH - LEFT - RIGHT}" height="{lower - upper:.1f}"/>'


def _line(line: Line, place: int, days: pd.DatetimeIndex, y: Scale, base: int) -> str:
    points = [(_x(days, day), y(value), day, value) for day, value in line.values.items() if np.isfinite(value)]
    if line.kind == "bars":
        half = max(_step(days) * 0.35, 1)
        return "".join(
            f'<rect class="s{place}" x="{x - half:.1f}" y="{top}" width="{2 * half:.1f}" height="{base - top:.1f}">'
            f"<title>{day:%a %d %b}: {value:.3g}</title></rect>"
            for x, top, day, value in points
        )
    dots = "".join(
        f'<circle class="s{place} dot" cx="{x}" cy="{top}" r="2.5"><title>{day:%a %d %b}: {value:.3g}</title></circle>'
        for x, top, day, value in points
    )
    if line.kind == "dots" or len(points) < 2:
        return dots
    path = " ".join(f"{x},{top}" for x, top, *_ in points)
    return f'<polyline class="s{place}" points="{path}"/>{dots}'


def _limits(panel: Panel) -> tuple[float, float]:
    """What the axis spans: the values, and the band where it is not far away."""
    values = np.concatenate([line.values.to_numpy(dtype=float) for line in panel.lines])
    seen = np.append(values[np.isfinite(values)], [limit for limit in (panel.low, panel.high) if np.isfinite(limit)])
    if any(line.kind == "bars" for line in panel.lines):
        seen = np.append(seen, 0.0)
    if not seen.size:
        return 0.0, 1.0
    low, high = float(seen.min()), float(seen.max())
    margin = (high - low) * 0.08 or max(abs(high) * 0.1, 0.05)
    return (low if low == 0 else low - margin), high + margin


def _ticks(bottom: float, top: float) -> list[float]:
    """Three to five round values."""
    rough = (top - bottom) / 4
    unit = 10 ** np.floor(np.log10(rough))
    step = min((unit * factor for factor in (1, 2, 5, 10)), key=lambda width: abs(width - rough))
    return [float(value) + 0.0 for value in np.arange(np.ceil(bottom / step), np.floor(top / step) + 1) * step]


def _days(days: pd.DatetimeIndex) -> str:
    """The axis: Mondays, by date."""
    return "".join(
        f'<text class="tick" x="{_x(days, day)}" y="4" text-anchor="middle">{day.day} {day:%b}</text>'
        for day in pd.date_range(days.min(), days.max(), freq="W-MON" if len(days) > 10 else "D")
    )


def _event(days: pd.DatetimeIndex, day: pd.Timestamp, text: str, height: int) -> str:
    x = _x(days, day) - _step(days) / 2
    return (
        f'<line class="event" x1="{x:.1f}" x2="{x:.1f}" y1="{TITLE}" y2="{height - GAP}"/>'
        f'<text class="tick event" x="{x + 4:.1f}" y="{height - 8}">{escape(text)}</text>'
    )


def _x(days: pd.DatetimeIndex, day: Any) -> float:
    place: int = (day - days.min()).days
    return round(LEFT + (0.5 + place) * _step(days), 1)


def _step(days: pd.DatetimeIndex) -> float:
    return (WIDTH - LEFT - RIGHT) / ((days.max() - days.min()).days + 1)
