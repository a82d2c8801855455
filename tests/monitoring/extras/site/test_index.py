from dataclasses import replace
from xml.etree import ElementTree

import pandas as pd
import pytest

from flights.config import Settings
from monitoring.extras.site import index
from monitoring.findings import Findings, findings
from tests.monitoring.conftest import Logged, day

INTERVAL = {"value": 0.7, "low": 0.6, "high": 0.8}
SLICE = {"slice": "origin JFK", "metric": "roc_auc", "expected": INTERVAL, "now": 0.7, "within": True}


@pytest.fixture
def found(logged: Logged) -> Findings:
    """Twelve clean days."""
    logged(last=day(12))
    return findings(Settings())


def test_the_timeline_is_a_file_of_its_own(found: Findings):
    """Well-formed SVG with every panel, and the expected range as a band behind the quality."""
    drawn = ElementTree.fromstring(index.timeline(found, []))
    text = " ".join(drawn.itertext())
    for panel in ("Quality", "Use", "Calibration", "Drift", "Label delay", "What to do", "Alarms"):
        assert panel in text
    low, high = index.band(found, "roc_auc")
    assert 0.5 < low < high < 1
    assert index.band(found, "no such metric") == (-float("inf"), float("inf"))


def test_slices_outside_their_interval_are_shown():
    """Those within are counted, the others named; without slices there is no table."""
    assert index.slice_table([SLICE]).startswith("<p>By slice, 1 of 1 metrics are within")
    broken = [SLICE, SLICE | {"slice": "origin <LGA>", "now": 0.5, "within": False}]
    assert "1 of 2" in index.slice_table(broken)
    assert "origin &lt;LGA&gt;" in index.slice_table(broken)
    assert index.slice_table([]) == ""


def test_weeks_begin_on_monday():
    """The first of November 2013 was a Friday."""
    assert index.week_of(pd.Timestamp("2013-11-01")) == pd.Timestamp("2013-10-28")


def test_without_plug_ins_the_page_is_whole(found: Findings):
    """Every check but drift and performance deleted: no label delay, no comparison, and still a page."""
    kept = [check for check in found.checks if check.name.endswith("drift")]
    page = index.index_page(replace(found, checks=kept, details={}), [], "")
    assert "Nothing to compare yet" in page
    assert "Label delay" not in index.timeline(replace(found, checks=kept), [])
