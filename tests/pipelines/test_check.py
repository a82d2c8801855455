"""The gate's checks are found like plug-ins: each may note, measure and ask for what it needs."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from pipelines import check
from tests.pipelines.test_gate import GOOD


@pytest.fixture
def two_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modules in place of the folder: one does everything that a family may, and one nothing."""
    every = SimpleNamespace(
        __name__=f"{check.CHECKS}.every",
        properties=lambda inputs: {"words": inputs.words},
        measure=lambda inputs: {"letters": len(inputs.text)},
        record=lambda folder, *parts, before: {"rows": sum(map(len, parts)), "folder": folder.name, "before": before},
    )
    nothing = SimpleNamespace(__name__=f"{check.CHECKS}.nothing")
    monkeypatch.setattr(check, "load_plugins", lambda _: [every, nothing])


@pytest.mark.usefixtures("two_families")
def test_what_the_families_measure_is_collected():
    """Each under its own name; a family without a function adds nothing."""
    inputs = SimpleNamespace(words=4, text="abc")
    assert list(check.families()) == ["every", "nothing"]
    assert check.properties(inputs) == {"words": 4}
    assert check.measurements(inputs) == {"letters": 3}
    frame = pd.DataFrame({"a": [1, 2]})
    assert check.record(Path("there"), frame, frame) == {"rows": 4, "folder": "there", "before": None}


@pytest.mark.usefixtures("two_families")
def test_only_the_named_families_are_asked():
    """Of those that are there: a family that was deleted is no error."""
    assert check.properties(SimpleNamespace(words=4), ["nothing", "deleted"]) == {}


def test_a_champion_that_cannot_be_loaded_cannot_be_compared():
    """The reason names the command that goes on without it; with that setting there is none."""
    unloadable = replace(GOOD, champion=3, champion_unloadable="no such column")
    assert "champion 3 cannot be loaded" in unloadable.not_comparable
    assert "REPLACE_CHAMPION=true" in unloadable.not_comparable
    assert replace(unloadable, replace_champion=True).not_comparable == GOOD.not_comparable == ""
