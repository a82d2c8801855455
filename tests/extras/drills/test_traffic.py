"""A week of fault in a month of traffic."""

import pytest

from extras.drills.weeks import FAULT_DAYS, in_fault, month
from flights.config import Settings

pytestmark = pytest.mark.exhibit


@pytest.mark.heavy
def test_the_fault_begins_and_ends(trained):
    """Before and after the faulty week the traffic is what it was."""
    told = month(Settings(data_dir=trained), "feed-down")
    assert (told.repaired - told.begins).days == FAULT_DAYS
    week = in_fault(told, told.faulty)
    assert week["temperature"].isna().all()
    rest = told.faulty[0].loc[lambda flights: flights["moment"] >= told.repaired]
    assert rest["temperature"].notna().mean() > 0.9
    assert len(told.faulty[0]) == len(told.clean[0])
