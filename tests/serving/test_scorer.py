"""Everything waiting is one batch, and one request's trouble is nobody else's."""

import asyncio
import dataclasses
import json
import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from flights import heuristic
from flights.privacy import pseudonym
from flights.registry import Model
from serving.active import Active
from serving.metrics import Metrics
from serving.prediction_log import LogUnavailable, PredictionLog
from serving.refusal import Refused
from serving.request import Flight, example
from serving.scorer import Scorer, new_request_ids
from tests.serving.postgres import MISSING, postgres

POISON = 6000.0  # the distance at which the broken model breaks


class Counted(PredictionLog):
    """The real log, which says how many requests each commit had."""

    commits: list[int]

    def write(self, requests):
        self.commits.append(len(requests))
        return super().write(requests)


def flight(**change) -> Flight:
    return Flight.model_validate_json(json.dumps(example() | change))


@pytest.fixture
def log(tmp_path: Path):
    opened = Counted(f"sqlite:///{tmp_path}/predictions.db")
    opened.commits = []
    yield opened
    opened.close()


def a_scorer(model: Model | None, log: PredictionLog, max_waiting_rows: int = 1000) -> Scorer:
    active = Active(Path("nowhere"))
    active.model = model
    return Scorer(active, log, Metrics(), max_waiting_rows, pseudonym(b"a test's key"))


def all_at_once(scorer: Scorer, requests: list[list[Flight]]):
    async def ask():
        return await asyncio.gather(*[scorer.predictions(flights) for flights in requests], return_exceptions=True)

    answers = asyncio.run(ask())
    scorer.thread.shutdown()
    return answers


def test_what_waits_together_is_committed_together(model: Model, log: Counted):
    """A hundred requests that wait at once need one commit, and each gets its own flights' answers in order."""
    requests = [[flight(request_id=f"{n}-{place}") for place in range(n % 3 + 1)] for n in range(100)]
    answers = all_at_once(a_scorer(model, log), requests)
    assert [[row.request_id for row in rows] for rows in answers] == [
        [one.request_id for one in flights] for flights in requests
    ]
    assert log.commits == [100]


@pytest.mark.exhibit
@pytest.mark.ml_test_score(
    "O5",
    injects="A model that raises or answers NaN for one row still answers all others, and logs nothing for that one",
)
def test_a_row_that_breaks_the_model_breaks_no_other_request(model: Model, log: Counted):
    """A model that raises or answers NaN for one row still answers all others, and logs nothing for that one."""

    def broken(columns):
        if (columns["distance"] == POISON).any() and len(columns["distance"]) > 1:
            raise RuntimeError("planted")
        return np.where(columns["distance"] == POISON, np.nan, model.score(columns))

    requests = [[flight(request_id="a")], [flight(request_id="poison", distance=POISON)], [flight(request_id="b")]]
    first, refused, last = all_at_once(a_scorer(dataclasses.replace(model, score=broken), log), requests)
    assert (first[0].request_id, last[0].request_id) == ("a", "b")
    assert isinstance(refused, Refused)
    assert refused.status == 503
    assert log.find("poison") is None


@pytest.mark.exhibit
def test_a_stand_in_answers_the_request_on_which_the_model_fails(model: Model, log: Counted):
    """Marked as such, in the log too, and only that one; where both fail the request is refused."""

    def nan(columns):
        return np.where(columns["distance"] == POISON, np.nan, model.score(columns))

    requests = [[flight(request_id="sound")], [flight(request_id="poison", distance=POISON), flight()]]
    scorer = a_scorer(dataclasses.replace(model, score=nan), log)
    scorer._active.stand_in = heuristic.load(model.folder)
    sound, poison = all_at_once(scorer, requests)
    assert [row.served_by for row in sound + poison] == ["champion", "heuristic", "heuristic"]
    assert log.find("poison").served_by == "heuristic"
    scorer = a_scorer(dataclasses.replace(model, score=nan), log)
    scorer._active.stand_in = dataclasses.replace(model, score=nan)
    (refused,) = all_at_once(scorer, requests[1:])
    assert refused.status == 503


@pytest.mark.parametrize(
    "planted",
    [
        lambda p: np.full(len(p), 1.5),
        lambda p: p - 1,
        lambda p: np.append(p, 0.5),
        lambda p: p[:-1],
        lambda p: p[:, None],
    ],
    ids=["above 1", "below 0", "one too many", "one too few", "a column"],
)
def test_what_is_no_probability_for_each_row_is_neither_logged_nor_answered(model: Model, log: Counted, planted):
    """Planted: a model that answers 1.5, -0.7, or not as many numbers as it was asked for."""
    broken = dataclasses.replace(model, score=lambda columns: planted(model.score(columns)))
    answers = all_at_once(a_scorer(broken, log), [[flight(request_id="a")], [flight(request_id="b"), flight()]])
    assert [(type(answer), answer.status) for answer in answers] == [(Refused, 503)] * 2
    assert log.find("a") is None
    assert log.find("b") is None


