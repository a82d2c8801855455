"""Events are taken or refused with a reason, and a flight is predicted by its key, with the age of what is known."""

import sqlite3
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from extras.feature_store.online import Materializer
from flights.log_reader import counted_outcomes, engine, logged_prediction, parsed
from serving.extras.by_key.store import FeatureStore
from tests.serving.postgres import MISSING
from tests.serving.published import publish_champion
from tests.serving.running import running

pytestmark = pytest.mark.exhibit

NOW = datetime(2013, 7, 9, 12, tzinfo=UTC)


def at(minutes):
    """A time, in minutes after NOW, as a client writes it."""
    return f"{NOW + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def timetable(number, minutes=180, known=-1440):
    """A planned departure, by default in three hours: its prediction is due in one."""
    return {
        "kind": "timetable",
        "event_time": at(minutes),
        "known_at": at(known),
        "flight_id": key(number),
        "carrier": "UA",
        "flight": number,
        "origin": "EWR",
        "dest": "BOS",
        "scheduled_minutes": 72.0,
        "distance": 200.0,
        "tailnum": "N14228",
    }


def key(number):
    """The key of a flight."""
    return f"2013-07-09-UA-{number}-EWR"


def arrival(number, minutes, delay, known=None):
    """A flight that arrived."""
    clocks = {"event_time": at(minutes), "known_at": at(minutes if known is None else known)}
    return {"kind": "arrival", "flight_id": key(number), "arrival_delay": delay} | clocks


