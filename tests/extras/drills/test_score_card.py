"""The card counts what passed and what was refused where it should be, in the targets' own runs; nothing else."""

import os
import subprocess
from pathlib import Path

import pytest

from extras.drills import score_card
from extras.drills.checks import CHECKS
from extras.drills.score_card import marks, reported, score, state, sums
from tests.swap.swapped import commit, installed_environment

ROOT = Path(__file__).parents[3]
ALL = {node: "passed" for check in CHECKS for node in check.nodes}
TESTS = """
import pytest

@pytest.mark.parametrize("size", [1, 2])
def test_good(size):
    pass

def test_bad():
    assert False

def test_absent():
    pytest.skip("no tool")

@pytest.fixture
def broken():
    yield
    raise RuntimeError

def test_broken(broken):
    pass
"""
OUTCOMES = {"good[1]": "passed", "good[2]": "passed", "bad": "failed", "absent": "skipped", "broken": "error"}


def test_the_score_is_the_smallest_sum():
    """One missing point in one section is a point less."""
    given = marks(ALL | {CHECKS[0].proves[0]: "failed"})
    full = marks(ALL)
    assert score(full) == 7
    assert sums(given)["data"] == sums(full)["data"] - 1
    assert score(given) == 6


@pytest.mark.parametrize("outcome", ["failed", "error", "skipped", None])
@pytest.mark.parametrize("role", ["proves", "planted"])
def test_a_check_that_does_not_pass_or_not_refuse_gets_no_point(role, outcome):
    """Planted: the check fails, or its planted bug does, or is skipped, or is not there."""
    node = getattr(CHECKS[0], role)[0]
    found = {name: came for name, came in (ALL | {node: outcome}).items() if came}
    assert node in marks(found)[0].objection


