"""What runs next to the champion is a history that two writers cannot both continue."""

from pathlib import Path

import pytest

from flights.config import NAME
from flights.registry import ModelRefused, model_folder, promote, rollback
from serving.extras.shadow.history import ABORT, WITHDRAW, ChallengeRefused, challenge, challenges, end, latest
from tests.serving.published import publish, publish_champion


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """A champion and a version next to it."""
    publish_champion(tmp_path, 1, seed=1)
    publish(tmp_path, 2, seed=2)
    return tmp_path


def test_a_challenge_starts_changes_and_ends(models_dir: Path):
    """Every step is an entry, and the newest one counts."""
    assert latest(models_dir) is None
    challenge(models_dir, 2, 0.0)
    canary = challenge(models_dir, 2, 0.1)
    assert latest(models_dir) == canary
    assert canary.runs
    end(models_dir, canary, WITHDRAW, "seen enough")
    assert not latest(models_dir).runs
    assert [entry.action for entry in challenges(models_dir)] == ["shadow", "canary", "withdraw"]
    assert [entry.sequence for entry in challenges(models_dir)] == [1, 2, 3]


def test_of_two_writers_one_wins(models_dir: Path):
    """Two servers that abort the same challenge: one entry, and the other is told."""
    running = challenge(models_dir, 2, 0.1)
    end(models_dir, running, ABORT, "slow")
    with pytest.raises(ChallengeRefused, match="another process"):
        end(models_dir, running, ABORT, "error")
    assert latest(models_dir).reason == "slow"


@pytest.mark.parametrize(("version", "share", "message"), [(1, 0.1, "champion already"), (2, 1.1, "from 0 to 1")])
def test_what_makes_no_sense_is_refused(models_dir: Path, version: int, share: float, message: str):
    """The champion next to itself, or more than everything."""
    with pytest.raises(ChallengeRefused, match=message):
        challenge(models_dir, version, share)
    assert challenges(models_dir) == []


def test_what_the_gate_refused_may_be_seen_but_not_answer(models_dir: Path):
    """As shadow it runs, as canary it does not."""
    publish(models_dir, 3, seed=3, passed=False)
    with pytest.raises(ChallengeRefused, match="did not pass version 3"):
        challenge(models_dir, 3, 0.1)
    assert challenge(models_dir, 3, 0.0).runs


def test_a_version_that_does_not_verify_is_refused(models_dir: Path):
    """Before anybody runs it."""
    (model_folder(models_dir, 2) / "encodings.json").unlink()
    with pytest.raises(ModelRefused, match="missing"):
        challenge(models_dir, 2, 0.0)


def test_a_promotion_ends_a_challenge_for_good(models_dir: Path):
    """While it is champion and after a rollback; another version's promotion ends nothing; nobody writes for it."""
    publish(models_dir, 3, seed=3)
    challenge(models_dir, 2, 0.1)
    promote(models_dir, 3, expected=1)
    assert latest(models_dir).runs
    promote(models_dir, 2, expected=3)
    rollback(models_dir)
    assert (latest(models_dir).action, latest(models_dir).reason) == (WITHDRAW, "it was promoted")
    assert len(challenges(models_dir)) == 1
    assert challenge(models_dir, 2, 0.1).sequence == 2
    assert latest(models_dir).runs


def test_an_unreadable_entry_is_refused_in_words(models_dir: Path):
    """Planted: one cut short."""
    challenge(models_dir, 2, 0.1)
    (models_dir / NAME / "challenges" / "000001.json").write_text("{")
    with pytest.raises(ChallengeRefused, match=r"000001.json: expected a challenge"):
        latest(models_dir)
