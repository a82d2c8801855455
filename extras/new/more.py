"""The extras that a project may keep beyond those that every project has: `EXTRAS="backtest drills"`.

Only extras that hold for any data are here; what names the example's columns stays behind.
"""

import re
import shutil
from pathlib import Path

from extras.new.roles import Rejected

ROOT = Path(__file__).parents[2]
INCLUDED = ("explain", "forget", "loop", "recalibrate", "score")  # targets of the extras that every project has
MORE: dict[str, tuple[str, tuple[str, ...]]] = {  # by target: the folder below extras/, and the modules
    "backtest": ("evidence", ("backtest", "cadence", "fits", "refit", "workers")),
    "claims": ("evidence", ("claims",)),
    "drills": ("drills", ("run", "data", "drill_helpers")),
    "gallery": ("evidence", ("gate_self_test", "bad_candidates", "gate_fixture")),
    "tune": ("evidence", ("tune", "workers")),
}
TARGETS = {"drills": "drill"}  # whose target has another name
LOCKS = {"backtest": ("cluster",)}  # groups of the environment that a target may ask for


def available() -> dict[str, tuple[str, tuple[str, ...]]]:
    """The extras that this clone has; a folder of them may have been deleted."""
    return {name: found for name, found in MORE.items() if (ROOT / "extras" / found[0] / "targets.mk").is_file()}


def checked_extras(text: str) -> tuple[str, ...]:
    """The names, each of which must be known."""
    names = text.replace(",", " ").split()
    if unknown := [name for name in names if name not in available() and name not in INCLUDED]:
        offered = ", ".join(sorted(available())) or "none"
        raise Rejected(
            f"EXTRAS={' '.join(unknown)}: no such extra; there are {offered}, and every project has "
            f"{', '.join(INCLUDED)}"
        )
    return tuple(sorted(set(names) & set(MORE)))


def files(names: tuple[str, ...]) -> set[str]:
    """Paths of the modules and targets of some extras."""
    folders = {MORE[name][0] for name in names}
    found = {f"extras/{folder}/{file}" for folder in folders for file in ("__init__.py", "targets.mk")}
    return found | {f"extras/{MORE[name][0]}/{module}.py" for name in names for module in MORE[name][1]}


def with_targets(text: str, names: tuple[str, ...]) -> str:
    """A targets.mk with the recipes of some extras alone."""
    wanted = {TARGETS.get(name, name) for name in names}
    head, *rules = re.split(r"^(?=[a-z][a-z -]*:)", text, flags=re.MULTILINE)
    return head + "".join(rule for rule in rules if rule.partition(":")[0] in wanted)


def only_general_drills(text: str) -> str:
    """The drills' list, and their module of data, without those of the example's columns and feeds."""
    text = re.sub(r"^from extras\.drills\.(models|traffic|faults) import .*\n", "", text, flags=re.MULTILINE)
    text = text.replace("import extra_column, new_carrier, split_leaks", "import extra_column, split_leaks")
    kept = "        extra_column,\n        split_leaks,\n"
    text = re.sub(r"(?<=for drill in \(\n)(?: {8}\w+,\n)+", kept, text)
    return re.sub(r"^def new_carrier\(.*?(?=^def )", "", text, flags=re.MULTILINE | re.DOTALL)


def edited(name: str, text: str, names: tuple[str, ...]) -> str:
    """A file of an extra as the project needs it."""
    if name.endswith("targets.mk"):
        return with_targets(text, names)
    if name == "extras/drills/__init__.py":  # the faults of live traffic name the example's columns
        return text.partition("\n")[0] + "\n"
    return only_general_drills(text) if name.startswith("extras/drills/") else text


def keep_locks(folder: Path, names: tuple[str, ...]) -> None:
    """Copy the locks of the groups that the extras' targets ask for."""
    for lock in {lock for name in names for lock in LOCKS.get(name, ())}:
        shutil.copy(ROOT / "deploy" / "locks" / f"{lock}.lock", folder / "deploy" / "locks" / f"{lock}.lock")
