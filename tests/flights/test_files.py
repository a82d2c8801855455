"""A file name that two processes share is spelled in `flights.files` only."""

import ast
from pathlib import Path

from flights import files

ROOT = Path(__file__).parents[2]
CODE = ("src", "pipelines", "serving", "monitoring", "extras")
NAMES = {value for name, value in vars(files).items() if name.endswith(("_FILE", "_PAGE", "_PLOT"))}


def spelled(source: str) -> set[str]:
    """Shared names that a module has as literals of its own."""
    return NAMES & {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}


def test_no_module_spells_a_shared_name():
    """Two processes cannot disagree about a name that they import."""
    own = ROOT / "src" / "flights" / "files.py"
    paths = [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py")) if path != own]
    found = {str(path.relative_to(ROOT)): spelled(path.read_text()) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_literal_is_found():
    """Injected: a module with its own spelling."""
    assert spelled('path = folder / "gate.json"') == {"gate.json"}
    assert len(NAMES) > 15
