from xml.etree import ElementTree

import numpy as np
import pandas as pd

from monitoring.picture import Bar, Lanes, Line, Panel, picture

DAYS = pd.date_range("2013-11-01", periods=30)
VALUES = pd.Series(np.linspace(0, 1, 30), DAYS)


def drawn(*panels: Panel | Lanes, days: pd.DatetimeIndex = DAYS, **settings: object) -> ElementTree.Element:
    """The picture, read back: it is well-formed or this raises."""
    return ElementTree.fromstring(picture(list(panels), days, **settings))


def texts(element: ElementTree.Element) -> str:
    return " ".join(element.itertext())


def test_a_panel_has_title_axis_band_and_a_point_a_day():
    """What to see, in which unit, and where it should be."""
    found = drawn(Panel("Quality", "ROC-AUC", [Line("", VALUES)], 0.4, 0.6))
    assert "Quality" in texts(found)
    assert "ROC-AUC" in texts(found)
    assert len(found.findall(".//rect[@class='band']")) == 1
    assert len(found.findall(".//circle")) == 30


def test_everything_lies_inside_the_picture():
    """No point above, below or beside it, whatever the values."""
    for values in (VALUES * 1e6, VALUES * 0 + 5, VALUES - 3, VALUES.where(VALUES > 0.5)):
        found = drawn(Panel("t", "u", [Line("", values), Line("b", values, "dots")], 0, 1))
        width, height = (float(size) for size in found.get("viewBox", "").split()[2:])
        for circle in found.findall(".//circle"):
            assert 0 <= float(circle.get("cx", "")) <= width
            assert 0 <= float(circle.get("cy", "")) <= height


def test_nothing_to_draw_is_an_empty_panel():
    """No values, one day, no alarms: pictures all the same."""
    assert drawn(Panel("t", "u", [Line("", pd.Series(dtype=float))])).findall(".//circle") == []
    assert len(drawn(Panel("t", "u", [Line("", VALUES[:1])]), days=DAYS[:1]).findall(".//circle")) == 1
    assert drawn(Lanes("None", [])).findall(".//a") == []


def test_hostile_names_are_text():
    """A name with markup in it is shown, not obeyed."""
    name = "</text><script>alert(1)</script>"
    found = drawn(Panel(name, name, [Line(name, VALUES)]), Lanes(name, [Bar(name, DAYS[0], DAYS[1], "a.html")]))
    assert found.findall(".//script") == []
    assert name in texts(found)


def test_events_and_alarms_are_marked():
    """A swap goes through the panels, an alarm's days are ringed and its lane links to its page."""
    found = drawn(
        Panel("t", "u", [Line("", VALUES)], marked=[DAYS[3]]),
        Lanes("Alarms", [Bar("stuck", DAYS[3], DAYS[5], "alarms/stuck.html")]),
        events={DAYS[9]: "version 2 answers"},
    )
    assert len(found.findall(".//circle[@class='alarm']")) == 1
    assert found.find(".//a").get("href") == "alarms/stuck.html"
    assert "version 2 answers" in texts(found)
