"""The card counts a check only if its tests pass, its failure is injected and caught, and CI runs them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from extras.drills.score_card import CHECKS, SECTIONS, Card, table, text

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[3]
CONFIG = '[tool.pytest.ini_options]\nmarkers = ["ml_test_score(check, injects): a check"]\n'
TESTS = """
import pytest

@pytest.fixture
def broken():
    yield
    raise RuntimeError

@pytest.mark.ml_test_score("D1")
def test_shows():
    {shows}

@pytest.mark.ml_test_score("D1", injects="a planted bug")
@pytest.mark.parametrize("size", [1, 2])
def test_injects(size{fixture}):
    {injects}

def test_unmarked():
    assert False
"""


def test_there_are_seven_checks_in_each_of_four_sections():
    """As in the paper."""
    assert list(CHECKS) == [f"{letter}{number}" for letter in SECTIONS for number in range(1, 8)]


def test_every_check_is_shown_and_injected():
    """In this repository, each check has marked tests of both roles, and no mark names another check."""
    command = [sys.executable, "-m", "extras.drills.score_card", "--table"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == list(CHECKS)
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


@pytest.fixture
def card(tmp_path):
    """Runs planted tests with the card's plugin, in a process of their own; returns exit code and output."""

    def run(shows="pass", injects="pass", fixture="", change=("", ""), before=()):
        (tmp_path / "pyproject.toml").write_text(CONFIG)
        planted = TESTS.format(shows=shows, injects=injects, fixture=fixture).replace(*change)
        (tmp_path / "test_it.py").write_text(planted)
        environment = os.environ | {"PYTHONPATH": str(ROOT), "CI": ""}
        command = [sys.executable, "-m", "extras.drills.score_card", str(tmp_path)]
        if before:
            ran = [sys.executable, "-m", "pytest", *before, "--junitxml=results/test.xml", str(tmp_path)]
            subprocess.run(ran, cwd=tmp_path, env=environment, capture_output=True, check=False)
            command.append(f"--results={tmp_path / 'results'}")
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, next(line for line in done.stdout.splitlines() if line.startswith("  D1")), done.stdout

    return run


def test_a_check_that_is_shown_and_caught_counts(card):
    """Only marked tests run; the other 27 checks have none here, so the command fails."""
    code, line, said = card()
    assert line == f"  D1  1  {CHECKS['D1']}"
    assert "data 1, model 0, infrastructure 0, monitoring 0; ML Test Score 0 of 7" in said
    assert code == 1


@pytest.mark.parametrize("came", ["assert False", "pytest.skip('no tool')", "raise RuntimeError"])
@pytest.mark.parametrize("role", ["shows", "injects"])
def test_a_test_that_does_not_pass_costs_the_point(card, role, came):
    """Planted: the test of a role fails, is skipped, or breaks."""
    code, line, _ = card(**{role: came})
    assert code == 1
    assert line.startswith("  D1  0")
    assert f"test_{role}" in line


def test_an_error_in_teardown_costs_the_point(card):
    """Planted: a fixture that fails after its test."""
    assert card(fixture=", broken")[1].startswith("  D1  0")


@pytest.mark.parametrize(
    ("shows", "before", "missing"),
    [
        ("pass", ["-m", "ml_test_score"], ""),
        ("assert False", ["-m", "ml_test_score"], "did not pass (1 of 3 tests)"),
        ("pytest.skip('no tool')", ["-m", "ml_test_score"], "did not pass (1 of 3 tests)"),
        ("pass", ["-k", "injects"], "did not pass (1 of 3 tests)"),
        ("pass", ["-k", "nothing"], "did not pass (3 of 3 tests)"),
    ],
)
def test_the_card_is_added_up_from_reports(card, shows, before, missing):
    """The tests ran before. Planted: in the report a test failed, was skipped, or is not there."""
    _, line, said = card(shows=shows, before=before)
    assert line.startswith(f"  D1  {int(not missing)}")
    assert line.endswith(missing or CHECKS["D1"])
    assert "passed" not in said, "the card runs nothing"


def test_a_broken_teardown_in_a_report_costs_the_point(card):
    """Planted: a fixture that fails after its test passed."""
    assert card(fixture=", broken", before=["-v"])[1].startswith("  D1  0")


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (('"D1")', '"D2")'), "no test shows it"),
        ((', injects="a planted bug"', ""), "no test injects its failure"),
        (('"D1", injects', '"D2", injects'), "no test injects its failure"),
    ],
)
def test_a_check_without_a_role_gets_no_point(card, change, missing):
    """Planted: no test shows the check, or none injects its failure."""
    _, line, _ = card(change=change)
    assert line.startswith("  D1  0")
    assert missing in line


def test_a_mark_of_no_check_is_named(card):
    """Planted: a key that the paper does not have."""
    assert "D9 is not a check" in card(change=('"D1")', '"D9")'))[2]


def test_the_score_is_the_smallest_sum():
    """One missing point in one section is a point less."""
    full = Card()
    for key in CHECKS:
        full.marked[key] = {f"{key}::shows": "", f"{key}::injects": "a bug"}
        full.passed |= dict.fromkeys(full.marked[key], True)
    assert "ML Test Score 7 of 7" in text(full)
    full.passed["M3::injects"] = False
    assert full.sums() == {"data": 7, "model": 6, "infrastructure": 7, "monitoring": 7}
    assert "ML Test Score 6 of 7" in text(full)
    assert "| D1 |" in table(full)


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
        return done.returncode, [line.split()[0] for line in made if line and line.split()[0] in TARGETS]

    return run


CI = (ROOT / ".ci" / "run").read_text()
TARGETS = ["test", "test-exhibit", "test-heavy", "score-card"]


def test_ci_runs_the_tests_and_then_adds_up(ci):
    """All targets run, the card last, and if one fails the run fails."""
    assert ci(CI) == (0, TARGETS)
    for target in TARGETS:
        assert ci(CI, failing=target)[0] == 2


@pytest.mark.parametrize(
    ("old", "new", "runs"),
    [
        ("\nmake test ", "\nexit 0\nmake test ", []),
        ('\nmake test RESULTS="$results"\n', "\nif false; then make test; fi\n", TARGETS[1:]),
        ("\nmake test-exhibit ", "\nfalse && make test-exhibit ", ["test", *TARGETS[2:]]),
        ("\nmake test-heavy ", "\n: make test-heavy ", ["test", "test-exhibit", "score-card"]),
        ("\nmake score-card ", "\n: ", TARGETS[:3]),
    ],
)
def test_a_ci_that_leaves_one_out_is_seen(ci, old, new, runs):
    """Planted: the script ends early, or a target is there and does not run. What ran is noted, not what is written."""
    assert old in CI
    assert ci(CI.replace(old, new))[1] == runs
