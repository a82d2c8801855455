"""The monitor's tables: what `make alarms` measured, on which day, and the decision tree."""

from pathlib import Path

from flights.artifacts import read_json
from monitoring.decide import TREE
from monitoring.drift import HOUR

MEASURED = Path(__file__).with_name("alarms.json")


def alarms() -> str:
    """How quiet the monitor is and what each drill ends in."""
    measured = read_json(MEASURED, "run `make alarms`")
    clean, act = measured["clean"], measured["clean"]["days_to_act"]
    rung = ", ".join(f"{name} ({days} days)" for name, days in clean["days_by_watch"].items()) or "none"
    lines = [
        f"Measured on {measured['measured']}. "
        f"On {clean['days']} clean days {act} ({act / clean['days']:.1%}) would have called somebody to act, and on "
        f"{clean['days_to_watch']} the advice was to watch. Of the {clean['watches']} figures that moved at "
        f"all on these days {clean['alarms_per_watch_and_day']:.2%} rang: {rung}.\n",
        "| drill | first alarm on day | action | decided on day |",
        "|---|---|---|---|",
    ]
    for name, drill in measured["drills"].items():
        days = [drill[key] or "-" for key in ("days_to_first_word", "days_to_action")]
        lines.append(f"| {name or 'no drill'} | {days[0]} | {drill['action']} | {days[1]} |")
    return "\n".join(lines) + "\n"


def watchers() -> str:
    """Which figure sees which drill, and on which day of it; figures that no drill moves have an empty row."""
    measured = read_json(MEASURED, "run `make alarms`")
    drills = measured["drills"]
    without = drills.pop("")["days_to_alarm"]
    seen = {name: seen_by(drill["days_to_alarm"], without) for name, drill in drills.items()}
    rows = [["figure", *seen], ["---"] * (len(seen) + 1)]
    rows += [
        [figure, *(str(days.get(figure, "")) for days in seen.values())]
        for figure in sorted({row_of(name) for name in measured["figures"]})
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def seen_by(days: dict[str, int], without: dict[str, int]) -> dict[str, int]:
    """The figures that saw a fault; what rings on the same day without a drill has not seen it."""
    found: dict[str, int] = {}
    for name, day in days.items():
        if without.get(name) != day:
            found[row_of(name)] = min(day, found.get(row_of(name), day))
    return found


def row_of(figure: str) -> str:
    """The row of a figure: all columns but the hour share one."""
    return "drift of a column" if figure.endswith(": drift") and not figure.startswith(HOUR) else figure


def decisions() -> str:
    """The monitor's decision tree."""
    lines = ["| an alarm of | asks to | because |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {points_at} | {action} | {why} |" for points_at, action, why in TREE)]) + "\n"
