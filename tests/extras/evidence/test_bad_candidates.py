"""Every criterion of the gate has a bad candidate."""

import pytest

from extras.evidence.bad_candidates import BAD, GOOD
from pipelines import gate

pytestmark = pytest.mark.exhibit


def test_every_criterion_has_a_bad_candidate():
    """No criterion is without a candidate that it blocks."""
    assert {each.criterion for each in BAD.values()} == {each.name for each in gate.criteria()}
    assert len(BAD) >= 12
    assert len(GOOD) >= 3
