"""The size of the core against its budgets, which `pyproject.toml` declares below `[tool.core]`.

The walk is what a learner opens. The support is what the walk imports, directly or not, and every other module of the
core's packages outside their plug-in folders. Everything else is an extra: it can be deleted.
"""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = {"flights": "src/flights", "pipelines": "pipelines", "serving": "serving", "monitoring": "monitoring"}
OTHER_FOLDERS = ("extras", "deploy", "docs")
CONFIG = "src/flights/config.py"
PLUGIN_FOLDERS = {"extras", "checks", "exporters"}  # of exporters only that of the candidate's family is needed


class Core(NamedTuple):
    """The files of the walk and of the support, relative to the repository."""

    walk: list[str]
    support: list[str]


def main() -> None:
    """Print the core's size, and fail above a budget."""
    root = Path(__file__).parents[1]
    budgets = read_budgets(root)
    core = rings(root, budgets["walk"])
    print(summary(root, core, budgets))
    if found := violations(root, core, budgets):
        sys.exit("\n".join(found))


def read_budgets(root: Path) -> dict[str, Any]:
    """The walk and the budgets."""
    budgets: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["core"]
    return budgets


def rings(root: Path, walk: list[str]) -> Core:
    """Sort the core's files into walk and support.

    Raises
    ------
    FileNotFoundError
        The walk names a file that does not exist.
    """
    if missing := [path for path in walk if not (root / path).is_file()]:
        raise FileNotFoundError(f"[tool.core] walk in pyproject.toml: no {', '.join(missing)}")
    found = set(walk)
    ahead = [*walk, *(path for path in all_modules(root) if not PLUGIN_FOLDERS & set(Path(path).parts))]
    while ahead:
        path = ahead.pop()
        found.add(path)
        ahead += [each for each in imported_files(root, path) if each not in found]
    return Core(sorted(walk), sorted(found - set(walk)))


def all_modules(root: Path) -> list[str]:
    """Every module below the core's packages."""
    return modules_below(root, *PACKAGES.values())


def imports(root: Path, path: str) -> list[str]:
    """Full names that a file imports anywhere, `from a import b` as `a.b`, and a relative import by its full name."""
    return list(imported_names((root / path).read_text(), Path(path).parent.parts[path.startswith("src/") :]))


@cache
def imported_names(text: str, folder: tuple[str, ...]) -> list[str]:
    """The same of a module's text, which is parsed once: tests ask for every file again and again."""
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) + 1 - node.level] if node.level else ()
            module = ".".join([*above, *([node.module] if node.module else [])])
            names += [f"{module}.{alias.name}" for alias in node.names]
    return names


def imported_files(root: Path, path: str) -> list[str]:
    """The core's files, and those of the other folders, that a file imports."""
    files = []
    for name in imports(root, path):
        package, _, rest = name.partition(".")
        base = PACKAGES.get(package, package if package in OTHER_FOLDERS else "")
        parts = rest.split(".") if rest else []
        choices = ["/".join([base, *parts[:end]]) for end in range(len(parts), 0, -1)]
        files += [f"{each}.py" for each in choices if base and (root / f"{each}.py").is_file()][:1]
    return files


def lines(root: Path, path: str) -> int:
    """Lines of a file."""
    return len((root / path).read_text().splitlines())


def functions(root: Path, path: str) -> dict[str, int]:
    """Length of each function, in lines from its `def` to its end."""
    tree = ast.parse((root / path).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        f"{path}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for node in ast.walk(tree)
        if isinstance(node, kinds) and node.end_lineno
    }


def summary(root: Path, core: Core, budgets: dict[str, Any]) -> str:
    """One line for `make lint`."""
    walk = sum(lines(root, path) for path in core.walk)
    both = walk + sum(lines(root, path) for path in core.support)
    return (
        f"core: walk {walk:,}/{budgets['walk_lines']:,} lines in {len(core.walk)} files, "
        f"with support {both:,}/{budgets['core_lines']:,}"
    )


