"""Look-ups on the event loop find what the store's thread finds, whatever was written since the last one."""

import asyncio
import json
import random
import shutil
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from flights.extras.feature_store.tables import Value
from serving.extras import by_key
from serving.extras.by_key import local, routes
from serving.extras.by_key.answers import answer_json
from serving.extras.by_key.bodies import AnswerByKey
from serving.extras.by_key.local import LocalReader
from serving.extras.by_key.lookup import EPOCH, Found, find, parsed_request_id, view_states
from serving.extras.by_key.routes import ByKey
from serving.extras.by_key.store import FeatureStore
from serving.refusal import Refused

pytestmark = pytest.mark.exhibit


@pytest.fixture
def load(tmp_path):
    """A filled store, whose next tick can be published."""
    from extras.feature_store.load import KeyLoad

    return KeyLoad(tmp_path, 300)


@pytest.fixture
def reader(load, tmp_path):
    """A reader of it."""
    opened = LocalReader(f"sqlite:///{tmp_path}/4_predictions/features.db")
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def other(tmp_path):
    """Another process's connection."""
    opened = FeatureStore(f"sqlite:///{tmp_path}/4_predictions/features.db")
    yield opened
    opened.close()


def found(reader, keys, now=None):
    """What is read of some flights."""
    from extras.feature_store.load import DEPARTURE

    return reader.read(lambda store, known: find(store, keys, now or DEPARTURE, keys, known))


def test_what_another_process_writes_is_seen(reader, load, other):
    """A tick, a value, a correction of the schedule, an arrival, a deletion: each right after a look-up of the same."""
    (before,) = found(reader, load.keys[:1])
    load.next_tick()
    (after,) = found(reader, load.keys[:1])
    assert after.tick == before.tick + 1
    sql(other, "UPDATE feature_values SET content = REPLACE(content, '66.02', '11.5') WHERE view_name = 'weather'")
    assert (after.inputs["temperature"], found(reader, load.keys[:1])[0].inputs["temperature"]) == (66.02, 11.5)
    sql(other, "UPDATE feature_events SET happened = happened - 30 WHERE kind = 'timetable'")
    assert found(reader, load.keys[:1])[0].age_minutes == after.age_minutes - 30
    sql(other, "DELETE FROM feature_values WHERE view_name = 'timetable'")
    with pytest.raises(Refused, match="in no recent tick"):
        found(reader, load.keys[:1])


def test_a_store_that_was_emptied_and_filled_again_is_another_one(reader, load, other, tmp_path):
    """Planted: since the last look all rows were deleted, and more were added, with the same row IDs."""
    from extras.feature_store.load import KeyLoad

    before = found(reader, load.keys[:1])[0].inputs["temperature"]
    for table in ("events", "values"):
        sql(other, f"DELETE FROM feature_{table}")
    sql(other, "UPDATE feature_clock SET complete_until = 0, closed_until = 0, published_until = 0")
    KeyLoad(tmp_path, 400)
    sql(other, "UPDATE feature_events SET received_at = '2014-01-01T00:00:00.000000Z'")
    sql(other, "UPDATE feature_values SET content = REPLACE(content, '66.02', '11.5') WHERE view_name = 'weather'")
    assert (before, found(reader, load.keys[:1])[0].inputs["temperature"]) == (66.02, 11.5)


def test_an_old_tick_expires(reader, load, other):
    """Planted: the published tick goes back to before the values' maximum age; they were found just before."""
    assert set(found(reader, load.keys[:1])[0].states) == {"found"}
    sql(other, "UPDATE feature_values SET tick = tick - 200")
    sql(other, "UPDATE feature_clock SET published_until = published_until - 2")
    (old,) = found(reader, load.keys[:1])
    assert (old.states[0], set(old.states[1:]), old.age_minutes) == ("found", {"expired"}, 61)
    assert old.inputs["temperature"] is None


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_is_what_a_new_look_finds(reader, load, other, monkeypatch, seed):
    """Ticks, corrections that name another destination, arrivals, values that end, and moments before the last tick."""
    from extras.feature_store.load import DUE

    draw, tick = random.Random(seed), load._tick
    monkeypatch.setattr(local, "MAX_ADDED", 40)  # some ticks have more
    monkeypatch.setattr(local, "MAX_FLIGHTS", 60)

    def publish():
        nonlocal tick
        names = list(known) if (known := reader._known.parts) else []
        some = draw.sample(names, min(len(names), draw.choice((1, 5, 60))))
        values = {name: content(name) for name in some}
        tick += 1
        other.publish(tick - 1, tick, [Value(*name, tick, new) for name, new in values.items()])

    def content(name):
        (_, now), *_ = other.values_of([(*name, tick)])
        return draw.choice((now, None if name[0] != "timetable" else now, now and now.replace("66.02", "11.5")))

    def report(kind):
        key = draw.choice(load.keys[:40])
        row = other.versions("timetable", key)[-1]
        stamp = f"2013-11-01T01:{draw.randrange(60):02}:{draw.randrange(60):02}.{draw.randrange(1_000_000):06}Z"
        row = row._replace(kind=kind, known_at=stamp, happened=row.happened + draw.choice((0, 5)))
        other.add([row._replace(content=row.content.replace("QAB", "QAC")) if kind == "timetable" else row])

    kept = 0
    for _ in range(40):
        draw.choice((publish, publish, lambda: report("timetable"), lambda: report("arrival")))()
        keys, now = draw.sample(load.keys[:90], 30), EPOCH + timedelta(minutes=draw.randint(load._tick + 5, DUE + 10))
        before = dict(reader._known.parts)
        fresh = LocalReader(reader._store.url)
        fresh.open()
        seen = [found(each, keys, now) for each in (reader, fresh)]
        fresh.close()
        assert seen[0] == seen[1]
        assert [each.inputs for each in seen[0]] == [each.inputs for each in seen[1]]
        kept += sum(before.get(name) is part for name, part in reader._known.parts.items())
    assert kept > 100


