"""A second version runs next to the champion, and whatever is wrong with it costs nobody an answer."""

import asyncio
import dataclasses
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, generate_latest

from flights.config import Settings
from flights.dataset import EVENT_TIME, ROWS
from flights.registry import Model, model_folder, promote, rollback
from flights.rows import as_columns
from serving.champion_holder import ChampionHolder
from serving.extras.shadow import log as shadow_log
from serving.extras.shadow.history import ABORT, WITHDRAW, Challenge, challenge, end, is_chosen, latest
from serving.extras.shadow.scoring import SecondVersion
from serving.extras.shadow.scoring import Settings as Limits
from serving.prediction_log import PredictionLog
from serving.scorer import Scorer
from serving.service import Service
from tests.declared import NUMBER, other
from tests.serving.ledger import Ledger, Load, broken_promises
from tests.serving.published import naive, publish, publish_champion, random_flights
from tests.serving.running import Server, running
from tests.serving.test_scorer import flight

SHARE = 0.3
LOG = Path("4_predictions", "predictions.db")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Model, Model]:
    """A data folder with a champion and a second version that passed the gate."""
    folder = tmp_path_factory.mktemp("both")
    return folder, publish_champion(folder / "3_models", 1, seed=1), publish(folder / "3_models", 2, seed=2)


@pytest.fixture
def models_dir(both: tuple[Path, Model, Model], tmp_path: Path) -> Path:
    """A registry of its own with both versions and no challenge."""
    import shutil

    shutil.copytree(both[0] / "3_models", tmp_path / "3_models")
    return tmp_path / "3_models"


@pytest.fixture
def service(models_dir: Path) -> Iterator[Service]:
    """A service without its web."""
    settings = Settings(data_dir=models_dir.parent)
    holder, log = ChampionHolder(models_dir), PredictionLog(settings.log_url)
    log.tables += shadow_log.TABLES
    holder.follow()
    scorer = Scorer(holder, log, 1000)
    yield Service(FastAPI(), settings, holder, scorer, log)
    scorer.log_thread.executor.shutdown()
    log.close()


def asked(service: Service, rounds: int = 8) -> list:
    """Predictions for several batches, one after the other, until nothing runs next to the champion."""

    async def ask():
        answers = []
        for number in range(rounds):
            flights = [
                flight(request_id=f"{time.time_ns()}-{place}", **row)
                for place, row in enumerate(random_flights(4, seed=number))
            ]
            answers += await service.scorer.predictions(flights)
            await asyncio.sleep(0.02)  # the shadow's turn
            if service.scorer.shadow is None:
                break
        return answers

    return asyncio.run(ask())


def raises(_):
    raise RuntimeError("planted")


def sleeps(columns):
    time.sleep(0.5)
    return np.full(len(columns[EVENT_TIME]), 0.5)


def nan(columns):
    return np.full(len(columns[EVENT_TIME]), np.nan)


def beyond_one(columns):
    return np.full(len(columns[EVENT_TIME]), 1.5)


