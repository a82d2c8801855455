"""The gate refuses every bad exhibit for its own reason and lets the good ones pass; if not, the gallery says so."""

import pytest

from extras.evidence import gallery
from flights import registry
from flights.config import Settings
from pipelines import gate, holdout

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def hall(trained, environment):
    """The session's candidate, on all of its small holdout."""
    environment.setenv("DATA_DIR", str(trained))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gallery, "EVERY", 1)
        patch.setattr(holdout, "noted", lambda *_: None)  # the session's ledger is for others to read
        return gallery.opened(Settings())


@pytest.mark.parametrize("name", {**gallery.GOOD, **gallery.BAD})
def test_the_gate_is_right_about_each_exhibit(hall, name):
    """A bad one is refused by the criterion that is there for it, and by promotion; a good one by neither."""
    verdict = gallery.judged(hall, name, *{**gallery.GOOD, **gallery.BAD}[name])
    assert verdict.right, verdict
    assert verdict.promoted is (name in gallery.GOOD)


def test_the_evidence_is_read_from_files(hall, tmp_path):
    """A copy of the candidate that nobody spoiled has the traits that evaluation found."""
    found = gallery.regathered(hall, lambda _: None).traits
    known = {name: value for name, value in hall.honest.traits.items() if name != "row_ms"}
    assert known == {name: value for name, value in found.items() if name != "row_ms"}


def test_a_promotion_that_asks_nobody_is_found(hall, monkeypatch):
    """Planted: promotion no longer reads the gate's report. The exhibit becomes champion in the copy: it is wrong."""
    monkeypatch.setattr(
        registry,
        "promote",
        lambda models, version, *, expected: registry._append(models, "promote", expected, version, ""),
    )
    verdict = gallery.judged(hall, "constant", *gallery.BAD["constant"])
    assert "beats_heuristic" in verdict.refused_by
    assert not verdict.right


def test_every_criterion_has_an_exhibit():
    """None is hung without something to refuse."""
    assert {criterion for _, criterion in gallery.BAD.values()} == {each.name for each in gate.CRITERIA}
    assert len(gallery.BAD) >= 12
    assert len(gallery.GOOD) >= 3


def test_a_gate_that_lets_a_bad_one_pass_ends_the_gallery(trained, monkeypatch, capsys):
    """Planted: the criterion for sizes is gone. The exit code says so, and names the exhibit; the champion stays."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    monkeypatch.setattr(gallery, "EVERY", 1)
    monkeypatch.setattr(holdout, "noted", lambda *_: None)
    monkeypatch.setattr(gate, "CRITERIA", tuple(each for each in gate.CRITERIA if each.name != "small"))
    few = ("constant", "too large")
    monkeypatch.setattr(gallery, "BAD", {name: gallery.BAD[name] for name in few})
    monkeypatch.setattr(gallery, "GOOD", {})
    with pytest.raises(SystemExit, match="wrong about too large"):
        gallery.main()
    said = " ".join(capsys.readouterr().out.split())
    assert "1 became champion there; champion 1, as before: True" in said
    assert registry.champion(trained / "3_models") == 1
