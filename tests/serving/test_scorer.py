"""Everything waiting is one batch, and one request's trouble is nobody else's."""

import asyncio
import json
from pathlib import Path

import pytest

from flights.registry import Model
from serving.champion_holder import ChampionHolder
from serving.prediction_log import PredictionLog
from serving.refusal import Refused
from serving.request import Flight, example
from serving.scorer import Scorer
from tests.declared import NUMBER, other

POISON = other(NUMBER)  # the value at which the broken model breaks
POISONED = {NUMBER.name: POISON}


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
    holder = ChampionHolder(Path("nowhere"))
    holder.model = model
    scorer = Scorer(holder, log, max_waiting_rows)
    scorer.scoring.pseudonymize = lambda subject: f"p{len(subject)}-{subject[::-1]}"
    return scorer


def all_at_once(scorer: Scorer, requests: list[list[Flight]]):
    async def ask():
        return await asyncio.gather(*[one(flights) for flights in requests], return_exceptions=True)

    async def one(flights: list[Flight]):
        scorer.check_capacity(len(flights))
        return await scorer.predictions(flights)

    answers = asyncio.run(ask())
    scorer.log_thread.executor.shutdown()
    return answers


def test_what_waits_together_is_committed_together(model: Model, log: Counted):
    """A hundred requests that wait at once need one commit, and each gets its own flights' answers in order."""
    requests = [[flight(request_id=f"{n}-{place}") for place in range(n % 3 + 1)] for n in range(100)]
    answers = all_at_once(a_scorer(model, log), requests)
    assert [[row.request_id for row in rows] for rows in answers] == [
        [one.request_id for one in flights] for flights in requests
    ]
    assert log.commits == [100]


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
        scorer.log_thread.executor.shutdown()
        return [*answers, again]

    cancelled, *answers = asyncio.run(ask())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert [len(rows) for rows in answers] == [1] * 5


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
