"""The card counts what passes, is refused where it should be, and runs in CI; nothing else."""

import pytest

from drills import score_card
from drills.checks import CHECKS
from drills.score_card import marks, score, sums

CI = "make test\n\nstep heavy\nmake test-heavy\n"
ALL = {node: "PASSED" for check in CHECKS for node in check.nodes}


def test_the_score_is_the_smallest_sum():
    """One missing point in one section is a point less."""
    given = marks(ALL | {CHECKS[0].proves[0]: "FAILED"}, CI)
    full = marks(ALL, CI)
    assert sums(given)["data"] == sums(full)["data"] - 1
    assert score(given) <= score(full)


@pytest.mark.parametrize("outcome", ["FAILED", "ERROR", "SKIPPED", None])
@pytest.mark.parametrize("role", ["proves", "planted"])
def test_a_check_that_does_not_pass_or_not_refuse_gets_no_point(role, outcome):
    """Planted: the check fails, or its planted bug does, or is skipped, or is not there."""
    node = getattr(CHECKS[0], role)[0]
    found = {name: came for name, came in (ALL | {node: outcome}).items() if came}
    assert node in marks(found, CI)[0].objection


def test_what_ci_does_not_run_gets_no_point():
    """Planted: CI without the heavy tests."""
    assert score(marks(ALL, "make test\n")) == 0


def test_outcomes_are_read_from_a_real_run():
    """One test of one parameter and one without."""
    nodes = ["tests/monitoring/test_watch.py::test_one_bad_day_is_no_alarm", "tests/flights/test_config.py"]
    found = score_card.outcomes(nodes)
    assert found[nodes[0]] == "PASSED"
    assert any(name.endswith("[PORT-eighty]") for name in found)
