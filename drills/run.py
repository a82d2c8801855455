"""Run one drill, or list them: `make drill NAME=feed-dies`. Works on a copy of DATA_DIR; nothing is left of it."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from drills.data import extra_column, new_category, split_leaks
from drills.models import bad_model, stale_model
from drills.practice import Told, copied
from drills.traffic import data_entry, feed_dies, feed_sticks, labels_wrong, time_zones
from flights.config import Settings

Drill = Callable[[Settings], Told]

DRILLS: dict[str, Drill] = {
    drill.__name__.replace("_", "-"): drill
    for drill in (
        new_category,
        extra_column,
        split_leaks,
        time_zones,
        labels_wrong,
        data_entry,
        feed_dies,
        feed_sticks,
        stale_model,
        bad_model,
    )
}


def main() -> None:
    """Run the drill that is named, or list all."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == "--table":
        sys.stdout.write(table())
    elif name in DRILLS:
        try:
            told(name, Settings().data_dir)
        except FileNotFoundError as missing:
            sys.exit(str(missing))
    else:
        print("\n".join(f"make drill NAME={known:<14} {story(known)}" for known in DRILLS))
        sys.exit(f"no drill {name}" if name else 0)


def told(name: str, data_dir: Path) -> Told:
    """Run a drill on a copy and print its story."""
    began = time.perf_counter()
    print(f"{name}: {story(name)}", flush=True)
    with copied(data_dir) as settings:
        found = DRILLS[name](settings)
    print(f"  damage  {found.damage}\n  guard   {found.guard}\n  back    {found.back}")
    print(f"  {time.perf_counter() - began:.1f} s; nothing is left of the copy")
    return found


def story(name: str) -> str:
    """What happens, in one line."""
    return (DRILLS[name].__doc__ or "").splitlines()[0]


def table() -> str:
    """The drills as a Markdown table."""
    lines = [
        "| drill | what happens |",
        "|---|---|",
        *(f"| `make drill NAME={name}` | {story(name)} |" for name in DRILLS),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