WEATHER = {
    "kind": "weather",
    "event_time": at(-120),
    "known_at": at(-60),
    "origin": "EWR",
    "temperature": 66.02,
    "dew_point": 53.96,
    "humidity": 65.07,
    "wind_direction": None,
    "wind_speed": 13.8,
    "precipitation": 0.0,
    "pressure": 1003.0,
    "visibility": 10.0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a champion."""
    made = tmp_path_factory.mktemp("by-key-routes")
    publish_champion(made / "3_models", 1, seed=1)
    return made


@pytest.fixture(scope="module")
def client(folder):
    """A client of a service that predicts by key, and has ticks until an hour after NOW."""
    with running(folder, PREDICT_BY_KEY="1") as server:
        server.wait()
        with httpx.Client(base_url=server.url, timeout=30) as opened:
            events = [WEATHER, *(timetable(number) for number in range(1, 9)), timetable(20, 60 * 5)]
            assert post(opened, events, at(0))["accepted"] == len(events)
            publish(folder)
            post(opened, [], at(60))
            publish(folder)
            yield opened


def publish(folder):
    """Publish every tick that is complete."""
    publish_to(FeatureStore(f"sqlite:///{folder}/4_predictions/features.db"))


def publish_to(store):
    """Publish every tick that is complete in a store."""
    materializer = Materializer(store)
    while materializer.step():
        pass
    store.close()


def post(client, events, complete_until=None):
    """The receipt of some events."""
    body = {"events": events} | ({"complete_until": complete_until} if complete_until else {})
    response = client.post("/events", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def predict(client, number):
    """The answer for one flight."""
    response = client.post("/predict/by-key", json={"flight_id": key(number)})
    assert response.status_code == 200, response.text
    return response.json()


def test_a_flight_is_predicted_by_its_key(client, folder):
    """The answer names the tick and every view; the inputs are in the log, checked and complete."""
    answer = predict(client, 1)
    assert answer["tick"] == "2013-07-09T13:00Z"
    assert answer["request_id"] == f"{key(1)}:20130709T1300Z"
    assert {view["state"] for view in answer["views"].values()} == {"found"}
    log = engine(f"sqlite:///{folder}/4_predictions/predictions.db")
    logged = logged_prediction(log, answer["request_id"])
    log.dispose()
    inputs = parsed(logged.inputs)
    assert (inputs["carrier"], inputs["temperature"], inputs["wind_direction"]) == ("UA", 66.02, None)
    assert inputs["departures_planned"] == 8
    assert logged.probability == answer["probability"]


def test_asking_again_gives_the_same_answer(client):
    """One flight, and the same among others."""
    batch = client.post("/predict/by-key/batch", json={"keys": [key(2), key(1)]}).json()["predictions"]
    assert batch[1] == predict(client, 1)


def test_an_unknown_key_is_refused_with_the_missing_event(client):
    """Alone and in a batch, which is then refused as a whole."""
    for path, body, field in (
        ("/predict/by-key", {"flight_id": key(99)}, "flight_id"),
        ("/predict/by-key/batch", {"keys": [key(1), key(99)]}, "keys[1]"),
    ):
        response = client.post(path, json=body)
        assert response.status_code == 404
        assert response.json()["errors"][0]["field"] == field
        assert "timetable event" in response.json()["errors"][0]["expected"]


def test_views_expire_one_after_the_other(client, folder):
    """Planted: no tick for over an hour, then for over four; the answer says so, and inputs are missing."""
    post(client, [timetable(30, 180 + 90), timetable(31, 180 + 300)])
    publish(folder)
    post(client, [], at(65))  # late events count from the tick after NOW + 60 on
    publish(folder)
    answer = predict(client, 30)
    states = {name: view["state"] for name, view in answer["views"].items()}
    assert states.pop("timetable") == "found"
    assert set(states.values()) == {"expired"}
    assert answer["views"]["weather"]["age_minutes"] == 85
    assert answer["request_id"].endswith("-85")
    log = engine(f"sqlite:///{folder}/4_predictions/predictions.db")
    inputs = parsed(logged_prediction(log, answer["request_id"]).inputs)
    log.dispose()
    assert inputs["temperature"] is None
    assert inputs["backlog_all"] is None
    response = client.post("/predict/by-key", json={"flight_id": key(31)})
    assert response.status_code == 503
    assert "make materialize" in response.json()["errors"][0]["expected"]


def outcomes(folder):
    """The outcome that counts, by request ID."""
    log = engine(f"sqlite:///{folder}/4_predictions/predictions.db")
    found = counted_outcomes(log).set_index("request_id")["arrival_delay"].to_dict()
    log.dispose()
    return found


@pytest.mark.parametrize("number", [3, 4, 5])
def test_an_arrival_is_the_outcome(client, folder, number):
    """Before the prediction is asked for or after it, corrected, and sent again."""
    asked_first = number != 4
    if asked_first:
        name = predict(client, number)["request_id"]
    receipt = post(client, [arrival(number, 240, 20.0)])
    assert receipt["outcomes"] == asked_first
    if not asked_first:
        name = predict(client, number)["request_id"]
    assert outcomes(folder)[name] == 20.0
    if number == 5:
        assert post(client, [arrival(number, 240, 33.0, known=300)])["outcomes"] == 1
        assert outcomes(folder)[name] == 33.0
    assert post(client, [arrival(number, 240, 20.0)]) == {"accepted": 0, "repeated": 1, "late": 0, "outcomes": 0}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (WEATHER | {"wind_speed": 1048.0}, "events[0].weather.wind_speed"),
        (WEATHER | {"event_time": at(-30)}, "events[0].known_at"),
        (arrival(1, 240, None), "events[0].arrival.arrival_delay"),
        (arrival(1, 240, 5.0) | {"known_at": "2199-01-01T00:00:00Z"}, "events[0].known_at"),
        (arrival(1, 240, 5.0) | {"gate": "A1"}, "events[0].arrival.(unknown key)"),
        ({"kind": "strike"}, "events[0]"),
    ],
    ids=["range", "known before", "null", "future", "unknown key", "unknown kind"],
)
def test_an_event_that_violates_the_contract_is_refused(client, event, field):
    """The field and what was expected are named, and nothing of the request is kept."""
    body = {"events": [event, timetable(55)]}
    response = client.post("/events", json=body)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field
    assert client.post("/predict/by-key", json={"flight_id": key(55)}).status_code == 404


def test_a_restated_event_is_refused(client):
    """Planted: another delay under the same `known_at`, in another time zone: the same moment."""
    post(client, [arrival(6, 240, 7.0)])
    same = arrival(6, 240, 7.0) | dict.fromkeys(("event_time", "known_at"), "2013-07-09T12:00:00-04:00")
    assert post(client, [same])["repeated"] == 1
    response = client.post("/events", json={"events": [same | {"arrival_delay": 8.0}]})
    assert response.status_code == 409
    assert "later known_at" in response.json()["errors"][0]["expected"]


@pytest.mark.parametrize(("file", "number"), [("features.db", 2), ("predictions.db", 8)])
def test_why_events_were_not_taken_is_in_the_servers_log(client, folder, file, number):
    """Planted: another process holds the store or the log for longer than a write waits; later the same is taken."""
    predict(client, number)
    before = locked(folder)
    other = sqlite3.connect(folder / "4_predictions" / file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    response = client.post("/events", json={"events": [arrival(number, 240, 1.0)]})
    other.execute("ROLLBACK")
    other.close()
    assert response.status_code == 503
    assert locked(folder) == before + 1
    assert post(client, [arrival(number, 240, 1.0)])["outcomes"] == 1


def locked(folder):
    """How often the servers' logs give a locked database as a reason."""
    return sum(path.read_text().count("database is locked") for path in folder.glob("server-*.log"))


def test_an_implausible_end_is_refused(client):
    """Planted: a sender whose clock is years ahead says that its events are complete."""
    response = client.post("/events", json={"events": [], "complete_until": "2199-01-01T00:00:00Z"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "complete_until"


def test_a_key_twice_in_an_event_is_refused(client):
    """As in every body."""
    raw = httpx.Request("POST", "http://x", json={"events": [arrival(7, 240, 7.0)]}).content
    response = client.post(
        "/events",
        content=raw.replace(b'"arrival_delay":7.0', b'"arrival_delay":1.0,"arrival_delay":7.0'),
        headers={"content-type": "application/json"},
    )
    assert response.status_code == 400


def test_the_routes_are_off_by_default(folder):
    """Nothing answers there, and no store is made."""
    with running(folder) as server:
        assert httpx.post(f"{server.url}/events", json={"events": []}).status_code == 404


def test_one_store_in_postgresql_serves_several_services(folder, request):
    """Events that one service took are the inputs of another's prediction."""
    if MISSING:
        pytest.skip(MISSING)
    url = request.getfixturevalue("database").url
    settings = {"PREDICT_BY_KEY": "1", "FEATURES_URL": url}
    with running(folder, **settings) as one, running(folder, **settings) as other:
        other.wait()
        with httpx.Client(base_url=one.url, timeout=30) as client:
            post(client, [WEATHER, timetable(70)], at(60))
            publish_to(FeatureStore(url))
        with httpx.Client(base_url=other.url, timeout=30) as client:
            answer = predict(client, 70)
    assert answer["views"]["timetable"] == {"state": "found", "age_minutes": 0}
    assert answer["tick"] == "2013-07-09T13:00Z"
