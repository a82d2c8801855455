"""What the client gets is what the log has."""

from flights.predictions import Prediction
from serving.answer import answer


def test_an_answer_says_what_the_log_says():
    """A row that comes back from SQLite, which keeps truth as a number, answers like a fresh one."""
    row = Prediction("a", "now", "then", "{}", 0.5, True, 0.3, 4, "digest", "champion", 10)
    assert answer(row) == answer(row._replace(alert=1))
    assert answer(row).model_dump() == {
        "request_id": "a",
        "probability": 0.5,
        "alert": True,
        "threshold": 0.3,
        "model_version": 4,
        "served_by": "champion",
    }