@pytest.mark.ml_test_score(
    "I6", injects="It raises, sleeps, or answers no probability: every answer is the champion's, and the reason is said"
)
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["shadow", "canary"])
@pytest.mark.parametrize(
    ("planted", "reason"),
    [(raises, "error"), (sleeps, "slow"), (nan, "no probability"), (beyond_one, "no probability")],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_challenger_that_fails_is_aborted_and_costs_no_answer(
    service: Service, models_dir: Path, share: float, planted: Callable, reason: str
):
    """It raises, sleeps, or answers no probability: every answer is the champion's, and the reason is said."""
    challenge(models_dir, 2, share)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    entry, model = challenger._running
    challenger._running = (entry, dataclasses.replace(model, score=planted))
    began = time.perf_counter()
    answers = asked(service, rounds=100)
    assert {(answer.model_version, answer.served_by) for answer in answers} == {(1, "champion")}
    assert time.perf_counter() - began < 4
    assert service.scorer.shadow is None
    assert reason in challenger.state()
    assert "challenger_aborted 1.0" in generate_latest(service.registry).decode()
    challenger.follow()
    assert latest(models_dir).action == ABORT
    assert reason in latest(models_dir).reason
    again = SecondVersion(dataclasses.replace(service, registry=CollectorRegistry()), Limits())  # as after a restart
    again.follow()
    assert (again._running, service.scorer.shadow) == (None, None)
    assert reason in again.state()


def test_a_sound_challenger_is_not_aborted(service: Service, models_dir: Path):
    """The same traffic and the same limits, and a model that works: it goes on answering."""
    challenge(models_dir, 2, 1.0)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    answers = asked(service)
    assert {(answer.model_version, answer.served_by) for answer in answers} == {(2, "canary")}
    assert challenger.state().startswith("version 2 as canary for 100.0%")
    assert 'challenger_batches_total{result="fine"} 8.0' in generate_latest(service.registry).decode()


def test_few_failures_among_many_batches_are_no_reason(service: Service, models_dir: Path):
    """Two errors are below the limit of three: the champion answered those, the canary all others."""
    challenge(models_dir, 2, 1.0)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    entry, model = challenger._running
    calls = []

    def twice(columns):
        calls.append(1)
        return raises(columns) if len(calls) <= 2 else model.score(columns)

    challenger._running = (entry, dataclasses.replace(model, score=twice))
    versions = [answer.model_version for answer in asked(service)]
    assert versions == [1] * 8 + [2] * 24


def test_an_abort_holds_where_it_cannot_be_written_down(service: Service, models_dir: Path):
    """With a registry that somebody else just wrote to, the newer entry counts; no failed challenger comes back."""
    entry = challenge(models_dir, 2, 1.0)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    challenger._running = (challenger._running[0], dataclasses.replace(challenger._running[1], score=nan))
    asked(service, rounds=1)
    end(models_dir, entry, WITHDRAW, "meanwhile")
    challenger.follow()
    assert latest(models_dir).action == WITHDRAW
    assert challenger._running is None


def test_a_flight_always_gets_the_same_version():
    """Whatever else changes about it; and the canary's share of many flights is its share."""
    entry = Challenge(1, "", "canary", 2, SHARE, "")
    flights = [flight(**row) for row in random_flights(2000, seed=6)]
    changed = {"request_id": "x", NUMBER.name: other(NUMBER)}
    chosen = [is_chosen(one, entry) for one in flights]
    later = [is_chosen(one.model_copy(update=changed), entry) for one in flights]
    assert chosen == later
    assert abs(np.mean(chosen) - SHARE) < 4 * np.sqrt(SHARE * (1 - SHARE) / len(flights))
    assert not any(is_chosen(one, dataclasses.replace(entry, share=0.0)) for one in flights)
    assert all(is_chosen(one, dataclasses.replace(entry, share=1.0)) for one in flights)
    third = [is_chosen(one, dataclasses.replace(entry, version=3)) for one in flights]
    assert third != chosen  # the next canary does not fall on the same flights


def test_a_challenger_whose_files_were_altered_is_refused(service: Service, models_dir: Path):
    """It never comes near a request, and readiness says why."""
    challenge(models_dir, 2, 0.5)
    file = model_folder(models_dir, 2) / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    assert service.scorer.shadow is None
    assert "altered" in challenger.state()


def test_a_promoted_challenger_is_beside_nobody(service: Service, models_dir: Path):
    """The new champion needs no canary of itself."""
    challenge(models_dir, 2, 0.5)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    assert service.scorer.shadow is challenger
    promote(models_dir, 2, expected=1)
    service.holder.follow()
    challenger.follow()
    assert service.scorer.shadow is None


def test_a_challenger_that_was_promoted_and_rolled_back_stays_away(service: Service, models_dir: Path):
    """Planted: a canary becomes champion, fails there and is rolled back. After a restart it answers nobody."""
    challenge(models_dir, 2, 1.0)
    promote(models_dir, 2, expected=1)
    rollback(models_dir)
    challenger = SecondVersion(service, Limits(challenger_seconds=0.2))
    challenger.follow()
    assert service.scorer.shadow is None
    assert challenger.state() == "version 2: withdraw it was promoted"
    challenge(models_dir, 2, 1.0)  # somebody wants it again
    challenger.follow()
    assert service.scorer.shadow is challenger


def wait_for(server: Server, state: str) -> None:
    for _ in range(1500):
        if state in (said := httpx.get(f"{server.url}/health/ready").json()["challenger"]):
            return
        time.sleep(0.02)
    raise AssertionError(f"expected {state}, got {said}")


def rows(folder: Path, query: str) -> list[tuple]:
    log = sqlite3.connect(folder / LOG)
    try:
        return log.execute(query).fetchall()
    finally:
        log.close()


@pytest.mark.ml_test_score("I6")
def test_a_running_server_follows_shadow_canary_and_the_end_of_it(
    both: tuple[Path, Model, Model], models_dir: Path, tmp_path: Path
):
    """As shadow it is in a table of its own and in no answer; as canary it answers its share; then nothing is left."""
    flights = [one | {"request_id": f"shadow-{number}"} for number, one in enumerate(random_flights(200, seed=3))]
    by_version = {model.version: model.score(as_columns([naive(one) for one in flights])) for model in both[1:]}
    with running(tmp_path, FOLLOW_SECONDS="0.05", CHALLENGER_SECONDS="5") as server:
        server.wait()
        challenge(models_dir, 2, 0.0)
        wait_for(server, "version 2 as shadow")
        answers = httpx.post(f"{server.url}/predict/batch", json={ROWS: flights}).json()["predictions"]
        assert {(one["model_version"], one["served_by"]) for one in answers} == {(1, "champion")}
        shadows = []
        for _ in range(500):
            shadows = rows(tmp_path, "SELECT request_id, probability FROM shadows WHERE model_version = 2")
            if shadows:
                break
            time.sleep(0.02)
        expected = {one["request_id"]: value for one, value in zip(flights, by_version[2], strict=True)}
        assert {name: pytest.approx(value, abs=1e-12) for name, value in shadows} == expected
        assert rows(tmp_path, "SELECT DISTINCT model_version FROM predictions") == [(1,)]

        challenge(models_dir, 2, SHARE)
        wait_for(server, "version 2 as canary for 30.0%")
        seen = []
        for turn in ("one", "two"):
            body = {ROWS: [one | {"request_id": f"{turn}-{place}"} for place, one in enumerate(flights)]}
            answers = httpx.post(f"{server.url}/predict/batch", json=body).json()["predictions"]
            seen.append([one["model_version"] for one in answers])
            for place, one in enumerate(answers):
                assert one["probability"] == pytest.approx(by_version[one["model_version"]][place], abs=1e-12)
                assert one["served_by"] == ("canary" if one["model_version"] == 2 else "champion")
        assert seen[0] == seen[1]
        assert 30 < seen[0].count(2) < 90
        logged = rows(tmp_path, "SELECT COUNT(*) FROM predictions WHERE served_by = 'canary' AND model_version = 2")
        assert logged == [(2 * seen[0].count(2),)]

        end(models_dir, latest(models_dir), WITHDRAW, "enough seen")
        wait_for(server, "withdraw enough seen")
        answers = httpx.post(f"{server.url}/predict/batch", json={ROWS: random_flights(50, seed=4)}).json()
        assert {one["model_version"] for one in answers["predictions"]} == {1}


@pytest.mark.heavy
def test_canaries_come_and_go_under_load_without_a_failed_request(
    both: tuple[Path, Model, Model], models_dir: Path, tmp_path: Path
):
    """Ten of them under 64 connections: every answer is in the log once, by the version that it names."""
    ledger = Ledger()
    with running(tmp_path, FOLLOW_SECONDS="0.05", CHALLENGER_SECONDS="5") as server:
        server.wait()
        with Load(server.url, 64, ledger, "canary", pause=0.05):
            for turn in range(10):
                challenge(models_dir, 2, 0.5)
                wait_for(server, "as canary")
                time.sleep(0.3)
                end(models_dir, latest(models_dir), WITHDRAW, f"turn {turn}")
                wait_for(server, f"withdraw turn {turn}")
    assert not ledger.failures
    assert set(ledger.versions.values()) == {1, 2}
    assert broken_promises(ledger, tmp_path / LOG, list(both[1:])) == []
