"""The service follows the champion that the registry names, and a refused one changes nothing."""

import logging
import time
from pathlib import Path

import pytest

from flights.config import NAME
from flights.registry import model_folder, rollback
from serving.active import Active
from tests.serving.published import publish_champion


@pytest.mark.ml_test_score("I7")
def test_a_promotion_and_a_rollback_are_followed(tmp_path: Path):
    """No champion, the first, the next, and back again."""
    active = Active(tmp_path)
    active.follow()
    assert active.model is None
    assert "make train" in active.why_not()
    for version in (1, 2):
        publish_champion(tmp_path, version, seed=version)
        active.follow()
        assert active.model is not None
        assert active.model.version == version
    rollback(tmp_path)
    active.follow()
    assert active.model.version == 1


def test_an_altered_champion_does_not_answer(tmp_path: Path):
    """A flipped byte is refused with its reason; the champion before goes on, and a sound one takes over again."""
    publish_champion(tmp_path, 1, seed=1)
    active = Active(tmp_path)
    active.follow()
    publish_champion(tmp_path, 2, seed=2)
    file = model_folder(tmp_path, 2) / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    active.follow()
    assert active.model is not None
    assert active.model.version == 1
    assert "altered" in active.refused
    publish_champion(tmp_path, 3, seed=3)
    active.follow()
    assert (active.model.version, active.refused) == (3, "")


def test_a_server_that_starts_with_an_altered_champion_says_why(tmp_path: Path):
    """Nothing answers, and the reason is there to read."""
    publish_champion(tmp_path, 1, seed=1)
    (model_folder(tmp_path, 1) / "encodings.json").unlink()
    active = Active(tmp_path)
    active.follow()
    assert active.model is None
    assert "missing" in active.why_not()


def test_a_champion_whose_folder_comes_back_answers(tmp_path: Path):
    """Planted: its folder is not mounted yet. Nobody promotes anything: the service looks again by itself."""
    folder = publish_champion(tmp_path, 1, seed=1).folder
    folder.rename(tmp_path / "elsewhere")
    active = Active(tmp_path, 0.1)
    active.follow(trial=False)
    assert (active.model, active.refused) == (None, active.why_not())
    (tmp_path / "elsewhere").rename(folder)
    active.follow()
    assert active.model is None  # it is not time yet
    time.sleep(0.1)
    active.follow()
    assert active.model is not None
    assert active.refused == ""


def test_a_refused_champion_is_looked_at_ever_more_rarely(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A broken one is tried after 0.1, 0.2 and 0.4 seconds, not in every turn; who asks for a look gets one."""
    (publish_champion(tmp_path, 1, seed=1).folder / "encodings.json").unlink()
    active = Active(tmp_path, 0.1)
    with caplog.at_level(logging.ERROR, "serving"):
        end = time.monotonic() + 1
        while time.monotonic() < end:
            active.follow(trial=False)
            time.sleep(0.01)
        assert 2 <= len(caplog.records) <= 4
        before = len(caplog.records)
        active.look_again()
        active.follow(trial=False)
        assert len(caplog.records) == before + 1


@pytest.mark.parametrize("damage", ["", "[]", '{"sequence": 2}', "\udcff"])
def test_an_unreadable_history_is_a_refusal(tmp_path: Path, damage: str):
    """Planted: an entry cut short, of another shape, no text. Who answers goes on, and a start says what is wrong."""
    publish_champion(tmp_path, 1, seed=1)
    active = Active(tmp_path)
    active.follow(trial=False)
    entry = tmp_path / NAME / "history" / "000002.json"
    entry.write_text(damage, errors="surrogateescape")
    for each in (active, Active(tmp_path)):
        each.follow(trial=False)
        assert "000002.json: expected a promotion or rollback" in each.refused
    assert active.model is not None
    entry.unlink()
    active.follow(trial=False)
    assert active.refused == ""
