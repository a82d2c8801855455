"""The core stays within its budgets, and each rule of `tests.core` is shown to fail."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import core

ROOT = Path(__file__).parents[1]
WALK, SUPPORT, PLUGIN = "pipelines/train.py", "src/flights/support.py", "monitoring/checks/drift.py"
EXTRA = "extras/drills/run.py"
BUDGETS = {
    "walk": [WALK],
    "walk_lines": 20,
    "walk_files": 1,
    "walk_file_lines": 20,
    "core_lines": 33,
    "support_file_lines": 20,
    "extra_file_lines": 20,
    "function_p90": 6,
    "function_lines": 8,
    "script_imports": 0,
    "script_users": {},
    "imports": {WALK: 1},
    "settings": 2,
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small repository that keeps every rule, to be broken."""
    write(tmp_path, WALK, "from flights import support\n" + lines(4))
    write(tmp_path, SUPPORT, lines(5))
    write(tmp_path, PLUGIN, lines(5))
    write(tmp_path, EXTRA, lines(5))
    write(tmp_path, core.CONFIG, "class Settings:\n    port: int = 1\n    seed: int = 2\n")
    return tmp_path


def write(root: Path, path: str, source: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(source)


def append(root: Path, path: str, source: str) -> None:
    with (root / path).open("a") as file:
        file.write(source)


def lines(count: int) -> str:
    return "value = 1\n" * count


def function(name: str, count: int) -> str:
    return f"def {name}():\n" + "    value = 1\n" * (count - 1)


def violations(root: Path, **changes: Any) -> list[str]:
    budgets = BUDGETS | changes
    return core.violations(root, core.rings(root, budgets["walk"]), budgets)


def test_the_real_tree_keeps_its_budgets():
    """What `make lint` prints and checks."""
    budgets = core.read_budgets(ROOT)
    rings = core.rings(ROOT, budgets["walk"])
    assert core.violations(ROOT, rings, budgets) == []
    assert core.summary(ROOT, rings, budgets).startswith("core: walk ")


def test_a_tree_within_its_budgets_passes(tree):
    """Nothing is reported, and each file is sorted into its group."""
    assert violations(tree) == []
    assert core.rings(tree, [WALK]) == core.Core([WALK], [core.CONFIG, SUPPORT])
    assert core.extras(tree, core.rings(tree, [WALK])) == [PLUGIN, EXTRA]


def test_too_many_lines_in_the_walk(tree):
    """Injected: two files of the walk that are each short enough, and too long together."""
    write(tree, "pipelines/split.py", lines(16))
    found = violations(tree, walk=[WALK, "pipelines/split.py"], walk_files=2)
    assert found == ["lines of the walk: 21, limit 20"]


def test_too_many_files_in_the_walk(tree):
    """Injected: a second file where one is allowed."""
    write(tree, "pipelines/split.py", lines(2))
    assert violations(tree, walk=[WALK, "pipelines/split.py"]) == ["files of the walk: 2, limit 1"]


def test_a_long_file_of_the_walk(tree):
    """Injected: one line too many; the sentence names the file and its group."""
    append(tree, WALK, lines(16))
    assert f"lines of {WALK} (walk): 21, limit 20" in violations(tree, walk_lines=100, core_lines=100)


def test_too_many_lines_in_the_core(tree):
    """Injected: support that is called by nobody, and counts by its place."""
    write(tree, "serving/helper.py", lines(20))
    write(tree, "monitoring/helper.py", lines(10))
    assert violations(tree) == ["lines of walk and support: 43, limit 33"]


def test_support_is_what_the_walk_imports(tree):
    """Injected: an extra that the core imports counts as support, and is reported."""
    write(tree, "pipelines/extras/plots.py", lines(5))
    append(tree, SUPPORT, "from pipelines.extras import plots\n")
    assert "pipelines/extras/plots.py" in core.rings(tree, [WALK]).support
    assert violations(tree) == [f"{SUPPORT} imports the extra pipelines/extras/plots.py"]


def test_a_long_file_of_the_support(tree):
    """Injected: one line too many."""
    write(tree, SUPPORT, lines(21))
    assert violations(tree) == [f"lines of {SUPPORT} (support): 21, limit 20"]


@pytest.mark.parametrize("path", [EXTRA, PLUGIN])
def test_a_long_file_of_an_extra(tree, path):
    """Injected: one line too many, in an extra and in a plug-in."""
    write(tree, path, lines(21))
    assert violations(tree) == [f"lines of {path} (extra): 21, limit 20"]


def test_a_long_function(tree):
    """Injected: one function of nine lines; the sentence names it and its line."""
    write(tree, SUPPORT, function("long", 9))
    found = violations(tree, function_p90=100)
    assert found == [f"lines of {SUPPORT}:1 long(): 9, limit 8"]


def test_functions_that_are_long_as_a_rule(tree):
    """Injected: two functions of ten are over the limit of the 90th percentile, none over the limit of one."""
    sizes = [1] * 8 + [7] * 2
    source = "".join(
        f"def f{each}(): pass\n" if size == 1 else function(f"f{each}", size) for each, size in enumerate(sizes)
    )
    write(tree, SUPPORT, source)
    assert violations(tree, support_file_lines=100) == ["90th percentile of function length: 7, limit 6"]


@pytest.mark.parametrize("line", ["from flights import other", "import flights.other"])
def test_a_step_that_imports_too_much(tree, line):
    """Injected: a second module of our own where one is allowed; a library does not count."""
    write(tree, "src/flights/other.py", lines(1))
    append(tree, WALK, "import json\n")
    assert violations(tree) == []
    append(tree, WALK, f"{line}\n")
    assert f"modules that {WALK} imports: 2, limit 1" in violations(tree)


@pytest.mark.parametrize(
    "line", ["from extras.drills import run", "import extras.drills.run", "from monitoring.checks import drift"]
)
def test_an_extra_that_the_core_imports_by_name(tree, line):
    """Injected: an import at the top, and the same inside a function."""
    for source in (f"{line}\n", f"def late():\n    {line}\n"):
        write(tree, SUPPORT, source)
        path = PLUGIN if "checks" in line else EXTRA
        assert violations(tree) == [f"{SUPPORT} imports the extra {path}"]


@pytest.mark.parametrize(
    "line", ["from .extras import plots", "from .extras.plots import draw", "from . import checks"]
)
def test_an_extra_that_the_core_imports_by_a_relative_name(tree, line):
    """Injected: the same import without the package's name, from a step and from a module next to a plug-in."""
    write(tree, "pipelines/extras/plots.py", lines(1))
    write(tree, "pipelines/checks.py", lines(1))
    append(tree, WALK, f"{line}\n")
    expected = [f"{WALK} imports the extra pipelines/extras/plots.py"] if "extras" in line else []
    assert violations(tree, imports={}) == expected


def test_a_plug_in_of_the_walk_that_imports_its_neighbour(tree):
    """Injected: a check that a learner opens needs one that can be deleted."""
    write(tree, "monitoring/checks/age.py", lines(1))
    append(tree, PLUGIN, "from monitoring.checks import age\n")
    found = violations(tree, walk=[WALK, PLUGIN], walk_files=2)
    assert found == [f"{PLUGIN} imports the extra monitoring/checks/age.py"]


def test_a_plug_in_of_the_walk_may_be_imported(tree):
    """A check that a learner opens is core."""
    append(tree, WALK, "from monitoring.checks import drift\n")
    assert violations(tree, walk=[WALK, PLUGIN], walk_files=2, imports={}) == []


@pytest.mark.parametrize("importer", [WALK, EXTRA])
def test_a_script_that_is_imported(tree, importer):
    """Injected: a module with a `__main__` block that the core, or an extra, imports."""
    write(tree, "pipelines/split.py", 'if __name__ == "__main__":\n    pass\n')
    append(tree, importer, "from pipelines import split\n")
    found = violations(tree, imports={})
    assert found == ["imports of a script: 1, limit 0", f"{importer} imports the script pipelines/split.py"]
    assert violations(tree, imports={}, script_imports=1) == []


@pytest.mark.parametrize("importer", ["deploy/grafana/board.py", "docs/tables.py", "extras/site/build.py"])
def test_a_script_that_another_folder_imports(tree, importer):
    """Injected: a script that is imported from outside of the core's packages; only a user that is named may."""
    write(tree, "serving/app.py", 'if __name__ == "__main__":\n    pass\n')
    write(tree, importer, "from serving import app\n")
    assert f"{importer} imports the script serving/app.py" in violations(tree)
    assert violations(tree, script_users={importer: "serving/app.py"}) == []
    assert f"{importer} imports the script serving/app.py" in violations(tree, script_users={importer: WALK})


def test_too_many_settings(tree):
    """Injected: a third setting where two are allowed; another class's fields are not counted."""
    append(tree, core.CONFIG, "    retries: int = 3\nclass Other:\n    name: str\n")
    assert violations(tree) == ["settings of the core: 3, limit 2"]


@pytest.mark.parametrize("path", [WALK, EXTRA, "serving/extras/admin.py"])
@pytest.mark.parametrize("line", ["app.state.model = 1", "value = request.app.state.log", "value = self.app.state"])
def test_a_service_locator(tree, path, line):
    """Injected: an object that is handed on as an attribute of the application."""
    write(tree, path, f"from flights import support\n{line}\n")
    assert violations(tree) == [f"{path}:2 uses app.state"]


@pytest.mark.parametrize("path", ["serving/app.py", "src/flights/portable.py", "deploy/grafana/board.py"])
def test_a_private_attribute_of_a_library(path):
    """Injected: an attribute that is nobody else's business; the linter names it, in any folder but tests/."""
    command = [str(Path(sys.executable).with_name("ruff")), "check", "--stdin-filename", path, "-"]
    planted = "import sklearn\n\nvalue = sklearn._config\n"
    done = subprocess.run(command, cwd=ROOT, input=planted, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Private member accessed: `_config`" in done.stdout


def test_a_file_of_the_walk_that_is_gone(tree):
    """Injected: the list names a file that was renamed."""
    with pytest.raises(FileNotFoundError, match=r"no pipelines/gone\.py"):
        violations(tree, walk=["pipelines/gone.py"])


def test_the_command_prints_the_summary():
    """`make lint` calls it."""
    command = [sys.executable, "-m", "tests.core"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("core: walk ")
    assert "@$(BIN)/python -m tests.core" in (ROOT / "Makefile").read_text()
