"""The tables and the diagram of the README and docs/, made from the code."""

import ast
import importlib
import os
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import grimp

from docs.alarms import alarms, alarms_by_rows, decisions, watchers
from flights.config import ALERT_BUDGET, MISS_COST, Settings
from flights.contract import TABLE, allowed
from flights.evaluation import METRICS
from flights.plugins import load_plugins
from flights.ranking import FALSE_ALARM_COST
from pipelines import gate

ROOT = Path(__file__).parents[1]
OUTSIDE = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}  # as a reader
PROCESSES = tuple(name for name in ("pipelines", "serving", "monitoring", "extras") if (ROOT / name).is_dir())
WITH_SETTINGS = (
    "serving.extras",
    "flights.extras",
    "monitoring.extras",
    "pipelines.extras",
)  # folders of plug-ins that declare settings
PLUGIN_FOLDERS = {"extras", "checks"}


def data_dictionary() -> str:
    """Every column of the contract."""
    lines = ["| column | type | unit | allowed | missing | known at | meaning |", "|---|---|---|---|---|---|---|"]
    for column in TABLE:
        values, nullable, _ = allowed(column).partition(", or missing")
        cells = [f"`{column.name}`", column.kind, column.unit or "-", values, "✓" if nullable else "-", column.known_at]
        lines.append("| " + " | ".join([*cells, column.description]) + " |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """Every setting: the core's, and those of each plug-in."""
    found = {"core": Settings}
    for package in WITH_SETTINGS:
        for plugin in load_plugins(package):
            declared = getattr(plugin, "Settings", Settings)
            if declared is not Settings:  # a plug-in may import the core's
                found[plugin.__name__.replace(".", "/")] = declared
    lines = ["| variable | default | meaning | of |", "|---|---|---|---|"]
    for owner, declared in found.items():
        for name, field in declared.model_fields.items():
            lines.append(f"| `{name.upper()}` | `{field.default}` | {field.description} | {owner} |")
    return "\n".join(lines) + "\n"


def metrics() -> str:
    """Every metric."""
    lines = ["| metric | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {(metric.__doc__ or '').splitlines()[0]} |" for name, metric in METRICS.items()]
    return "\n".join(lines) + "\n"


def service_metrics() -> str:
    """Every metric that the service tells Prometheus."""
    lines = ["| metric | kind | meaning |", "|---|---|---|"]
    metrics = importlib.import_module("serving.extras.metrics")  # an extra: this table goes with it
    return "\n".join([*lines, *(f"| `{name}` | {kind} | {text} |" for name, kind, text in metrics.described())]) + "\n"


def badges() -> str:
    """Facts of pyproject.toml and of the gate: no badge asks another machine."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    facts = {
        "version": project["version"],
        "licence": project["license"],
        "python": project["requires-python"],
        "release criteria": len(gate.criteria()),
    }
    return " ".join(f"`{name} {fact}`" for name, fact in facts.items()) + "\n"


def allowed_input() -> str:
    """Unusual input that is valid."""
    from docs.behaviour import allowed_input  # noqa: PLC0415 - a copy without the tests has all other tables

    return allowed_input()


def refused_input() -> str:
    """What is rejected, and with which message."""
    from docs.behaviour import refused_input  # noqa: PLC0415

    return refused_input()


def success() -> str:
    """The numbers that define success."""
    lines = [
        "| in words | in numbers |",
        "|---|---|",
        f"| a late flight without an alert | costs as much as {MISS_COST / FALSE_ALARM_COST:g} false alarms |",
        f"| a false alarm | costs {FALSE_ALARM_COST:g}: the unit |",
        f"| an alert pays, if the probabilities are right | from a probability of "
        f"{FALSE_ALARM_COST / (FALSE_ALARM_COST + MISS_COST):.3f} |",
        f"| flights that there is time to act on | the {ALERT_BUDGET:.0%} riskiest |",
    ]
    return "\n".join(lines) + "\n"


def criteria() -> str:
    """Every criterion of the gate."""
    lines = ["| criterion | what a candidate must show |", "|---|---|"]
    return "\n".join([*lines, *(f"| `{each.name}` | {each.sentence} |" for each in gate.criteria())]) + "\n"


def targets(target: str = "help") -> str:
    """The make targets of the core, or with `help-all` every one."""
    done = subprocess.run(["make", target], cwd=ROOT, env=OUTSIDE, capture_output=True, text=True, check=True)
    return f"```text\n{done.stdout.strip()}\n```\n"


def tree() -> str:
    """Every module with the first line of its docstring."""
    lines = []
    inner = [path.parent for top in ("src", *PROCESSES) for path in (ROOT / top).rglob("__init__.py")]
    for folder in sorted((str(path.relative_to(ROOT)) for path in inner), key=order):
        modules = sorted(path for path in (ROOT / folder).glob("*.py") if path.name != "__init__.py")
        lines.append(f"{folder + '/':<28}{headline(ROOT / folder / '__init__.py')}")
        lines += [f"    {path.name:<24}{headline(path)}" for path in modules]
    return "```text\n" + "\n".join(lines) + "\n```\n"


def order(folder: str) -> tuple[int, str]:
    """The library first, then the processes with their folders, then the extras."""
    first = folder.split("/", maxsplit=1)[0]
    return (("src", *PROCESSES).index(first), folder)


def headline(path: Path) -> str:
    """The first sentence of a module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    return docstring.split("\n\n")[0].replace("\n", " ")


def edit_points() -> str:
    """Every place that knows about the example's data."""
    command = [sys.executable, "-m", "extras.yours.check_swap", "--table"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def drills() -> str:
    """Every drill."""
    command = [sys.executable, "-m", "extras.drills.run", "--table"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def score_card() -> str:
    """Every check of the ML Test Score with its tests."""
    command = [sys.executable, "-m", "extras.drills.score_card", "--table"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def imports() -> str:
    """Who imports whom: the library's modules, and each process as one; what follows from other arrows is left out."""
    graph = grimp.build_graph("flights", *PROCESSES, cache_dir=None)
    arrows: dict[str, set[str]] = {}
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            if node(module) != node(imported):
                arrows.setdefault(node(module), set()).add(node(imported))
    lines = ["flowchart LR", "  subgraph library[src/flights]"]
    lines += sorted({f"    {node(module)}" for module in graph.find_children("flights")})
    lines += ["  end", *(f"  {one} --> {other}" for one in sorted(arrows) for other in sorted(direct(arrows, one)))]
    return "\n".join(["```mermaid", *lines, "```"]) + "\n"


def node(module: str) -> str:
    """The diagram's name for a module."""
    package, _, rest = module.partition(".")
    first = rest.partition(".")[0]
    return package if package in PROCESSES else f"{package}.extras" if first == "extras" else first


def direct(arrows: dict[str, set[str]], one: str) -> set[str]:
    """What a node imports and none of the others that it imports does."""
    return {other for other in arrows[one] if not any(other in reached(arrows, via) for via in arrows[one] - {other})}


def reached(arrows: dict[str, set[str]], start: str) -> set[str]:
    """Everything that a node imports, directly or not."""
    found, ahead = set(), [start]
    while ahead:
        new = arrows.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def extra_modules() -> list[str]:
    """Modules in a plug-in folder or below extras/ that the walk does not import, directly or not."""
    graph = grimp.build_graph("flights", *PROCESSES, cache_dir=None)
    walk = [path.removesuffix(".py").removeprefix("src/").replace("/", ".") for path in walk_files()]
    core = set(walk).union(*(graph.find_upstream_modules(module) for module in walk))
    plugins = {module for module in graph.modules if PLUGIN_FOLDERS & set(module.split("."))}
    return sorted(module for module in plugins - core if not graph.find_children(module))


def walk_files() -> list[str]:
    """Paths of the files that a learner reads, from pyproject.toml."""
    files: list[str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["core"]["walk"]
    return files


def extras() -> str:
    """Every folder with extras, and how many modules it has."""
    folders = Counter(str(Path(source(module)).parent) for module in extra_modules())
    lines = ["| folder | modules |", "|---|---|"]
    lines += [f"| [`{name}/`](../{name}) | {modules} |" for name, modules in folders.items()]
    return "\n".join(lines) + "\n"


def source(module: str) -> str:
    """Path of a module's file in the repository."""
    return ("src/" if module.startswith("flights.") else "") + module.replace(".", "/") + ".py"


TABLES: dict[str, Callable[[], str]] = {
    "badges": badges,
    "settings": settings,
    "columns": data_dictionary,
    "metrics": metrics,
    "criteria": criteria,
    "success": success,
    "service metrics": service_metrics,
    "allowed input": allowed_input,
    "refused input": refused_input,
    "targets": targets,
    "tree": tree,
    "imports": imports,
    "extras": extras,
    "edit-points": edit_points,
    "drills": drills,
    "score-card": score_card,
    "alarms": alarms,
    "alarms-by-rows": alarms_by_rows,
    "watchers": watchers,
    "decisions": decisions,
}
