"""A swap is told what is left to do; done for real with a second data set, it goes all the way round."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from extras.yours import check_swap
from extras.yours.check_swap import edit_points, statements, still_the_examples
from flights import dataset, features
from flights.columns import DeclarationError
from flights.contract import table
from flights.dataset import INPUTS, OUTCOMES, ROW_KEY
from flights.feature_set import plan
from tests.serving.running import free_port
from tests.swap.swapped import commit, installed_environment, repository_copy, swap

pytestmark = pytest.mark.exhibit

EXAMPLE = json.loads(check_swap.EXAMPLE.read_text())
RUN_AFTER_SWAP = (  # of the tests for any data: one training on rows of the new contract, and what reads its result
    "tests/pipelines/checks",
    "tests/pipelines/evaluation",
    "tests/pipelines/extras",
    "tests/pipelines/test_contract_check.py",
    "tests/pipelines/test_gate.py",
    "tests/flights/test_model_files.py",
    "tests/monitoring/test_decide.py",
    "tests/serving/extras/test_api_keys.py",
)
MIN_TESTS_AFTER_SWAP = 150  # so that a selection that is nearly empty does not count as a pass
GUIDE = check_swap.ROOT / "docs" / "your_data.md"


def test_everything_here_is_the_examples():
    """Every marked statement is recorded; after a change of one: `python -m extras.yours.check_swap --record`."""
    points = edit_points(check_swap.ROOT, EXAMPLE)
    assert still_the_examples(points, EXAMPLE) == points
    assert {point.key for point in points} == set(EXAMPLE)
    assert {point.key for point in statements(check_swap.ROOT) if point.marked} == set(EXAMPLE)
    assert len(EXAMPLE) > 25


def test_a_changed_number_is_no_longer_the_examples(tmp_path):
    """The value or its comment differs: it has been decided."""
    changed = config(tmp_path, ("MISS_COST = 5.0", "MISS_COST = 7.0"), ("[SWAP] longer than", "two days, longer than"))
    left = {point.name for point in still_the_examples(changed, EXAMPLE)}
    assert "ALERT_BUDGET" in left
    assert not {"MISS_COST", "GAP_DAYS"} & left


@pytest.mark.parametrize("mark", ["[SWAP] ", "  # [SWAP] a late flight without an alert, in false alarms"])
def test_a_statement_without_its_mark_is_still_the_examples(tmp_path, mark):
    """Planted: every mark is deleted, or a whole comment. What counts is the statement."""
    left = still_the_examples(config(tmp_path, (mark, "")), EXAMPLE)
    assert {point.key for point in left} == {key for key in EXAMPLE if key.startswith("config.py")}
    assert not next(point for point in left if point.name == "MISS_COST").marked


def config(folder, *changes):
    """Edit points of a package, whatever its name, whose config.py was changed."""
    path = folder / "src" / "churn" / "config.py"
    path.parent.mkdir(parents=True)
    source = (check_swap.ROOT / "src" / "flights" / "config.py").read_text()
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    path.write_text(source)
    return edit_points(folder, EXAMPLE)


def test_a_lost_mark_is_said(tmp_path, monkeypatch, capsys):
    """Planted: a mark is deleted. The line about its statement says so, and the command fails as before."""
    config(tmp_path, ("[SWAP] a late flight", "a late flight"))
    monkeypatch.setattr(check_swap, "ROOT", tmp_path)
    monkeypatch.setattr(check_swap.sys, "argv", ["check_swap"])
    with pytest.raises(SystemExit) as ended:
        check_swap.main()
    assert ended.value.code
    said = capsys.readouterr().out
    assert said.count("its mark [SWAP] is lost") == 1
    assert "MISS_COST is still the example's: a late flight without an alert, in false alarms (its mark" in said


def test_the_guide_goes_in_the_same_order():
    """The numbered steps of docs/your_data.md name the files as `make check-swap` does."""
    steps = re.findall(r"^\d\. \*\*`(\w+\.py)`\*\*", GUIDE.read_text(), re.MULTILINE)
    assert steps == list(check_swap.ORDER)


def test_what_is_left_is_said_in_the_order_of_doing(capsys, monkeypatch):
    """The contract first, then the rows, the numbers and the features; and the exit code says that it is not over."""
    monkeypatch.setattr(check_swap.sys, "argv", ["check_swap"])
    with pytest.raises(SystemExit) as ended:
        check_swap.main()
    lines = capsys.readouterr().out.splitlines()
    files = [line.split(":")[0].rsplit("/", 1)[-1] for line in lines[:-1]]
    assert list(dict.fromkeys(files)) == list(check_swap.ORDER)
    assert ended.value.code


@pytest.mark.parametrize("role", ["EVENT_TIME", "LOCATION"])
def test_an_input_that_the_loop_goes_by_must_be_declared(role):
    """Planted: the contract without it. The error says what is expected."""
    without = tuple(column for column in INPUTS if column.name != getattr(dataset, role))
    with pytest.raises(DeclarationError, match=f"{role} is `{getattr(dataset, role)}`, expected a declared"):
        table(ROW_KEY, without, OUTCOMES)


@pytest.mark.parametrize("role", ["OUTCOME", "OUTCOME_TIME"])
def test_the_outcome_must_be_declared(role):
    """Planted: the contract without what is reported back, or without its moment."""
    without = tuple(column for column in OUTCOMES if column.name != getattr(dataset, role))
    with pytest.raises(DeclarationError, match=f"{role} is"):
        table(ROW_KEY, INPUTS, without)


def undeclared(moon_phase):
    return moon_phase


@pytest.mark.ml_test_score("D6", injects="each way in which the features can miss the contract")
@pytest.mark.parametrize(
    ("listed", "message"),
    [
        ((*features.FEATURES, undeclared), "feature undeclared reads moon_phase: declare it"),
        ((*features.FEATURES, "tailnum"), "feature tailnum: tailnum identifies someone"),
        ((*features.FEATURES, "scheduled_departure"), "feature scheduled_departure: .* make a number of a time"),
        (features.FEATURES[1:], "CATEGORIES.* name carrier"),
    ],
)
def test_features_that_do_not_fit_the_contract_are_named(monkeypatch, listed, message):
    """Planted: each way in which the features can miss the contract."""
    monkeypatch.setattr(features, "FEATURES", listed)
    with pytest.raises(DeclarationError, match=message):
        plan.__wrapped__()


class Copy:
    """A copy of the repository in which another data set is swapped in, and the flights' stories are gone."""

    def __init__(self, folder: Path) -> None:
        self.root = repository_copy(folder)
        self.touched = swap(self.root)
        self.port = str(free_port())
        path = os.pathsep.join([str(self.root / "src"), str(self.root), str(self.root / "tests" / "alone")])
        self.environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(folder / "data"), "PORT": self.port}
        self.environment.pop("AS_OF", None)
        removed = self.shell(without_stories())
        assert removed.returncode == 0, removed.stderr
        commit(self.root)

    def run(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One module's command in the copy."""
        return self.python("-m", module, *words)

    def shell(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command as a user would type it."""
        return subprocess.run(
            ["bash", "-euc", command], cwd=self.root, env=self.environment, capture_output=True, text=True, check=False
        )

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """A target, with the environment that is installed here."""
        return self.shell(f"make {target} VENV={installed_environment(self.root.parent / 'venv')}")

    def python(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The copy's Python."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The swapped copy, with its rows collected."""
    copy = Copy(tmp_path_factory.mktemp("swapped"))
    done = copy.run("pipelines.collect")
    assert done.returncode == 0, done.stderr
    return copy


@pytest.mark.heavy
def test_a_declared_column_that_is_not_collected_is_named(copy):
    """Planted: the rows come without a declared column. The error says between which two files it is missing."""
    path = copy.root / "src" / "flights" / "dataset.py"
    source = path.read_text()
    path.write_text(
        source.replace(
            '    measured("humidity"', '    measured("ozone", "Ozone", 1.0, "ppb", 0, 9),\n    measured("humidity"'
        )
    )
    verdict = copy.run("pipelines.validate")
    path.write_text(source)
    assert "ozone" in verdict.stderr
    assert "pipelines/collect.py delivers" in verdict.stderr


@pytest.mark.heavy
def test_another_data_set_goes_all_the_way_round(copy):
    """Four files and a removed one: train, gate, serve, replay, monitor, with another time, other types and target."""
    decided = copy.run("extras.yours.check_swap")
    assert f"0 of {len(EXAMPLE)} edit points" in decided.stdout
    assert decided.returncode == 0
    done = copy.make("train")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hazy" in done.stdout
    card = (copy.root / "data" / "3_models" / "flights" / "1" / "card.md").read_text()
    assert "flight" not in card.replace("Model card: flights", "")  # that is the package's name
    with subprocess.Popen(
        [sys.executable, "-m", "serving.app"], cwd=copy.root, env=copy.environment, stderr=subprocess.DEVNULL
    ) as server:
        try:
            url = f"http://127.0.0.1:{copy.port}"
            with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as patient:
                patient.get(f"{url}/health/ready").raise_for_status()
            copy.environment["TO"] = "2013-12-10"
            replayed = copy.run("monitoring.replay")
            del copy.environment["TO"]
            assert "sent 720 predictions and 720 outcomes" in replayed.stdout, replayed.stdout + replayed.stderr
            batch = httpx.post(f"{url}/predict/batch", json={"hours": []})
            assert "a list of 1 to 1000 hours" in batch.text
        finally:
            server.terminate()
    monitored = copy.run("monitoring.monitor")
    assert "labelled" in monitored.stdout, monitored.stderr
    assert json.loads((copy.root / "data" / "5_reports" / "decision.json").read_text())["champion"] == 1


def without_stories() -> str:
    """The guide's own commands that remove what tells of flights alone."""
    told = GUIDE.read_text().split("## What goes")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"```bash\n(.*?)```", told, re.DOTALL))