@pytest.mark.parametrize(("old", "new", "field"), [("66.02", "1e9", "temperature"), ('"EWR"', '"XXX"', "origin")])
def test_what_the_contract_does_not_allow_is_named(reader, load, other, old, new, field):
    """Planted: a number out of range in a view that flights share, and an unknown category in one of their own."""
    sql(other, f"UPDATE feature_values SET content = REPLACE(content, '{old}', '{new}')")
    with pytest.raises(Refused, match="The feature store violates the contract") as refused:
        found(reader, load.keys[:3])
    assert (refused.value.status, [each.field for each in refused.value.errors]) == (503, [field])


def test_what_is_expired_may_be_wrong(reader, load, other):
    """Planted: an invalid temperature, which is too old to count."""
    sql(other, "UPDATE feature_values SET content = REPLACE(content, '66.02', '1e9'), tick = tick - 200")
    sql(other, "UPDATE feature_clock SET published_until = published_until - 2")
    (old,) = found(reader, load.keys[:1])
    assert (set(old.states[1:]), old.inputs["temperature"]) == ({"expired"}, None)


def test_a_tick_that_comes_while_changes_are_read_is_not_overlooked(reader, load, other, monkeypatch):
    """Planted: it is published right after the clock and the newest rows were read."""
    found(reader, load.keys[:1])
    other.add([])
    read, published = reader._store.rows, []

    def rows(query, parameters=()):
        answer = read(query, parameters)
        if "feature_clock" in query and not published:
            published.append(load._tick + 1)
            new = [
                value._replace(tick=load._tick + 1, content=value.content.replace("66.02", "11.5"))
                for value in load._shared
            ]
            assert other.publish(load._tick, load._tick + 1, new)
        return answer

    monkeypatch.setattr(reader._store, "rows", rows)
    found(reader, load.keys[:1])
    assert published
    (after,) = found(reader, load.keys[:1])
    assert (after.tick, after.inputs["temperature"]) == (load._tick + 1, 11.5)


@pytest.mark.parametrize("table", ["events", "values"])
def test_rows_that_replace_others_under_their_ids_are_seen(reader, load, other, table):
    """Planted: the table is emptied and filled with as many rows and more, and the clock moves."""
    before = found(reader, load.keys[:1])[0]
    columns = "kind, entity, known_at, event_time, content, happened - 5, counted_at, 'now'"
    if table == "values":
        columns = "view_name, entity, tick - 1, REPLACE(content, '66.02', '11.5')"
    sql(other, f"CREATE TABLE copy AS SELECT {columns} FROM feature_{table}", counts=False)
    sql(other, f"DELETE FROM feature_{table}")
    sql(other, f"INSERT INTO feature_{table} SELECT * FROM copy")
    sql(other, "UPDATE feature_clock SET complete_until = complete_until + 1")
    after = found(reader, load.keys[:1])[0]
    assert after != before


def sql(store, statement, *, counts=True):
    """Write something."""
    with store.transaction() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0 or not counts


def test_many_are_found_like_one(reader, load):
    """Alone, among others, and twice in the same request."""
    alone = [found(reader, [key])[0] for key in load.keys]
    assert found(reader, load.keys) == alone
    assert found(reader, [load.keys[3]] * 3) == [alone[3]] * 3