@pytest.fixture
def repository(tmp_path):
    """A repository with the Makefile's own test targets and a few tests of every outcome, one of them heavy."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(TESTS)
    (tmp_path / "tests" / "test_long.py").write_text("import pytest\n@pytest.mark.heavy\ndef test_long():\n    pass\n")
    (tmp_path / ".gitignore").write_text("build/\n__pycache__/\n.pytest_cache/\n.coverage*\nvenv/\ndata/\n")
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\nmarkers = ["heavy: long"]\n')
    (tmp_path / "Makefile").write_text((ROOT / "Makefile").read_text())
    for name in ("requirements.lock", "deploy/tools.lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    installed_environment(tmp_path / "venv")
    commit(tmp_path)
    return tmp_path


def make(folder, *targets):
    words = ["make", *targets, f"VENV={folder / 'venv'}", f"TOOLS={folder / 'venv' / 'installed'}"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CI", "PYTEST", "COV"))}
    return subprocess.run(words, cwd=folder, env=kept, capture_output=True, text=True, check=False)


def test_what_the_targets_report_is_counted(repository):
    """Every outcome is read under the name that pytest gives the test, from the two runs together."""
    assert make(repository, "test").returncode != 0
    assert reported(repository / "build", state(repository)) == {}
    make(repository, "test-heavy")
    found = reported(repository / "build", state(repository))
    expected = {f"tests/test_it.py::test_{name}": came for name, came in OUTCOMES.items()}
    assert found == expected | {"tests/test_long.py::test_long": "passed"}


def test_a_report_of_another_state_is_not_counted(repository):
    """Planted: an edit, another commit, and a report that was cut off after the two runs."""
    make(repository, "-k", "test", "test-heavy")
    assert reported(repository / "build", state(repository))
    (repository / "tests" / "test_it.py").write_text("def test_good():\n    pass\n")
    assert state(repository).endswith("-dirty")
    assert reported(repository / "build", state(repository)) == {}
    make(repository, "-k", "test", "test-heavy")  # and a run on it says of what it is
    assert reported(repository / "build", state(repository)) == {}
    commit(repository)
    assert reported(repository / "build", state(repository)) == {}
    make(repository, "-k", "test", "test-heavy")
    assert reported(repository / "build", state(repository))
    report = repository / "build" / "test.xml"
    report.write_text(report.read_text()[:-40])
    assert reported(repository / "build", state(repository)) == {}


def card(monkeypatch, capsys, found):
    """Exit code and words of `make score-card` in CI, where the targets reported so much."""
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr("sys.argv", ["score_card"])
    monkeypatch.setattr(score_card, "reported", lambda *_: found)
    with pytest.raises(SystemExit) as ended:
        score_card.main()
    return ended.value.code, capsys.readouterr().out


def test_the_command(monkeypatch, capsys):
    """The full card ends with 0; planted: one failed test, and its check is named and the exit code is 1."""
    code, said = card(monkeypatch, capsys, ALL)
    assert not code
    assert "ML Test Score 7 of 7" in said
    code, said = card(monkeypatch, capsys, ALL | {CHECKS[0].planted[0]: "failed"})
    assert code == 1
    assert f"D1  0  {CHECKS[0].states} planted bug {CHECKS[0].planted[0]}: failed" in said
    assert "data 6" in said


def test_ci_counts_nothing_that_the_targets_did_not_report(monkeypatch, capsys):
    """Planted: CI without the two runs. The card names them instead of running its own choice of tests."""
    code, _ = card(monkeypatch, capsys, {})
    assert "run make test test-heavy first" in code


@pytest.fixture
def ci(tmp_path):
    """Runs a version of `.ci/run` in which `make` only notes its targets; planted failures end with 2."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("apt-get", "sudo", "docker", "python3", "pip", "make"):
        noting = '[ $name != make ] || echo "$*" >> made; case " $FAILING " in *" $1 "*) exit 2; esac'
        (tools / name).write_text(f"#!/bin/bash\nname={name}\n{noting}\n")
        (tools / name).chmod(0o755)
    (tmp_path / ".uv" / "bin").mkdir(parents=True)
    (tmp_path / ".uv" / "bin" / "pip").symlink_to(tools / "pip")
    (tmp_path / ".ci").mkdir()

    def run(text, failing=""):
        (tmp_path / ".ci" / "run").write_text(text)
        (tmp_path / "made").unlink(missing_ok=True)
        environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "FAILING": failing}
        done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, env=environment, capture_output=True, check=False)
        made = (tmp_path / "made").read_text().split("\n") if (tmp_path / "made").exists() else []
        return done.returncode, [line for line in made if line in {"test", "test-heavy", "score-card"}]

    return run


CI = (ROOT / ".ci" / "run").read_text()


def test_ci_runs_the_tests_and_then_adds_up(ci):
    """Both targets run before the card, and where one fails the run fails."""
    assert ci(CI) == (0, ["test", "test-heavy", "score-card"])
    for target in ("test", "test-heavy", "score-card"):
        assert ci(CI, failing=target)[0] == 2


@pytest.mark.parametrize(
    ("old", "new", "runs"),
    [
        ("\nmake test\n", "\nexit 0\nmake test\n", []),
        ("\nmake test\n", "\nif false; then make test; fi\n", ["test-heavy", "score-card"]),
        ("\nmake test-heavy\n", "\n: make test-heavy\n", ["test", "score-card"]),
        ("\nmake score-card\n", "\n", ["test", "test-heavy"]),
    ],
)
def test_a_ci_that_leaves_one_out_is_seen(ci, old, new, runs):
    """Planted: the script ends early, or a target is there and does not run. What ran is noted, not what is written."""
    assert old in CI
    assert ci(CI.replace(old, new))[1] == runs


def test_outside_ci_the_tests_are_run_here():
    """One test of one parameter and one without."""
    nodes = ["tests/monitoring/test_check.py::test_one_bad_day_is_no_alarm", "tests/flights/test_config.py"]
    found = score_card.outcomes(nodes)
    assert found[nodes[0]] == "passed"
    assert any(name.endswith("[PORT-eighty]") for name in found)
