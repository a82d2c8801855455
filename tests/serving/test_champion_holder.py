"""The service follows the champion that the registry names, and a refused one changes nothing."""

import errno
import logging
import os
import time
from pathlib import Path

import pytest

from flights.config import NAME
from flights.registry import model_folder, rollback
from serving.champion_holder import ChampionHolder
from tests.serving.published import publish_champion


@pytest.mark.ml_test_score("I7")
def test_a_promotion_and_a_rollback_are_followed(tmp_path: Path):
    """No champion, the first, the next, and back again."""
    holder = ChampionHolder(tmp_path)
    holder.follow()
    assert holder.model is None
    assert "make train" in holder.unavailable_reason()
    for version in (1, 2):
        publish_champion(tmp_path, version, seed=version)
        holder.follow()
        assert holder.model is not None
        assert holder.model.version == version
    rollback(tmp_path)
    holder.follow()
    assert holder.model.version == 1


def test_an_altered_champion_does_not_answer(tmp_path: Path):
    """A flipped byte is refused with its reason; the champion before goes on, and a sound one takes over again."""
    publish_champion(tmp_path, 1, seed=1)
    holder = ChampionHolder(tmp_path)
    holder.follow()
    publish_champion(tmp_path, 2, seed=2)
    file = model_folder(tmp_path, 2) / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    holder.follow()
    assert holder.model is not None
    assert holder.model.version == 1
    assert "altered" in holder.rejected
    publish_champion(tmp_path, 3, seed=3)
    holder.follow()
    assert (holder.model.version, holder.rejected) == (3, "")


def test_a_server_that_starts_with_an_altered_champion_says_why(tmp_path: Path):
    """Nothing answers, and the reason is there to read."""
    publish_champion(tmp_path, 1, seed=1)
    (model_folder(tmp_path, 1) / "encodings.json").unlink()
    holder = ChampionHolder(tmp_path)
    holder.follow()
    assert holder.model is None
    assert "missing" in holder.unavailable_reason()


def test_a_champion_whose_folder_comes_back_answers(tmp_path: Path):
    """Planted: its folder is not mounted yet. Nobody promotes anything: the service looks again by itself."""
    folder = publish_champion(tmp_path, 1, seed=1).folder
    folder.rename(tmp_path / "elsewhere")
    holder = ChampionHolder(tmp_path, 0.1)
    holder.follow()
    assert (holder.model, holder.rejected) == (None, holder.unavailable_reason())
    (tmp_path / "elsewhere").rename(folder)
    holder.follow()
    assert holder.model is None  # it is not time yet
    time.sleep(0.1)
    holder.follow()
    assert holder.model is not None
    assert holder.rejected == ""


def test_a_refused_champion_is_looked_at_ever_more_rarely(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """A broken one is tried after 0.1, 0.2 and 0.4 seconds, not in every turn; who asks for a look gets one."""
    (publish_champion(tmp_path, 1, seed=1).folder / "encodings.json").unlink()
    holder = ChampionHolder(tmp_path, 0.1)
    with caplog.at_level(logging.ERROR, "serving"):
        end = time.monotonic() + 1
        while time.monotonic() < end:
            holder.follow()
            time.sleep(0.01)
        assert 2 <= len(caplog.records) <= 4
        before = len(caplog.records)
        holder.retry_now()
        holder.follow()
        assert len(caplog.records) == before + 1


@pytest.mark.parametrize("damage", ["", "[]", '{"sequence": 2}', "\udcff"])
def test_an_unreadable_history_is_a_refusal(tmp_path: Path, damage: str):
    """Planted: an entry cut short, of another shape, no text. Who answers goes on, and a start says what is wrong."""
    publish_champion(tmp_path, 1, seed=1)
    holder = ChampionHolder(tmp_path)
    holder.follow()
    entry = tmp_path / NAME / "history" / "000002.json"
    entry.write_text(damage, errors="surrogateescape")
    for each in (holder, ChampionHolder(tmp_path)):
        each.follow()
        assert "000002.json: expected a promotion" in each.rejected
    assert holder.model is not None
    entry.unlink()
    holder.follow()
    assert holder.rejected == ""


@pytest.mark.parametrize("place", ["flights/history", "flights", ""])
def test_an_unreadable_registry_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    """Injected: the history, the models' folder and its parent cannot be read; when they can, the champion answers."""
    models_dir = tmp_path / "3_models"
    publish_champion(models_dir, 1, seed=1)
    hidden, listdir, stat = models_dir / place, os.listdir, Path.stat

    def denied(path: Path) -> bool:
        return hidden == path or (bool(place != "flights/history") and hidden in path.parents)

    def list_or_deny(path: Path) -> list[str]:
        if denied(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return listdir(path)

    def stat_or_deny(path: Path, **options: bool) -> os.stat_result:
        if denied(path) and path != hidden:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return stat(path, **options)

    holder = ChampionHolder(models_dir, 0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", list_or_deny)
        patch.setattr(Path, "stat", stat_or_deny)
        holder.follow()
        assert holder.model is None
        assert holder.unavailable_reason().startswith(
            f"cannot read {models_dir / 'flights/history'}: permission denied"
        )
    holder.follow()
    assert holder.model is not None
    assert holder.rejected == ""
