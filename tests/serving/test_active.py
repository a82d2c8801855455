"""The service follows the champion that the registry names, and a refused one changes nothing."""

from pathlib import Path

from flights.registry import model_folder, rollback
from serving.active import Active
from tests.serving.published import publish_champion


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
