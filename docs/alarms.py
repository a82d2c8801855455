"""The monitor's tables: what `make alarms` measured, on which day, and the decision tree."""

from pathlib import Path

from flights.artifacts import read_json
from monitoring.checks.drift import HOUR
from monitoring.decide import TREE

MEASURED = Path(__file__).with_name("alarms.json")


def alarms() -> str:
    """How quiet the monitor is on clean days, and the action that each drill leads to."""
    measured = read_json(MEASURED, "run `make alarms`")
    clean, act = measured["clean"], measured["clean"]["days_to_act"]
    fired = ", ".join(f"{name} ({days} days)" for name, days in clean["days_by_check"].items()) or "none"
    lines = [
        f"Measured on {measured['measured']}. "
        f"On {act} of {clean['days']} clean days ({act / clean['days']:.1%}) the decision was to act, and on "
        f"{clean['days_to_watch']} to watch. Of the {clean['checks']} checks whose values moved on these days, "
        f"{clean['alarms_per_check_and_day']:.2%} fired per check and day: {fired}.\n",
        "| drill | first alarm on day | action | decided on day |",
        "|---|---|---|---|",
    ]
    for name, drill in measured["drills"].items():
        days = [drill[key] or "-" for key in ("days_to_first_alarm", "days_to_action")]
        lines.append(f"| {name or 'no drill'} | {days[0]} | {drill['action']} | {days[1]} |")
    return "\n".join(lines) + "\n"


def alarms_by_rows() -> str:
    """How quiet the monitor is on clean days with fewer rows."""
    measured = read_json(MEASURED, "run `make alarms-by-rows`")["by_rows"]
    lines = [
        f"Measured on {measured['measured']} with `make alarms-by-rows`.\n",
        "| rows a day | days | days to act | days to watch | checks whose values moved | alarms per check and day "
        "| fired (days) |",
        "|---|---|---|---|---|---|---|",
    ]
    for rows, found in measured["clean"].items():
        counts = [found[key] for key in ("days", "days_to_act", "days_to_watch", "checks")]
        rate = f"{found['alarms_per_check_and_day']:.2%}"
        fired = ", ".join(f"{name} ({days})" for name, days in found["days_by_check"].items()) or "none"
        lines.append(f"| {rows} | {' | '.join(map(str, counts))} | {rate} | {fired} |")
    return "\n".join(lines) + "\n"


def watchers() -> str:
    """Which check sees which drill, and on which day of it; a check that no drill moves has an empty row."""
    measured = read_json(MEASURED, "run `make alarms`")
    drills = measured["drills"]
    without = drills.pop("")["days_to_alarm"]
    seen = {name: seen_by(drill["days_to_alarm"], without) for name, drill in drills.items()}
    rows = [["check", *seen], ["---"] * (len(seen) + 1)]
    rows += [
        [check, *(str(days.get(check, "")) for days in seen.values())]
        for check in sorted({row_of(name) for name in measured["checks"]})
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def seen_by(days: dict[str, int], without: dict[str, int]) -> dict[str, int]:
    """The checks that saw a failure; one that fires on the same day without a drill has not."""
    found: dict[str, int] = {}
    for name, day in days.items():
        if without.get(name) != day:
            found[row_of(name)] = min(day, found.get(row_of(name), day))
    return found


def row_of(check: str) -> str:
    """The row of a check: all columns but the hour share one."""
    return "drift of a column" if check.endswith(": drift") and not check.startswith(HOUR) else check


def decisions() -> str:
    """The monitor's decision tree."""
    lines = ["| cause of the alert | action | because |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {cause} | {action} | {why} |" for cause, action, why in TREE)]) + "\n"
