"""One command runs a version next to the champion, and one ends it."""

import sys
from pathlib import Path

import pytest

from serving.extras.shadow import challenge
from serving.extras.shadow.history import challenges
from tests.serving.published import publish, publish_champion


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """The command on a registry with a champion and a second version."""
    publish_champion(tmp_path / "3_models", 1, seed=1)
    publish(tmp_path / "3_models", 2, seed=2)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))

    def said(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["challenge", *words])
        challenge.main()
        return capsys.readouterr().out

    return said


def test_a_challenge_from_start_to_end(run, tmp_path: Path):
    """Nothing, a shadow, a canary, nothing: each command says how things stand."""
    assert "none yet" in run()
    assert "shadow version 2" in run("2")
    assert "canary version 2 for 10.0% of the flights" in run("2", "--share", "0.1")
    assert "withdraw version 2" in run("none")
    assert len(challenges(tmp_path / "3_models")) == 3


@pytest.mark.parametrize("words", [["1"], ["7"], ["two"], ["none"], ["2", "--share", "2"]])
def test_what_cannot_be_is_refused_in_one_line(run, tmp_path: Path, words: list[str]):
    """The champion itself, an unknown version, no number, nothing to end, too large a share."""
    with pytest.raises(SystemExit, match=r"^refused: "):
        run(*words)
    assert challenges(tmp_path / "3_models") == []


@pytest.mark.parametrize("version", ["9", "0", "two", "-1", "1.0"])
def test_a_version_that_is_not_published_is_answered_with_those_that_are(run, version: str):
    """Injected: numbers that no version has, and what is no number. The line names the variable and what exists."""
    with pytest.raises(SystemExit) as refusal:
        run("--", version)
    said = str(refusal.value)
    assert said == f"refused: VERSION={version}: expected a published version or `none`; published is 1, 2"
