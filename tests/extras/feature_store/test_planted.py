"""Inputs of predictions by key that are not what the events give fire a check, which names the feature view."""

import httpx
import pandas as pd
import pytest

from extras.feature_store import online
from extras.feature_store.delivery import LEAD, asked_flights, posted
from extras.feature_store.online import Materializer
from flights.config import Settings
from flights.dataset import KEY
from flights.extras.feature_views import views
from flights.log_reader import engine, logged_predictions
from monitoring.check import is_firing
from monitoring.checks.features import checks
from monitoring.outcomes import local_day
from monitoring.view import View, typed_inputs
from tests.extras.feature_store.conftest import START

pytestmark = pytest.mark.exhibit


class Service:
    """A service that predicts by key, and its store, at one hour of the storm."""

    def __init__(self, server, folder, store, storm, bodies):
        self.server, self.folder, self.store, self.storm, self.bodies = server, folder, store, storm, bodies
        self.materializer = Materializer(store, 5)

    def deliver(self, hour, *, publish=True):
        """Send all events that are known by an hour after START, and publish the tick."""
        now = START + pd.Timedelta(hours=hour)
        known = self.bodies[self.bodies["known_at"] <= now]["body"].tolist()
        body = {"complete_until": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        try:
            with httpx.Client(base_url=self.server.url, timeout=60) as client:
                for begin in range(0, len(known), 1000):
                    last = body if begin + 1000 >= len(known) else {}
                    posted(client, "/events", {"events": known[begin : begin + 1000]} | last)
        except RuntimeError as error:
            error.add_note(self.server.log.read_text()[-2000:])
            raise
        while publish and self.materializer.step():
            pass

    def ask(self, hour):
        """Ask for the flights whose moment is in the half hour from an hour after START on."""
        first = START + pd.Timedelta(hours=hour) + LEAD
        keys = asked_flights(self.storm, first, first + pd.Timedelta(minutes=30))[KEY].tolist()
        assert len(keys) > 5
        with httpx.Client(base_url=self.server.url, timeout=60) as client:
            posted(client, "/predict/by-key/batch", {"keys": keys})
        self.asked = first

    def sql(self, statement, *values):
        """Change the store behind its back."""
        with self.store.transaction() as cursor:
            cursor.execute(statement, values)
            assert cursor.rowcount

    def firing(self, monkeypatch):
        """The views whose checks fire."""
        monkeypatch.setenv("FEATURES_URL", self.store.url)
        settings = Settings(data_dir=self.folder)
        log = engine(settings.log_url)
        rows = logged_predictions(log, inputs=True, since=f"{self.asked:%FT%T}")
        log.dispose()
        rows["day"] = local_day(rows["event_time"])
        view = View(settings, None, self.asked, rows, typed_inputs(rows), rows[:0])
        names = [check.name for check in checks(view) if is_firing(check).any()]
        self.expired = "features expired" in names
        return {name.split()[1].rstrip(":") for name in names if name.startswith("view ")}


@pytest.fixture
def service(by_key_server, fresh_store, storm, bodies):
    """A service without events yet."""
    server, folder = by_key_server
    return Service(server, folder, fresh_store, storm, bodies)


def test_inputs_from_the_events_are_silent(service, monkeypatch):
    """No check fires, also for a view that expired; that it did is a check of its own."""
    service.deliver(12.5)
    service.ask(12.5)
    assert service.firing(monkeypatch) == set()
    assert not service.expired
    service.ask(13.6)
    assert service.firing(monkeypatch) == set()
    assert service.expired


def test_a_late_observation_that_is_counted_early_is_found(service, monkeypatch):
    """Planted: a correction comes after the tick, and its moment of counting is set back."""
    service.deliver(22.5)
    service.ask(22.5)
    at = START + pd.Timedelta(hours=22.5)
    last = service.bodies[(service.bodies["known_at"] <= at)]["body"]
    observed = next(body for body in reversed(last.tolist()) if body["kind"] == "weather")
    corrected = observed | {"temperature": 99.0, "known_at": f"{at - pd.Timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"}
    with httpx.Client(base_url=service.server.url) as client:
        assert posted(client, "/events", {"events": [corrected]})["late"] == 1
    assert service.firing(monkeypatch) == set()
    minute = int(at.timestamp()) // 60
    service.sql("UPDATE feature_events SET counted_at = ? WHERE counted_at = ?", minute, minute + 1)
    assert service.firing(monkeypatch) == {"weather"}


def test_a_backfilled_correction_is_found(service, monkeypatch):
    """Planted: arrivals are overwritten in place, after predictions were made from them."""
    service.deliver(24)
    service.ask(24)
    service.sql(
        "UPDATE feature_events SET content = REPLACE(content, '_delay\":', '_delay\":1') WHERE kind = 'arrival'"
        " AND content NOT LIKE '%delay\":-%'"
    )
    assert "network" in service.firing(monkeypatch)


def test_an_older_value_that_replaces_a_newer_one_is_found(service, monkeypatch):
    """Planted: what was true six hours before is written over the newest values of a view."""
    service.deliver(26)
    service.deliver(32)
    service.sql(
        "UPDATE feature_values SET content = (SELECT content FROM feature_values AS old WHERE old.view_name = "
        "'network' ORDER BY tick LIMIT 1) WHERE view_name = 'network' AND tick > ?",
        int(START.timestamp()) // 60 + 26 * 60,
    )
    service.ask(32)
    assert service.firing(monkeypatch) == {"network"}


def test_an_expired_value_that_is_served_is_found(service, monkeypatch):
    """Planted: the store says that ticks are published whose values nobody has computed."""
    service.deliver(26)
    service.deliver(27.5, publish=False)
    service.sql("UPDATE feature_clock SET published_until = complete_until")
    service.ask(27.5)
    assert {"network", "network_origin", "weather"} <= service.firing(monkeypatch)


def test_a_window_that_is_off_by_one_tick_is_found(service, monkeypatch):
    """Planted: the online job computes the views as of the tick before."""
    compute = online.contents_at

    def late(known, ticks):
        return [(tick + 5, contents) for tick, contents in compute(known, ticks - 5)]

    monkeypatch.setattr(online, "contents_at", late)
    service.deliver(30)
    service.ask(30)
    assert "network_origin" in service.firing(monkeypatch)


def test_a_feature_that_is_edited_on_one_side_is_found(service, monkeypatch):
    """Planted: the online job's flights are overdue after five minutes, those of the check after fifteen."""
    with monkeypatch.context() as patch:
        patch.setattr(views, "OVERDUE_MINUTES", 5)
        service.deliver(34)
    service.ask(34)
    assert service.firing(monkeypatch) >= {"network", "network_origin"}
    assert "weather" not in service.firing(monkeypatch)


def test_without_a_store_nothing_is_checked(service, monkeypatch, tmp_path):
    """And no store is made."""
    service.deliver(36)
    service.ask(36)
    service.store.url = f"sqlite:///{tmp_path}/none.db"
    assert service.firing(monkeypatch) == set()
    assert not (tmp_path / "none.db").exists()