def test_a_replaced_file_is_left_to_the_thread(reader, load, tmp_path, monkeypatch):
    """Planted: the database is another file, or a statement fails; once it is opened again it is read."""
    monkeypatch.setattr("serving.extras.by_key.local.CHECK_SECONDS", 0)
    file = tmp_path / "4_predictions" / "features.db"
    shutil.copy(file, tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(file)
    assert found(reader, load.keys[:1]) is None
    reader.open()
    with pytest.raises(Refused):
        found(reader, ["unknown"])
    assert reader.read(lambda store, _: store.rows("SELECT nothing")) is None
    assert found(reader, load.keys[:1]) is None


def test_a_version_tells_of_what_came_meanwhile(reader, load, other):
    """An arrival that is posted between the look-up and the log's commit is not overlooked."""
    found(reader, load.keys[:1])
    version = reader.version
    assert not reader.has_changed(version)
    other.add([])
    assert reader.has_changed(version)
    found(reader, load.keys[:1])  # of another request
    assert reader.has_changed(version)
    other.close_ticks(5)
    found(reader, load.keys[:1])
    other.close_ticks(5)  # there is none to close
    assert not reader.has_changed(reader.version)
    reader.close()
    assert reader.has_changed(reader.version)


def test_all_of_one_commit_ask_once_what_changed(reader, load, other):
    """In the next turn of the event loop it is asked again."""
    found(reader, load.keys[:1])
    does, version = ByKey.__new__(ByKey), reader.version
    does._local, does._changed = reader, None

    async def ask():
        first = does._has_changed(version)
        other.add([])
        same = does._has_changed(version)
        await asyncio.sleep(0)
        return first, same, does._has_changed(version), does._has_changed(version - 1)

    assert asyncio.run(ask()) == (False, False, True, True)


def test_one_that_is_refused_harms_no_other(reader, load):
    """Three at the same time, one of them unknown: it alone is looked up again, and refused."""
    does = ByKey.__new__(ByKey)
    does._local, does._waiting = reader, []
    keys = [load.keys[0], "unknown", load.keys[1]]

    async def ask(keys):
        return await asyncio.gather(*(does._together(key, key) for key in keys))

    assert [some for some, _ in asyncio.run(ask(keys))] == [[], [], []]
    assert [some[0].key for some, _ in asyncio.run(ask(keys[::2]))] == keys[::2]


@pytest.mark.parametrize("state", ["found", "missing", "expired"])
def test_the_answer_is_written_as_its_model_is(state):
    """Small and large probabilities, each state, no age without values."""
    from flights.extras.feature_views.views import VIEWS
    from flights.predictions import Prediction

    states = ("found",) + (state,) * (len(VIEWS) - 1)
    tick = 23_000_000
    of = Found("k", "k:x", tick, 5, {}, states, [])
    for probability in (0.0, 1e-7, 0.1 + 0.2, 1.0):
        logged = Prediction("k:x", "", "", "", probability, probability >= 0.3, 0.3, 7, "digest")
        read = AnswerByKey.model_validate_json(answer_json(of, logged))
        assert (read.probability, read.alert, read.views) == (probability, probability >= 0.3, view_states(states, 5))
        assert json.loads(answer_json(of, logged)) == json.loads(read.model_dump_json())
        assert read.tick == f"{EPOCH.fromtimestamp(60 * tick, EPOCH.tzinfo):%Y-%m-%dT%H:%MZ}"


def test_a_look_up_by_the_thread_reads_arrivals_again(reader, load, other, monkeypatch):
    """Planted: while it waits for the thread, another request reads what came in between, and stores its version."""

    class Thread:
        async def run(self, work):
            result = work()
            other.add([])
            found(reader, load.keys[1:2])
            return result

    async def predictions(flights):
        return [None] * len(flights)

    seen = []
    monkeypatch.setattr(routes, "answer_json", lambda *_: "")
    does = ByKey.__new__(ByKey)
    does._has_changed = lambda version: seen.append(version) or False
    does._local, does._waiting, does._store, does._thread, does._handed_over = reader, [], other, Thread(), 0
    does._service = SimpleNamespace(scorer=SimpleNamespace(predictions=predictions))
    asyncio.run(does._answers(load.keys[:1], load.keys[:1]))  # on the event loop
    reader.close()
    asyncio.run(does._answers(load.keys[:1], load.keys[:1]))
    assert seen[0] != routes.UNKNOWN
    assert seen[1] == routes.UNKNOWN


@pytest.mark.parametrize("digits", ["20139999T9999Z", "20130230T0000Z", "20130101T2460Z", "00000101T0000Z"])
def test_digits_that_are_no_moment_name_no_tick(digits):
    """A client may choose such an ID for a prediction with all inputs: the board leaves it out."""
    assert parsed_request_id(f"2013-11-01-UA-523-EWR:{digits}") is None
    assert parsed_request_id("2013-11-01-UA-523-EWR:20131101T2355Z-5")[2] == 5


def test_a_personal_key_is_refused(monkeypatch):
    """The feature store keeps keys in the clear, and so would the log."""
    monkeypatch.setattr(by_key, "ROW_KEY", replace(by_key.ROW_KEY, personal=True))
    monkeypatch.setenv("PREDICT_BY_KEY", "1")
    with pytest.raises(SystemExit, match="PREDICT_BY_KEY=1: the key flight_id is personal"):
        by_key.plug_in(None)
