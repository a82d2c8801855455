"""The circle's conductor: it starts and stops a real server, and does what was decided, no more."""

import pandas as pd
import pytest

from extras.operations import loop
from flights import registry
from flights.config import Settings


def test_the_server_is_up_inside_and_gone_outside(a_copy):
    """A real service on a free port answers with the champion, and is stopped afterwards."""
    settings = Settings()
    with loop.server(settings) as port:
        assert loop.served(f"http://127.0.0.1:{port}/model")["version"] == registry.champion(a_copy / "3_models")
    assert loop.served(f"http://127.0.0.1:{port}/model") == {}
    assert (settings.reports_dir / "server.log").exists()


def test_a_server_that_never_answers_with_the_champion_ends_the_loop(a_copy, monkeypatch):
    """Planted: nobody listens. The loop says what it waited for."""
    monkeypatch.setattr(loop, "PATIENCE_SECONDS", 0.3)
    with pytest.raises(SystemExit, match="expected the service to answer with champion 1"):
        loop.wait_for_champion(Settings(), "9")


@pytest.mark.exhibit
def test_the_months_to_replay_are_the_live_ones(trained, monkeypatch):
    """What no training has seen: November and December."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    assert loop.live_months(Settings()) == ["2013-11", "2013-12"]


@pytest.mark.parametrize("action", ["ok", "watch", "fix the feed", "relabel", "ask a person"])
def test_what_a_machine_may_not_decide_is_left_to_people(a_copy, action):
    """Neither a fine month nor a broken feed starts a training."""
    assert list(loop.act_on(Settings(), action, pd.Timestamp("2013-12-01"))) == []
    assert registry.champion(a_copy / "3_models") == 1


@pytest.mark.ml_test_score("I3", injects="a target that does not exist; the loop names it")
def test_a_failing_target_ends_the_loop(monkeypatch, capsys):
    """Planted: a target that does not exist; the loop names it."""
    with pytest.raises(SystemExit, match="make no-such-target failed"):
        loop.make("no-such-target")
    loop.make("no-such-target", may_fail=True)