def test_the_guide_removes_something():
    """The commands below are there to be run, and name files that exist."""
    names = re.findall(r"[a-z]+/[a-z_/]+\.(?:py|md)", without_stories())
    assert len(names) > 5
    assert [name for name in names if not (check_swap.ROOT / name).is_file()] == []


@pytest.mark.heavy
def test_everything_else_imports_after_the_swap(copy):
    """Only what the guide removes as stories about flights is lost."""
    files = [
        str(path.relative_to(copy.root))
        for folder in ("pipelines", "serving", "monitoring")
        for path in sorted((copy.root / folder).rglob("*.py"))
    ]
    modules = [name.removesuffix(".py").replace("/", ".") for name in files]
    assert len(modules) > 30
    assert "extras.drills.faults" not in modules
    done = copy.python("-c", f"import {', '.join(modules)}")
    assert done.returncode == 0, done.stderr


@pytest.mark.heavy
def test_the_swap_keeps_the_import_contract(copy):
    """What was exchanged imports in the same directions."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    verdict = subprocess.run(command, cwd=copy.root, env=copy.environment, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.heavy
def test_the_tables_are_made_after_the_swap(copy):
    """Documentation and the example request follow from the new declarations, and are then up to date."""
    made = copy.run("docs.generate", "--tables")
    assert made.returncode == 0, made.stderr
    checked = copy.run("docs.generate", "--check", "--tables")
    assert checked.returncode == 0, checked.stdout
    assert json.loads((copy.root / "docs" / "flight.json").read_text())["station"] == "JFK"


@pytest.mark.heavy
def test_the_tests_pass_after_the_swap(tmp_path):
    """A copy with other columns, target, time column and numbers passes tests that hold for any data."""
    copy = repository_copy(tmp_path / "copy")
    swap(copy)
    commit(copy)
    path = os.pathsep.join(str(copy / name) for name in ("src", ".", "tests/alone"))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    for name in ("DATA_DIR", "CI"):  # as in a clone: what the declarations do not have, as personal columns, is skipped
        environment.pop(name, None)
    command = [sys.executable, "-m", "pytest", "-m", "not exhibit", "-n", "2", "--dist", "loadfile"]
    done = subprocess.run(
        [*command, "--tb=short", f"--basetemp={tmp_path / 'tests'}", *RUN_AFTER_SWAP],
        cwd=copy, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:]
    assert int(re.findall(r"(\d+) passed", done.stdout)[-1]) > MIN_TESTS_AFTER_SWAP
