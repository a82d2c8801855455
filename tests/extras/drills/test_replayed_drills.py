"""A replay under a drill: what is rejected, and which drills do not begin."""

from pathlib import Path

import pandas as pd
import pytest

from extras.drills import faults as drills
from flights.artifacts import write_parquet
from flights.config import Settings
from flights.dataset import INPUTS, KEY, OUTCOMES
from monitoring.traffic import period, traffic, with_drill
from tests.monitoring.test_replay import SPAN, expected, run, served
from tests.serving.running import Server

pytestmark = pytest.mark.exhibit

__all__ = ["served"]


@pytest.fixture(scope="module")
def live(autumn: pd.DataFrame) -> pd.DataFrame:
    """A quarter of November's flights."""
    return autumn.loc[autumn["day"] >= "2013-11-01", [KEY, *(column.name for column in (*INPUTS, *OUTCOMES))]]


def test_refused_rows_are_counted_and_hurt_nobody_else(
    served: Server, live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A carrier that the contract does not know is refused alone, though it came in a batch with others."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 1)
    place = run(monkeypatch, *SPAN, "new-carrier")
    assert sum(place.predictions.values()) == expected(live)[0]
    assert 0 < place.predictions["422"] < 0.15 * place.predictions["200"]
    assert "rejected with 422" in capsys.readouterr().out


def test_a_drill_that_would_plant_nothing_is_refused(
    live: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two weeks stay clean: a span of three days would say "under drill" and be none. Nothing is sent."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    write_parquet(Settings().splits_dir / "live.parquet", live)
    with pytest.raises(SystemExit, match="begins after 14 clean days, and the period has 3"):
        run(monkeypatch, *SPAN, "celsius")
    clean = traffic(live, *period(live, *SPAN))
    assert with_drill(clean, "celsius", 15, 1) is not clean
    assert with_drill(clean, "", 3, 1) is clean


def test_a_drill_on_days_that_were_answered_is_refused(
    served: Server, live: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
):
    """Planted: the same days without a drill first. The altered rows would only be refused as conflicts."""
    monkeypatch.setattr(drills, "CLEAN_DAYS", 1)
    run(monkeypatch, *SPAN)
    with pytest.raises(SystemExit, match="a drill needs a fresh log"):
        run(monkeypatch, *SPAN, "celsius")
    first = run(monkeypatch, "2013-11-07", "2013-11-09", "celsius")
    assert set(first.predictions) == {"200"}
    assert run(monkeypatch, "2013-11-07", "2013-11-09", "celsius") == first  # the same replay may go on


def test_an_unknown_drill_is_refused(live: pd.DataFrame):
    """Planted: a typing error. The message names the drills that there are; no drill leaves the traffic alone."""
    clean = traffic(live, *period(live, *SPAN))
    with pytest.raises(SystemExit, match=r"DRILL=feed-drown: expected one of feed-down, .*"):
        with_drill(clean, "feed-drown", 30, 1)
    assert with_drill(clean, "", 30, 1) is clean
