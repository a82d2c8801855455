"""Only probabilities are logged and answered, and one request's error is its own."""

# ruff: noqa: F811 - fixtures
import dataclasses

import numpy as np
import pytest

from flights import heuristic
from flights.registry import Model
from serving.refusal import Refused
from serving.scoring import new_request_ids
from tests.declared import NUMBER
from tests.serving.test_scorer import POISON, POISONED, Counted, a_scorer, all_at_once, flight, log  # noqa: F401


@pytest.mark.ml_test_score(
    "O5",
    injects="A model that raises or answers NaN for one row still answers all others, and logs nothing for that one",
)
def test_a_row_that_breaks_the_model_breaks_no_other_request(model: Model, log: Counted):
    """A model that raises or answers NaN for one row still answers all others, and logs nothing for that one."""

    def broken(columns):
        if (columns[NUMBER.name] == POISON).any() and len(columns[NUMBER.name]) > 1:
            raise RuntimeError("planted")
        return np.where(columns[NUMBER.name] == POISON, np.nan, model.score(columns))

    requests = [[flight(request_id="a")], [flight(request_id="poison", **POISONED)], [flight(request_id="b")]]
    first, refused, last = all_at_once(a_scorer(dataclasses.replace(model, score=broken), log), requests)
    assert (first[0].request_id, last[0].request_id) == ("a", "b")
    assert isinstance(refused, Refused)
    assert refused.status == 503
    assert log.find("poison") is None


def test_a_stand_in_answers_the_request_on_which_the_model_fails(model: Model, log: Counted):
    """Marked as such, in the log too, and only that one; where both fail the request is refused."""

    def nan(columns):
        return np.where(columns[NUMBER.name] == POISON, np.nan, model.score(columns))

    requests = [[flight(request_id="sound")], [flight(request_id="poison", **POISONED), flight()]]
    scorer = a_scorer(dataclasses.replace(model, score=nan), log)
    scorer.scoring._holder.fallback = heuristic.load(model.folder)
    sound, poison = all_at_once(scorer, requests)
    assert [row.served_by for row in sound + poison] == ["champion", "heuristic", "heuristic"]
    assert log.find("poison").served_by == "heuristic"
    scorer = a_scorer(dataclasses.replace(model, score=nan), log)
    scorer.scoring._holder.fallback = dataclasses.replace(model, score=nan)
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


def test_request_ids_sort_by_time_and_differ():
    """Names made by the service never repeat and stand in the order of the commits that they were made for."""
    commits = [new_request_ids(count) for count in (1, 2, 300)]
    names = [name for commit in commits for name in commit]
    assert len(set(names)) == 303
    assert {len(name) for name in names} == {32}
    assert [min(commit)[:16] for commit in commits] == sorted({name[:16] for name in names})
