import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from flights.config import Settings
from flights.dataset import INPUTS
from flights.log_reader import engine
from monitoring.check import Check, alarms, is_firing, out_of_range
from monitoring.extras.site import report
from monitoring.findings import findings
from tests.browser import CHROMIUM, needs_chromium
from tests.monitoring.conftest import Logged, day

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future

HOSTILE = "</script><script>document.documentElement.dataset.stranger='here'</script>"
TEXTS = [column.name for column in INPUTS if column.kind == "text"]
DAYS = pd.date_range("2013-11-01", periods=12)


def hostile_log() -> None:
    """Put texts into the log that no server would have let in."""
    log = engine(Settings().log_url)
    with log.begin() as connection:
        rows = connection.execute(sa.text("SELECT request_id, inputs FROM predictions WHERE rowid % 3 = 0")).all()
        for name, inputs in rows:
            changed = json.dumps(json.loads(inputs) | dict.fromkeys(TEXTS, HOSTILE))
            update = sa.text("UPDATE predictions SET inputs = :inputs WHERE request_id = :name")
            connection.execute(update, {"inputs": changed, "name": name})
    log.dispose()


@pytest.fixture
def hostile_site(logged: Logged, evidently: None) -> list[Path]:
    """Every page of a report on a log with hostile texts in it."""
    folder = logged(last=day(5)) / "5_reports"
    hostile_log()
    report.write(folder, findings(Settings()))
    return sorted(folder.rglob("*.html"))


def test_no_page_repeats_what_a_stranger_sent(hostile_site: list[Path]):
    """Not the index, not a week, not an alarm, not Evidently's pages."""
    assert len(hostile_site) >= 4
    assert [page.name for page in hostile_site if "stranger" in page.read_text()] == []


@pytest.mark.heavy
@needs_chromium
def test_hostile_texts_do_nothing_in_a_browser(hostile_site: list[Path], tmp_path: Path):
    """Chromium runs no script of a stranger's on any page; on a page without our care it does."""
    control = tmp_path / "control.html"
    control.write_text(f"<html><body><script>var carrier = '{HOSTILE}'</script></body></html>")
    assert 'data-stranger="here"' in shown(control, tmp_path)
    for page in hostile_site:
        assert "data-stranger" not in shown(page, tmp_path)


def shown(page: Path, scratch: Path) -> str:
    """The page as Chromium has it after its scripts have run."""
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    more = (
        f"--disable-component-update --disable-sync --user-data-dir={scratch / 'chromium'} --virtual-time-budget=5000"
    )
    words = [CHROMIUM, *flags.split(), *more.split(), "--dump-dom", page.as_uri()]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout


def test_an_interrupted_report_leaves_the_old_one(logged: Logged, evidently: None):
    """A monitor that dies half-way leaves the old index whole, no torn page, and the next one finishes."""
    folder = logged(last=day(5)) / "5_reports"
    found = findings(Settings())
    report.write(folder, found)
    before = (folder / "index.html").read_bytes()
    torn = replace(found, view=replace(found.view, inputs=None))  # the weeks come after the alarms, before the index
    with pytest.raises(TypeError):
        report.write(folder, torn)
    assert (folder / "index.html").read_bytes() == before
    assert not list(folder.rglob(".*"))
    report.write(folder, found)
    assert (folder / "index.html").read_bytes() == before


def test_pages_of_alarms_that_are_no_more_go(logged: Logged, evidently: None):
    """The folder of alarms holds what the index names, and nothing from an earlier look."""
    folder = logged(last=day(3)) / "5_reports"
    (folder / "alarms").mkdir(parents=True)
    (folder / "alarms" / "2012-01-01-old.html").write_text("old")
    report.write(folder, findings(Settings()))
    assert list((folder / "alarms").iterdir()) == []


def test_the_columns_that_moved_furthest_are_drawn():
    """By their level, strangest day first, of this week alone; those without values are not."""
    values = pd.Series([0.1] * 6 + [0.5] + [0.1] * 5, DAYS)
    far, near = (
        Check(f"{name}: drift", "drift", "", values, high=high) for name, high in (("far", 0.4), ("near", 0.9))
    )
    silent = Check("silent: drift", "drift", "", values * float("nan"), high=1)
    past = Check("past: drift", "drift", "", values.where(values.index < DAYS[3]), high=1)
    assert report.largest_distances([near, silent, past, far], DAYS[3]) == ["far", "near"]
    many = [Check(f"{number}: drift", "drift", "", values, high=number + 1) for number in range(40)]
    assert report.largest_distances(many, DAYS[0]) == [str(number) for number in range(report.MAX_COLUMNS)]


def test_only_its_own_leftovers_go(logged: Logged, evidently: None):
    """Planted: files that a killed monitor left, and those that other jobs are just writing to the same folder."""
    folder = logged(last=day(3)) / "5_reports"
    (folder / "weeks").mkdir(parents=True)
    own = [".decision.json.a1.json", ".index.html.b2.html", ".timeline.svg.c3.svg", "weeks/.2013-10-28.html.d4.html"]
    others = [".cadence.json.e5.json", ".tuning.json.f6.json", ".explore.html.g7.html", ".cadence.svg.h8.svg"]
    for name in (*own, *others):
        (folder / name).touch()
    report.write(folder, findings(Settings()))
    assert [name for name in (*own, *others) if (folder / name).exists()] == others


def test_an_alarm_is_answered_by_what_it_asks_for():
    """A new version answers an alarm of the model, the first one only; a feed's alarm is over when it fires no more."""
    changes = {DAYS[0]: 2, DAYS[9]: 4, DAYS[5]: 3}
    bad = pd.Series([0.0, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 0], DAYS)
    ranking, feed = (alarms(Check("figure", kind, "", bad, high=1))[0] for kind in ("ranking", "feed"))
    assert report.answer(ranking, changes) == "champion 3 took over on 2013-11-06"
    assert report.answer(ranking, {DAYS[0]: 2}) == "nothing yet"
    assert report.answer(feed, changes) == "no alarm after 2013-11-06"
    rings = alarms(Check("figure", "feed", "", bad[:6], high=1))[0]
    assert report.answer(rings, changes) == "nothing yet"


def test_a_week_shows_first_what_was_out_of_range():
    """The check that fired, then the one with a single bad day; what was bad in another week only keeps its place."""
    week = list(DAYS[:7])
    values = {
        "calm": [0] * 12,
        "earlier": [0] * 7 + [9] * 5,
        "one day": [0, 9] + [0] * 10,
        "fired": [0, 9, 9, 9] + [0] * 8,
    }
    checks = [Check(name, "feed", "", pd.Series(each, DAYS, dtype=float), high=1) for name, each in values.items()]
    states = {check.name: (is_firing(check), out_of_range(check)) for check in checks}
    found = report.out_of_range_first(checks, states, week)
    assert [check.name for check in found] == ["fired", "one day", "calm", "earlier"]
