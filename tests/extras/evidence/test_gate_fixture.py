"""Evidence about a changed candidate is read from its files."""

import pytest

from extras.evidence import gate_fixture

pytestmark = pytest.mark.exhibit


def test_the_evidence_is_read_from_files(fixture):
    """An unchanged copy of the candidate has the properties that evaluation found."""
    found = gate_fixture.reread(fixture, lambda _: None).properties
    known = {name: value for name, value in fixture.good.properties.items() if name != "row_ms"}
    assert known == {name: value for name, value in found.items() if name != "row_ms"}