def test_a_request_that_nobody_waits_for_harms_no_other(model: Model, log: Counted):
    """Planted: one of a batch's requests is cancelled while the batch is under way. The others get their answers."""

    async def ask():
        scorer = a_scorer(model, log)
        asked = [asyncio.create_task(scorer.predictions([flight()])) for _ in range(5)]
        while not scorer._committing:
            await asyncio.sleep(0)
        asked[0].cancel()
        answers = await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), 10)
        again = await asyncio.wait_for(scorer.predictions([flight()]), 10)
        scorer.thread.shutdown()
        return [*answers, again]

    cancelled, *answers = asyncio.run(ask())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert [len(rows) for rows in answers] == [1] * 5


def test_a_log_that_hangs_is_waited_for_only_so_long(model: Model, log: Counted, monkeypatch: pytest.MonkeyPatch):
    """Planted: work that does not end. Who waits for it, and who comes after, is refused; when it ends all is well."""
    monkeypatch.setattr("serving.scorer.LOG_SECONDS", 0.1)
    goes_on = threading.Event()

    async def ask():
        scorer = a_scorer(model, log)
        hangs = asyncio.create_task(scorer.in_log(goes_on.wait))
        refused = [await asyncio.gather(scorer.predictions([flight()]), return_exceptions=True) for _ in range(2)]
        assert not log.available
        with pytest.raises(LogUnavailable, match="not answered"):
            await hangs
        goes_on.set()
        monkeypatch.setattr("serving.scorer.LOG_SECONDS", 20)
        while not scorer._hanging.done():
            await asyncio.sleep(0.01)
        answered = await scorer.predictions([flight()])
        scorer.thread.shutdown()
        return [answer.status for (answer,) in refused], len(answered)

    assert asyncio.run(ask()) == ([503, 503], 1)
    assert log.available


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_database_that_stops_answering_is_left_for_a_new_connection(model: Model, monkeypatch: pytest.MonkeyPatch):
    """Planted: PostgreSQL's process of the log's connection is stopped under it. One request is refused; the log's
    thread is freed from what hangs, and the next request is answered over another connection."""

    async def ask(log: PredictionLog):
        scorer = a_scorer(model, log)
        await scorer.predictions([flight()])
        ((process,),) = await scorer.in_log(log._rows, "SELECT pg_backend_pid()", ())
        os.kill(process, signal.SIGSTOP)
        try:
            monkeypatch.setattr("serving.scorer.LOG_SECONDS", 0.5)
            with pytest.raises(Refused):
                await scorer.predictions([flight()])
            monkeypatch.setattr("serving.scorer.LOG_SECONDS", 20)
            while not scorer._hanging.done():
                await asyncio.sleep(0.01)
            assert len(await scorer.predictions([flight(request_id="after")])) == 1
        finally:
            os.kill(process, signal.SIGCONT)
        assert await scorer.in_log(log.find, "after")
        scorer.thread.shutdown()

    with postgres() as database:
        log = PredictionLog(database.url)
        asyncio.run(asyncio.wait_for(ask(log), 60))
        log.close()


def test_too_many_waiting_rows_are_refused_at_once(model: Model, log: Counted):
    """Excess is told to come back, and what was taken is answered."""
    answers = all_at_once(a_scorer(model, log, max_waiting_rows=10), [[flight()] for _ in range(30)])
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == 20
    assert {(one.status, one.retry_after) for one in refused} == {(503, 1)}


def test_a_request_larger_than_the_limit_is_answered_when_nothing_waits(model: Model, log: Counted):
    """The limit is on waiting, not on the size of a batch."""
    (rows,) = all_at_once(a_scorer(model, log, max_waiting_rows=2), [[flight() for _ in range(5)]])
    assert len(rows) == 5


def test_without_a_model_the_command_is_named(log: Counted):
    """The refusal says what to run."""
    (refused,) = all_at_once(a_scorer(None, log), [[flight()]])
    assert refused.status == 503
    assert "make train" in refused.detail


def test_request_ids_sort_by_time_and_differ():
    """Names made by the service never repeat and stand in the order of the commits that they were made for."""
    commits = [new_request_ids(count) for count in (1, 2, 300)]
    names = [name for commit in commits for name in commit]
    assert len(set(names)) == 303
    assert {len(name) for name in names} == {32}
    assert [min(commit)[:16] for commit in commits] == sorted({name[:16] for name in names})
