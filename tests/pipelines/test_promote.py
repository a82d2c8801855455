"""Only what the gate passed becomes champion, and there is a way back."""

import sys

import pytest

from flights import registry
from flights.config import Settings
from pipelines import evaluate, promote


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["promote", *words])
    promote.main()


def test_promoting_twice_is_promoting_once(a_copy, monkeypatch, capsys):
    """A promotion that was interrupted before it was noted can be repeated."""
    (Settings().candidate_dir / "promotion.json").unlink()
    run(monkeypatch)
    assert "champion 1, entry 1 of the history" in capsys.readouterr().out
    assert len(registry.history(a_copy / "3_models")) == 1
    assert (Settings().candidate_dir / "promotion.json").exists()


def test_the_first_champion_cannot_be_rolled_back(a_copy, monkeypatch):
    """There is nothing to go back to, and that is said."""
    with pytest.raises(SystemExit, match="blocked: expected an earlier champion"):
        run(monkeypatch, "--rollback")


@pytest.mark.ml_test_score("I4")
def test_promotion_and_rollback(a_copy, monkeypatch):
    """A second version becomes champion, and one command brings the first one back."""
    evaluate.main()
    run(monkeypatch)
    assert registry.champion(a_copy / "3_models") == 2
    run(monkeypatch, "--rollback")
    assert registry.champion(a_copy / "3_models") == 1


@pytest.mark.heavy
def test_a_verdict_for_another_champion_is_refused(a_copy, monkeypatch):
    """If the champion changes between evaluation and promotion, the comparison is void."""
    evaluate.main()  # version 2, compared with 1
    evaluate.main()  # version 3, compared with 1
    run(monkeypatch)  # 3 is champion
    settings = Settings()
    pointer = settings.candidate_dir / "evaluation.json"
    pointer.write_text(pointer.read_text().replace('"version": 3', '"version": 2'))
    with pytest.raises(SystemExit, match="expected champion 1, got 3"):
        run(monkeypatch)
    assert registry.champion(a_copy / "3_models") == 3


@pytest.mark.ml_test_score(
    "I4", injects="Editing the refused version's gate report does not promote it: the manifest knows its digest"
)
def test_a_forged_verdict_is_refused(a_copy, monkeypatch):
    """Editing the refused version's gate report does not promote it: the manifest knows its digest."""
    evaluate.main()
    verdict = registry.model_folder(a_copy / "3_models", 2) / "gate.json"
    verdict.write_text(verdict.read_text().replace('"as_of"', '"As_of"'))
    with pytest.raises(SystemExit, match=r"gate\.json: altered"):
        run(monkeypatch)
    assert registry.champion(a_copy / "3_models") == 1
