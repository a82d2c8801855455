"""Which tests go along: those that hold for any data, without the ones about the example."""

import ast
import re
from pathlib import Path

from extras.new.words import OLD
from flights.dataset import INPUTS, OUTCOMES

EXHIBIT = re.compile(r"^pytestmark = .*\bexhibit\b", re.MULTILINE)
FOLDERS = (f"tests/{OLD}/", "tests/pipelines/")
SUPPORT = ("tests/__init__.py", "tests/conftest.py", "tests/contract_rows.py", "tests/declared.py", "tests/patterns.py")
LEFT = (  # of what is not copied, or of plug-ins whose tests name the example's columns
    "tests/pipelines/collection/",
    "tests/pipelines/extras/",
    f"tests/{OLD}/extras/",
    f"tests/{OLD}/test_features.py",
    "tests/pipelines/evaluation/test_holdout.py",
)
COLUMNS = tuple(column.name for column in (*INPUTS, *OUTCOMES)) + tuple(
    text for column in INPUTS for text in column.categories
)
NAMES_COLUMN = re.compile(rf"\b({'|'.join(map(re.escape, COLUMNS))})\b")

NEEDS_ROWS = re.compile(r"\b(trained|split_data|collected|a_copy|client|server|running|contract_rows|published)\b")


def is_kept(name: str) -> bool:
    """Whether a test or a module of tests may go along."""
    return name in SUPPORT or (name.startswith(FOLDERS) and not name.startswith(LEFT))


def kept_text(name: str, text: str) -> str:
    """The part of a module of tests that holds for any data; empty if there is none."""
    if not Path(name).name.startswith("test_"):
        return text
    rest = without_example(text)
    if NEEDS_ROWS.search(rest):
        return ""
    return "" if NAMES_COLUMN.search(rest) else rest


def without_example(text: str) -> str:
    """A module of tests without those that are marked as the example's; empty if all are, or if none is left."""
    if EXHIBIT.search(text):
        return ""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    tests = [node for node in tree.body if is_test(node)]
    dropped = [node for node in tests if any("exhibit" in ast.unparse(each) for each in node.decorator_list)]  # type: ignore[attr-defined]
    if tests and len(dropped) == len(tests):
        return ""
    for node in reversed(dropped):
        first = min([node.lineno, *(each.lineno for each in node.decorator_list)])  # type: ignore[attr-defined]
        del lines[first - 1 : node.end_lineno]
    return "".join(lines)


def is_test(node: ast.stmt) -> bool:
    """Whether a statement defines a test."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")


def drop_unimportable(folder: Path) -> None:
    """Delete the modules of tests that import one that was left out, until all can be imported."""
    while True:
        lost = [path for path in sorted((folder / "tests").rglob("test_*.py")) if missing_imports(folder, path)]
        for path in lost:
            path.unlink()
        if not lost:
            return


def missing_imports(folder: Path, path: Path) -> list[str]:
    """The modules of tests that a file imports and that do not exist."""
    names = re.findall(r"^(?:from|import) (tests[.\w]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    places = {name: folder / name.replace(".", "/") for name in names}
    return [name for name, place in places.items() if not (place.is_dir() or place.with_suffix(".py").is_file())]
