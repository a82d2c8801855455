"""Run one drill, or all, or list them: `make drill NAME=feed-down`. Each works on a copy of DATA_DIR."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from extras.drills.data import extra_column, new_carrier, split_leaks
from extras.drills.drill_helpers import DrillReport, copied
from extras.drills.models import bad_model, stale_model
from extras.drills.traffic import airport_labels, data_entry, feed_down, feed_frozen, wrong_time_zone
from flights.artifacts import write_atomically
from flights.config import Settings
from flights.plugins import hooks

Drill = Callable[[Settings], DrillReport | tuple[str, str, str]]

DRILLS: dict[str, Drill] = {
    drill.__name__.replace("_", "-"): drill
    for drill in (
        new_carrier,
        extra_column,
        split_leaks,
        wrong_time_zone,
        airport_labels,
        data_entry,
        feed_down,
        feed_frozen,
        stale_model,
        bad_model,
    )
}
for more in hooks("extras", "more_drills"):  # of other extras
    DRILLS.update(more())


def main() -> None:
    """Run the drill that is named, or list all."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == "--table":
        sys.stdout.write(table())
    elif name in {*DRILLS, "all"}:
        try:
            run_all(Settings.read()) if name == "all" else run_one(name, Settings.read().data_dir)
        except FileNotFoundError as missing:
            sys.exit(str(missing))
    else:
        print("\n".join(f"make drill NAME={known:<18} {story(known)}" for known in DRILLS))
        sys.exit(f"no drill {name}" if name else 0)


def run_all(settings: Settings) -> None:
    """Run every drill and write their reports as a table."""
    lines = ["| drill | damage without a monitor | the guard | the way back |", "|---|---|---|---|"]
    for name in DRILLS:
        began = time.perf_counter()
        found = drill_report(name, settings.data_dir)
        write_picture(name, found, settings.reports_dir)
        lines.append(f"| `{name}` | {found.damage} | {found.guard} | {found.back} |")
        print(f"{name:<18} the guard acted; {time.perf_counter() - began:.1f} s", flush=True)
    text = "\n".join(lines) + "\n"
    print(f"wrote {write_atomically(settings.reports_dir / 'drills.md', lambda path: path.write_text(text))}")


def run_one(name: str, data_dir: Path) -> DrillReport:
    """Run a drill and print its report."""
    began = time.perf_counter()
    print(f"{name}: {story(name)}", flush=True)
    found = drill_report(name, data_dir)
    print(f"  damage  {found.damage}\n  guard   {found.guard}\n  back    {found.back}")
    if picture := write_picture(name, found, Settings(data_dir=data_dir).reports_dir):
        print(f"  picture {picture}")
    print(f"  {time.perf_counter() - began:.1f} s; nothing is left of the copy")
    return found


def write_picture(name: str, found: DrillReport, reports_dir: Path) -> Path | None:
    """Leave the timeline of a drill whose check was monitored."""
    if not found.picture:
        return None
    return write_atomically(reports_dir / f"drill-{name}.svg", lambda path: path.write_text(found.picture))


def drill_report(name: str, data_dir: Path) -> DrillReport:
    """What a drill shows on a copy of the data folder."""
    with copied(data_dir) as settings:
        found = DRILLS[name](settings)
        return found if isinstance(found, DrillReport) else DrillReport(*found)


def story(name: str) -> str:
    """What happens, in one line."""
    return (DRILLS[name].__doc__ or "").splitlines()[0]


def table() -> str:
    """The drills as a Markdown table."""
    lines = [
        "| `make drill NAME=` | what happens |",
        "|---|---|",
        *(f"| `{name}` | {story(name)} |" for name in DRILLS),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
