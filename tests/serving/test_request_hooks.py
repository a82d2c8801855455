"""Only a large request without names of the client's is logged as one row."""

from flights.batch import Batch
from flights.registry import Model
from serving.prediction_log import PredictionLog
from tests.serving.test_batch import FLIGHTS, asked


def test_small_requests_and_named_flights_have_their_rows_at_once(model: Model, log: PredictionLog):
    """One name of the client's is enough, and so is a request of few flights."""
    named = [*FLIGHTS[1:], FLIGHTS[0] | {"request_id": "named"}]
    for flights in (FLIGHTS[:19], named):
        rows = asked(model, log, flights)
        assert log.find(rows[0].request_id) == rows[0]
    assert isinstance(asked(model, log, FLIGHTS[:20]), Batch)
