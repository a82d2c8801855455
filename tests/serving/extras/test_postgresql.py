"""PostgreSQL keeps what was acknowledged, answers in time, and may restart or hang."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from flights.log_reader import engine, logged_prediction
from flights.registry import Model
from serving.log_connection import LogUnavailable
from serving.prediction_log import PredictionLog
from serving.refusal import Refused
from serving.request import example
from tests.declared import outcome
from tests.serving.postgres import MISSING, Postgres, postgres
from tests.serving.running import running
from tests.serving.test_prediction_log import prediction
from tests.serving.test_scorer import a_scorer, flight


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_postgresql_syncs_every_commit_and_answers_in_time(database: Postgres):
    """Whatever the server's own settings are; planted: one that acknowledges before it has written."""
    log = PredictionLog(database.url)
    log.cursor().execute("ALTER ROLE loop SET synchronous_commit = off")
    log._connection.commit()
    log.close()
    assert log.rows("SHOW synchronous_commit", ()) == [("on",)]
    assert log.rows("SHOW statement_timeout", ()) == [("5s",)]
    log.cursor().execute("ALTER ROLE loop RESET synchronous_commit")
    log._connection.commit()
    log.close()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_writer_and_readers_take_every_spelling(database: Postgres, scheme: str):
    """What the server's log writes, the monitor's reader finds, whatever the URL's scheme is called."""
    url = f"{scheme}://{database.url.partition('://')[2]}"
    log = PredictionLog(url)
    log.write([[prediction(f"by {scheme}")]])
    log.close()
    reader = engine(url)
    assert logged_prediction(reader, f"by {scheme}")
    reader.dispose()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_restarted_postgresql_costs_no_acknowledged_row(database: Postgres):
    """A lost connection is made again; while the database is down nothing is acknowledged."""
    log = PredictionLog(database.url)
    log.write([[prediction("before the restart")]])
    database.stop()
    with pytest.raises(LogUnavailable):
        log.write([[prediction("while it is down")]])
    assert not log.check()
    database.start()
    assert log.check()
    log.write([[prediction("after the restart")]])
    assert log.find("before the restart")
    assert log.find("while it is down") is None
    log.close()


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_database_that_stops_answering_is_left_for_a_new_connection(model: Model, monkeypatch: pytest.MonkeyPatch):
    """Planted: PostgreSQL's process of the log's connection is stopped under it. One request is refused; the log's
    thread is freed from what hangs, and the next request is answered over another connection."""

    async def ask(log: PredictionLog):
        scorer = a_scorer(model, log)
        await scorer.predictions([flight()])
        ((process,),) = await scorer.log_thread.run(log.rows, "SELECT pg_backend_pid()")
        os.kill(process, signal.SIGSTOP)
        try:
            monkeypatch.setattr("serving.prediction_log.LOG_SECONDS", 0.5)
            with pytest.raises(Refused):
                await scorer.predictions([flight()])
            monkeypatch.setattr("serving.prediction_log.LOG_SECONDS", 20)
            while not scorer.log_thread.hanging.done():
                await asyncio.sleep(0.01)
            assert len(await scorer.predictions([flight(request_id="after")])) == 1
        finally:
            os.kill(process, signal.SIGCONT)
        assert await scorer.log_thread.run(log.find, "after")
        scorer.log_thread.executor.shutdown()

    with postgres() as database:
        log = PredictionLog(database.url)
        asyncio.run(asyncio.wait_for(ask(log), 60))
        log.close()


@pytest.mark.heavy
def test_a_database_that_takes_connections_and_never_answers_refuses(data_dir: Path, model: Model):
    """Planted: a port that somebody listens on, and nobody speaks. Alive, not ready, and predictions get their 503."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://loop@127.0.0.1:{silent.getsockname()[1]}/postgres"
        with running(data_dir, PREDICTIONS_URL=url) as server:
            for path, body in (("/predict", example()), ("/outcomes", {"outcomes": [outcome("landed")]})):
                refused = httpx.post(server.url + path, json=body, timeout=30)
                assert refused.status_code == 503
                assert refused.headers["retry-after"] == "1"
            assert httpx.get(f"{server.url}/health/ready", timeout=30).status_code == 503
            assert httpx.get(f"{server.url}/health/live", timeout=1).status_code == 200
