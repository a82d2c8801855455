"""Extras that a project keeps: unknown names are refused, and a targets.mk keeps only its own recipes."""

from pathlib import Path

import pytest

from extras.new import more
from extras.new.roles import Rejected

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("given", ["nonsense", "drills,labels", "explain Backtest"])
def test_an_unknown_extra_is_refused_with_what_there_is(given):
    """Injected: no extra, one that names the example's columns, and another spelling."""
    with pytest.raises(Rejected) as error:
        more.checked_extras(given)
    assert f"there are {', '.join(sorted(more.available()))}, and every project has explain" in str(error.value)
    assert "\n" not in str(error.value)


def test_extras_that_every_project_has_may_be_named():
    """And separators may be commas or spaces."""
    assert more.checked_extras("explain, drills tune") == ("drills", "tune")
    assert more.checked_extras("") == ()


def test_every_file_and_every_target_exists():
    """The list follows the repository."""
    names = tuple(more.available())
    assert [file for file in more.files(names) if not (ROOT / file).is_file()] == []
    for name in names:
        text = (ROOT / "extras" / more.MORE[name][0] / "targets.mk").read_text()
        assert f"\n{more.TARGETS.get(name, name)}:" in more.with_targets(text, (name,))


def test_an_extra_that_this_clone_deleted_is_not_offered(monkeypatch, tmp_path):
    """Injected: a clone without any of the folders."""
    monkeypatch.setattr(more, "ROOT", tmp_path)
    with pytest.raises(Rejected, match="there are none"):
        more.checked_extras("tune")


def test_only_the_named_recipes_stay():
    """And of the drills only those that name no column."""
    text = (ROOT / "extras/evidence/targets.mk").read_text()
    kept = more.with_targets(text, ("tune",))
    assert "tune:" in kept
    assert "correlate" not in kept
    assert "test-heavy" not in kept
    run = more.only_general_drills((ROOT / "extras/drills/run.py").read_text())
    assert "new_carrier" not in run
    assert "split_leaks,\n" in run
    assert "def new_carrier" not in more.only_general_drills((ROOT / "extras/drills/data.py").read_text())
