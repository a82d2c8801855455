"""Nobody waits forever for the log."""

# ruff: noqa: F811 - fixtures
import asyncio
import threading

import pytest

from flights.registry import Model
from serving.log_connection import LogUnavailable
from tests.serving.test_scorer import Counted, a_scorer, flight, log  # noqa: F401


def test_a_log_that_hangs_is_waited_for_only_so_long(model: Model, log: Counted, monkeypatch: pytest.MonkeyPatch):
    """Planted: work that does not end. Who waits for it, and who comes after, is refused; when it ends all is well."""
    monkeypatch.setattr("serving.prediction_log.LOG_SECONDS", 0.1)
    goes_on = threading.Event()

    async def ask():
        scorer = a_scorer(model, log)
        hangs = asyncio.create_task(scorer.log_thread.run(goes_on.wait))
        refused = [await asyncio.gather(scorer.predictions([flight()]), return_exceptions=True) for _ in range(2)]
        assert not log.available
        with pytest.raises(LogUnavailable, match="not answered"):
            await hangs
        goes_on.set()
        monkeypatch.setattr("serving.prediction_log.LOG_SECONDS", 20)
        while not scorer.log_thread.hanging.done():
            await asyncio.sleep(0.01)
        answered = await scorer.predictions([flight()])
        scorer.log_thread.executor.shutdown()
        return [answer.status for (answer,) in refused], len(answered)

    assert asyncio.run(ask()) == ([503, 503], 1)
    assert log.available
