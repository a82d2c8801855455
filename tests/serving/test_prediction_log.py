"""The log keeps what it acknowledged, once, in SQLite and in PostgreSQL, and recovers by itself."""

import pytest

from flights.dataset import OUTCOME
from flights.log_reader import counted_outcomes, engine, logged_predictions
from flights.predictions import Outcome, Prediction
from serving.prediction_log import Conflict, PredictionLog

NOW = "2013-11-01T08:00:00.000000Z"


def prediction(name: str, carrier: str = "UA") -> Prediction:
    return Prediction(name, NOW, NOW, f'{{"carrier":"{carrier}"}}', 0.25, False, 0.3, 1, "ab", "champion", 900)


def test_what_was_written_is_read_by_the_monitor(log: PredictionLog):
    """The server's rows come back through the library's reader, once each."""
    names = [f"read-{number}" for number in range(200)]
    log.write([[prediction(name)] for name in names])
    reader = engine(log.url)
    rows = logged_predictions(reader).set_index("request_id")
    reader.dispose()
    assert set(names) <= set(rows.index)
    assert rows.loc["read-0", "probability"] == 0.25
    assert log.find("read-7") == prediction("read-7")


def test_a_repeated_request_gets_its_first_answer_and_a_taken_name_is_a_conflict(log: PredictionLog):
    """Within a commit and across commits; what shares the commit is not harmed, and of a conflict nothing is kept."""
    first = prediction("again")
    log.write([[first]])
    later = first._replace(probability=0.9, model_version=2)
    answers = log.write([[prediction("other")], [later], [prediction("part"), prediction("again", "AA")], [later]])
    assert answers[0] == [prediction("other")]
    assert answers[1] == answers[3] == [first]
    assert isinstance(answers[2], Conflict)
    assert log.find("part") is None
    assert isinstance(log.write([[prediction("twice"), prediction("twice", "AA")]])[0], Conflict)
    assert log.write([[prediction("same"), prediction("same")]]) == [[prediction("same")] * 2]


def test_outcomes_are_kept_in_every_version_and_counted_once(log: PredictionLog):
    """Word for word repeats are told apart from new knowledge, and unknown predictions are counted."""
    log.write([[prediction("landed")]])
    early = Outcome("landed", "2013-11-01T14:00:00.000000Z", 20.0, NOW)
    late = early._replace(known_at="2013-11-01T15:00:00.000000Z", value=25.0)
    assert log.write_outcomes([late, early, early._replace(request_id="nobody")]) == (0, 1)
    assert log.write_outcomes([early, late]) == (2, 0)
    reader = engine(log.url)
    counted = counted_outcomes(reader).set_index("request_id")
    reader.dispose()
    assert counted.loc["landed", OUTCOME] == 25.0
    assert (counted.index == "landed").sum() == 1


def test_an_outcome_that_comes_twice_in_one_request_is_kept_once(log: PredictionLog):
    """Received at two moments, as each is written: the second is counted as repeated, a missing value too."""
    first = Outcome("doubled", "2013-11-01T14:00:00.000000Z", 20.0, NOW)
    none = first._replace(value=None)
    twice = [first, none, first._replace(received_at="later"), none._replace(received_at="later")]
    assert log.write_outcomes(twice) == (2, 2)
    assert len(log.rows("SELECT * FROM outcomes WHERE request_id = ?", ("doubled",))) == 2
    assert log.write_outcomes(twice) == (4, 0)


def versions(count: int, kind: str) -> list[Outcome]:
    """Many outcomes of one ID, each new."""
    at = [f"2013-11-01T14:{number // 60:02}:{number % 60:02}.000000Z" for number in range(3600)]
    if kind == "moments":
        return [Outcome("many", at[number % 3600], float(number // 3600), NOW) for number in range(count)]
    if kind == "values":
        return [Outcome("many", at[0], float(number), NOW) for number in range(count)]
    return [
        Outcome("many", at[number % 3600], None if number < 3600 else float(number), NOW) for number in range(count)
    ]


@pytest.mark.parametrize("kind", ["moments", "values", "missing values"])
@pytest.mark.parametrize("log", ["sqlite"], indirect=True)
def test_one_id_with_many_outcomes_costs_no_more_than_many_ids(log: PredictionLog, kind: str):
    """Injected: 20,000 versions of one ID's outcome. The next thousand take as many steps of SQLite as the first."""
    all_of_them = versions(20_000, kind)
    steps = []
    for first in range(0, len(all_of_them), 1000):
        log.cursor()
        count = [0]
        log._connection.set_progress_handler(lambda count=count: count.__setitem__(0, count[0] + 1), 100)
        assert log.write_outcomes(all_of_them[first : first + 1000]) == (0, 1000)
        steps.append(count[0])
    assert steps[-1] < 2 * steps[0]
    assert log.write_outcomes(all_of_them[-1000:]) == (1000, 0)
