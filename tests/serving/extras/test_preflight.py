"""A candidate that hangs, crashes or was altered is found out in a process that nobody depends on."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from flights.registry import ModelRefused
from serving.champion_holder import ChampionHolder
from serving.extras import preflight
from serving.request import example
from tests.serving.published import crashing, endless, features, publish, publish_as_champion, publish_champion
from tests.serving.running import running


def test_a_good_candidate_passes_its_trial(tmp_path: Path):
    """Nothing is raised, and nothing changes."""
    publish(tmp_path, 1, seed=1)
    preflight.check_in_child(tmp_path, 1)


def test_a_candidate_that_never_ends_is_refused(tmp_path: Path):
    """A model in an endless loop is given up after its time."""
    publish_champion(tmp_path, 1, seed=1)
    publish_as_champion(tmp_path, 2, endless(features(tmp_path, 1)))
    with pytest.raises(ModelRefused, match="did not end"):
        preflight.check_in_child(tmp_path, 2, seconds=5)


def test_a_candidate_that_needs_too_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The trial's memory is limited: what does not fit ends there, with the process's own last words."""
    publish(tmp_path, 1, seed=1)
    limited = (
        "import sys, serving.extras.preflight as p; p.PREFLIGHT_BYTES = 150_000_000;"
        "p.load_limited(sys.argv[1], int(sys.argv[2]))"
    )
    run = preflight.subprocess.run
    monkeypatch.setattr(
        preflight.subprocess,
        "run",
        lambda command, **options: run([command[0], "-c", limited, *command[3:]], **options),
    )
    with pytest.raises(ModelRefused, match="its preflight ended with"):
        preflight.check_in_child(tmp_path, 1)


@pytest.mark.parametrize("kind", ["no model at all", "native crash"])
def test_a_server_goes_on_while_its_new_champion_fails_its_trial(tmp_path: Path, kind: str):
    """Anyone who got past the gate, the old model answers on, and the readiness page says why the new one does not."""
    models_dir = tmp_path / "3_models"
    publish_champion(models_dir, 1, seed=1)
    with running(tmp_path) as server:
        server.wait()
        trees = crashing(features(models_dir, 1)) if kind == "native crash" else kind.encode()
        publish_as_champion(models_dir, 2, trees)
        for _ in range(1000):
            if refused := httpx.get(f"{server.url}/health/ready").json()["refused"]:
                break
            time.sleep(0.02)
        assert "its preflight ended with" in refused
        assert httpx.post(f"{server.url}/predict", json=example()).json()["model_version"] == 1


def test_without_a_trial_a_native_crash_takes_the_server_with_it(tmp_path: Path):
    """The positive control: the same model, loaded in the process that answers, ends it by a signal."""
    publish_champion(tmp_path, 1, seed=1)
    publish_as_champion(tmp_path, 2, crashing(features(tmp_path, 1)))
    with pytest.raises(ModelRefused, match=f"its preflight ended with -{signal.SIGSEGV.value}"):
        preflight.check_in_child(tmp_path, 2)
    reckless = f"from pathlib import Path; from flights.registry import load; load(Path({str(tmp_path)!r}), 2)"
    done = subprocess.run([sys.executable, "-c", reckless], capture_output=True, check=False)
    assert done.returncode == -signal.SIGSEGV


def test_the_champion_survives_a_crash_in_the_preflight(tmp_path: Path):
    """A refused version leaves the model that answers in its place."""
    publish_champion(tmp_path, 1, seed=1)
    holder = ChampionHolder(tmp_path)
    holder.preflight = preflight.Preflight(tmp_path / "4_predictions")
    holder.follow()
    asyncio.run(holder.preflight.started())
    publish_as_champion(tmp_path, 2, b"")
    holder.follow()
    assert holder.model is not None
    assert holder.model.version == 1
    assert "preflight" in holder.rejected
