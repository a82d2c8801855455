import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from monitoring.extras.site.charts import MAX_LANES, Bar, Lanes, Line, Panel, Strip, chart

DAYS = pd.date_range("2013-11-01", periods=30)
VALUES = pd.Series(np.linspace(0, 1, 30), DAYS)
SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"


def drawn(*panels: Panel | Lanes | Strip, days: pd.DatetimeIndex = DAYS, **settings: object) -> ElementTree.Element:
    """The chart, read back: it is well-formed or this raises."""
    return ElementTree.fromstring(chart(list(panels), days, **settings))


def texts(element: ElementTree.Element) -> str:
    return " ".join(each.text or "" for each in element.iter(f"{SVG}text"))


def test_a_panel_has_title_unit_and_a_point_a_day():
    """What to see, and in which unit; the text stays text."""
    found = drawn(Panel("Quality", "ROC-AUC", [Line("", VALUES)], 0.4, 0.6))
    assert "Quality" in texts(found)
    assert "ROC-AUC" in texts(found)
    assert len(found.findall(f".//{SVG}use")) >= 30


def test_any_viewer_can_show_it():
    """No variables of a page's style sheet, no reference to another file, and the same text each time."""
    panel = Panel("Quality", "ROC-AUC", [Line("a", VALUES), Line("b", VALUES, "dots")], 0.4, 0.6)
    text = chart([panel, Strip("s", [(day, "ok", "good") for day in DAYS])], DAYS)
    assert "var(--" not in text
    assert "class=" not in text
    assert "http" not in text.replace("http://www.w3.org/", "")
    assert text.startswith("<svg")
    assert text == chart([panel, Strip("s", [(day, "ok", "good") for day in DAYS])], DAYS)


def test_any_values_can_be_drawn():
    """Large, constant, negative and missing ones, one day, and no range."""
    for values in (VALUES * 1e6, VALUES * 0 + 5, VALUES - 3, VALUES.where(VALUES > 0.5), VALUES[:1]):
        assert "t" in texts(drawn(Panel("t", "u", [Line("", values), Line("b", values, "dots")], 0, 1)))
    assert "1 Nov" in texts(drawn(Panel("t", "u", [Line("", VALUES[:1], "bars")]), days=DAYS[:1]))


def test_an_empty_panel_says_so():
    """No values and no alarms are told in words."""
    empty = pd.Series(dtype=float)
    found = drawn(Panel("Drift", "share", [Line("", empty, "bars")], empty="no column drifted"), Lanes("Alarms", []))
    assert "no column drifted" in texts(found)
    assert "no alarm" in texts(found)


def test_hostile_names_are_text():
    """A name with markup in it is shown, not obeyed."""
    name = "</text><script>alert(1)</script> $x$"
    found = drawn(Panel(name, name, [Line(name, VALUES)]), Lanes(name, [Bar(name, DAYS[0], DAYS[1], "a.html")]))
    assert found.findall(f".//{SVG}script") == []
    assert name in texts(found)


def test_changes_and_alarms_are_marked():
    """A change of the model goes through the panels, and an alarm's lane links to its page; a few lanes are enough."""
    found = drawn(
        Panel("t", "u", [Line("", VALUES)], marked=[DAYS[3]]),
        Lanes("Alarms", [Bar(f"alarm {number}", DAYS[3], DAYS[5], f"alarms/{number}.html") for number in range(20)]),
        events={DAYS[9]: "version 2 answers"},
    )
    assert found.find(f".//{SVG}a").get(LINK) == "alarms/0.html"
    assert len(found.findall(f".//{SVG}a")) == MAX_LANES
    assert "version 2 answers" in texts(found)


def test_a_change_of_the_model_breaks_the_line_and_begins_the_band():
    """Two versions have no line between them, and the range of the newer one does not reach back."""
    change = {DAYS[9]: "version 2 answers"}
    of_champion, of_traffic = (
        drawn(Panel("t", "u", [Line("", VALUES)], 0.4, 0.6, of_champion=broken), events=change)
        for broken in (True, False)
    )
    curves = [
        [path for path in found.iter(f"{SVG}path") if path.get("style", "").find("#2563eb; stroke-width: 1.5") >= 0]
        for found in (of_champion, of_traffic)
    ]
    assert [len(each) for each in curves] == [2, 1]
    bands = [
        min(float(x) for x in re.findall(r"[ML] ([\d.]+) ", path.get("d", "")))
        for found in (of_champion, of_traffic)
        for path in found.iter(f"{SVG}path")
        if "#dcfce7" in path.get("style", "")
    ]
    assert bands[0] > bands[1] + 100
