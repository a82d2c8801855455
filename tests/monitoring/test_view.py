"""Windows without a full day, without an outcome, or of one row: the monitor works, and the report is written."""

import json
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.log_reader import engine
from flights.predictions import Outcome, add, timestamp
from flights.registry import load
from monitoring.findings import Findings, findings
from monitoring.monitor import summary
from monitoring.traffic import period, traffic
from monitoring.view import NothingToMonitor, read_view
from tests.monitoring.conftest import Logged, day, predictions

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future
NOW = pd.Timestamp.now("UTC")


@pytest.fixture
def sample(a_copy: Path) -> list[tuple]:
    """Three rows of the log, as the champion answers them."""
    settings = Settings()
    live = read_parquet(settings.splits_dir / "live.parquet", "")
    flights, _ = traffic(live, *period(live, day(1), day(1)))
    rows = flights.head(3)
    model = load(settings.models_dir, 1)

    return predictions(rows, model.score(as_arrays(rows)), model.threshold, 1, model.digest)


def monitored(rows: list, outcomes: list[Outcome] = [], now: pd.Timestamp | None = None) -> Findings:  # noqa: B006
    """What the monitor finds in a log of these rows; the report is written, too."""
    settings = Settings()
    log = engine(settings.log_url)
    add(log, [*rows, *outcomes])
    log.dispose()
    found = findings(settings, now)
    json.dumps(found.for_machines(), allow_nan=False)
    site = pytest.importorskip("monitoring.extras.site")
    site.write(settings.reports_dir, found)
    assert (settings.reports_dir / "index.html").is_file()
    return found


def at(row: tuple, event: pd.Timestamp, answered: pd.Timestamp | None = None) -> tuple:
    """A row of another moment."""
    return row._replace(event_time=timestamp(event), answered_at=timestamp(answered or event))


def test_one_row_of_today(sample: list, evidently: None):
    """What one `curl` leaves: an event two hours ahead, answered now."""
    found = monitored([at(sample[0], NOW + pd.Timedelta(hours=2), NOW)])
    assert found.counts["predictions"] == found.counts["waiting"] == 1
    assert found.decision.action in ("ok", "retrain")  # the model is of 2013, and thus too old


def test_one_row_of_yesterday(sample: list, evidently: None):
    """A full day, of one row."""
    found = monitored([at(sample[0], NOW - pd.Timedelta(days=1))])
    assert found.counts["predictions"] == 1


def test_one_row_of_the_past(sample: list, evidently: None):
    """A replay of one flight: the newest moment is the row's own."""
    found = monitored(sample[:1])
    assert found.counts["predictions"] == 1
    assert found.decision.action == "ok", found.decision.reasons


def test_rows_without_an_outcome(sample: list, evidently: None):
    """Three rows, monitored four days later."""
    found = monitored(sample, now=pd.Timestamp(f"{day(2)}T12:00Z"))
    assert found.counts["labelled"] == 0


def test_one_outcome_only(sample: list, evidently: None):
    """Two rows wait, one has its outcome."""
    known = f"{day(1)}T18:00:00Z"
    found = monitored(sample, [Outcome(sample[0].request_id, known, 20.0, known)])
    assert found.counts["labelled"] == 1
    assert found.details == {"expectations": [], "slices": []}


def test_an_outcome_without_any_of_its_predictions(sample: list, evidently: None):
    """The only outcome belongs to a request that is not in the log."""
    known = f"{day(1)}T18:00:00Z"
    assert monitored(sample, [Outcome("unknown", known, 20.0, known)]).counts["labelled"] == 0


def test_all_inputs_unreadable(sample: list, evidently: None):
    """Every row's inputs are torn, over three days: a person is asked."""
    rows = [
        at(row._replace(inputs=row.inputs[:40]), pd.Timestamp(f"{day(2)}T15:00Z") + pd.Timedelta(days=number))
        for number, row in enumerate(sample)
    ]
    found = monitored(rows)
    assert found.counts["unreadable"] == 3
    assert found.decision.action == "ask a person"


def test_rows_that_are_only_served_by_the_heuristic(sample: list, evidently: None):
    """No version has a mismatch, and no champion changed."""
    found = monitored([row._replace(model_version=0, served_by="heuristic") for row in sample])
    assert found.champion_changes == {}


@pytest.mark.heavy
def test_a_moment_long_after_the_log_is_no_long_report(sample: list, evidently: None):
    """NOW in 2100: the silence is seen, and the report ends a quarter after the last request."""
    found = monitored(sample, now=pd.Timestamp("2100-01-02T00:00Z"))
    assert found.decision.action == "fix the feed"
    assert len(found.view.days) < 100


def test_rows_answered_too_early_are_counted_as_skipped(logged: Logged):
    """Planted: ten rows that say they were answered in 1970. They are left out, and the summary says how many."""
    logged(last=day(3))
    settings = Settings()
    log = engine(settings.log_url)
    with log.begin() as connection:
        update = "UPDATE predictions SET answered_at = '1970-01-01T00:00:00.000000Z' WHERE rowid <= 10"
        connection.execute(sa.text(update))
    log.dispose()
    assert read_view(settings).skipped == 10
    assert findings(settings).counts["skipped"] == 10


@pytest.mark.parametrize(("count", "moment"), [(1, NOW), (40, NOW), (1, pd.Timestamp("2020-05-01T12:00Z"))])
def test_requests_of_another_time_do_not_hide_a_replay(logged: Logged, sample: list, count: int, moment: pd.Timestamp):
    """Injected: single requests of today, or of another year, in a log of 2013. The replay is what is looked at."""
    logged(last="2013-11-03")
    settings = Settings()
    log = engine(settings.log_url)
    replayed = read_view(settings).rows
    add(log, [at(sample[0], moment)._replace(request_id=f"stray-{number}") for number in range(count)])
    log.dispose()
    view = read_view(settings)
    assert view.rows["request_id"].tolist() == replayed["request_id"].tolist()
    assert (view.skipped, view.older) == (count, 0)
    assert findings(settings).decision.action != "fix the feed"


def test_a_service_that_was_silent_for_long_is_looked_at_now(sample: list, evidently: None):
    """Injected: 50 predictions of a live service, none for a year, one today. The older ones are said, not shown."""
    old = NOW - pd.Timedelta(days=365)
    rows = [at(sample[0], old)._replace(request_id=f"old-{number}") for number in range(50)]
    found = monitored([*rows, at(sample[1], NOW + pd.Timedelta(hours=2), NOW)])
    assert (found.counts["predictions"], found.counts["older"]) == (1, 50)
    assert "50 older not read" in summary(found)


def test_without_a_prediction_the_next_command_is_named(a_copy: Path):
    """An empty log."""
    with pytest.raises(NothingToMonitor, match="make replay"):
        read_view(Settings())