def violations(root: Path, core: Core, budgets: dict[str, Any]) -> list[str]:
    """Every budget that is exceeded and every forbidden import, one sentence each."""
    sizes = {path: lines(root, path) for path in (*core.walk, *core.support)}
    lengths = {name: length for path in sizes for name, length in functions(root, path).items()}
    extra_sizes = {path: lines(root, path) for path in extras(root, core)}
    script_imports = imported_scripts(root, budgets["script_users"])
    limits = [
        ("lines of the walk", sum(sizes[path] for path in core.walk), budgets["walk_lines"]),
        ("files of the walk", len(core.walk), budgets["walk_files"]),
        ("lines of walk and support", sum(sizes.values()), budgets["core_lines"]),
        ("90th percentile of function length", percentile_90(list(lengths.values())), budgets["function_p90"]),
        ("imports of a script", len(script_imports), budgets["script_imports"]),
        ("settings of the core", len(core_settings(root)), budgets["settings"]),
        *(
            (f"modules that {path} imports", len(set(imported_files(root, path))), limit)
            for path, limit in budgets["imports"].items()
        ),
        *((f"lines of {path} (walk)", sizes[path], budgets["walk_file_lines"]) for path in core.walk),
        *((f"lines of {path} (support)", sizes[path], budgets["support_file_lines"]) for path in core.support),
        *((f"lines of {path} (extra)", found, budgets["extra_file_lines"]) for path, found in extra_sizes.items()),
        *((f"lines of {name}()", length, budgets["function_lines"]) for name, length in lengths.items()),
    ]
    over = [f"{name}: {found:,}, limit {limit:,}" for name, found, limit in limits if found > limit]
    too_many_scripts = script_imports if len(script_imports) > budgets["script_imports"] else []
    return over + forbidden_imports(root, core) + too_many_scripts + service_locators(root)


def percentile_90(values: list[int]) -> int:
    """The value that at most a tenth of the values exceed."""
    return sorted(values)[int(0.9 * len(values))] if values else 0


def extras(root: Path, core: Core) -> list[str]:
    """Every module that is an extra."""
    return [path for path in (*all_modules(root), *top_level_extras(root)) if path not in {*core.walk, *core.support}]


def top_level_extras(root: Path) -> list[str]:
    """Every module below the folder `extras` of the repository."""
    return modules_below(root, "extras")


def modules_below(root: Path, *folders: str) -> list[str]:
    """Every module below some folders of the repository."""
    return [str(path.relative_to(root)) for folder in folders for path in sorted((root / folder).rglob("*.py"))]


def forbidden_imports(root: Path, core: Core) -> list[str]:
    """Imports of an extra by the core; a plug-in is found in its folder, not imported by name."""
    return [
        f"{path} imports the extra {each}"
        for path in (*core.walk, *core.support)
        for each in sorted(set(imported_files(root, path)))
        if PLUGIN_FOLDERS & set(Path(each).parts) and each not in core.walk
    ]


def imported_scripts(root: Path, users: dict[str, str]) -> list[str]:
    """Imports of a script (a module with a `__main__` block) by another module, but for the users that are named."""
    every = modules_below(root, *PACKAGES.values(), *OTHER_FOLDERS)
    scripts = {path for path in every if '__name__ == "__main__"' in (root / path).read_text()}
    return [
        f"{path} imports the script {each}"
        for path in every
        for each in sorted(set(imported_files(root, path)) & scripts - {path, users.get(path)})
    ]


def core_settings(root: Path) -> list[str]:
    """The fields of the class that every process reads its settings into."""
    body = ast.parse((root / CONFIG).read_text()).body
    (declared,) = (node for node in body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    return [str(ast.unparse(node.target)) for node in declared.body if isinstance(node, ast.AnnAssign)]


def service_locators(root: Path) -> list[str]:
    """Uses of `app.state`: what a function needs is its argument, and no attribute of the application."""
    return [
        f"{path}:{node.lineno} uses app.state"
        for path in modules_below(root, *PACKAGES.values(), *OTHER_FOLDERS)
        for node in ast.walk(ast.parse((root / path).read_text()))
        if isinstance(node, ast.Attribute) and re.fullmatch(r"(.*\.)?app\.state", ast.unparse(node))
    ]


if __name__ == "__main__":
    main()
