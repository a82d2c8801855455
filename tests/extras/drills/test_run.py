"""Each drill shows damage, a guard that acts and the way back, on a copy of which nothing is left."""

import re
import tempfile
from pathlib import Path

import pytest

from extras.drills import run
from flights.artifacts import sha256

pytestmark = pytest.mark.exhibit


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.ml_test_score(
    "M4",
    injects="A guard that does not refuse or ring fails the drill; the data folder is as it was, and the copy is gone",
)
@pytest.mark.ml_test_score(
    "I7",
    injects="A guard that does not refuse or ring fails the drill; the data folder is as it was, and the copy is gone",
)
@pytest.mark.heavy
@pytest.mark.parametrize("name", run.DRILLS)
def test_the_guard_acts(name, trained, tmp_path, monkeypatch, capsys):
    """A guard that does not refuse or ring fails the drill; the data folder is as it was, and the copy is gone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = digests(trained / "3_models") | digests(trained / "2_splits")
    told = run.run_one(name, trained)
    assert digests(trained / "3_models") | digests(trained / "2_splits") == before
    assert list(tmp_path.iterdir()) == []
    assert all(re.search(r"\d", sentence) for sentence in (told.damage, told.guard, told.back))
    assert "nothing is left" in capsys.readouterr().out


@pytest.mark.heavy
def test_all_of_them_leave_a_table(trained, monkeypatch, capsys):
    """Two drills stand for ten: a line for each while they run, and a row with all that they told."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    monkeypatch.setattr("sys.argv", ["run", "all"])
    monkeypatch.setattr(run, "DRILLS", {name: run.DRILLS[name] for name in ("new-carrier", "split-leaks")})
    run.main()
    assert capsys.readouterr().out.count("the guard acted") == 2
    rows = (trained / "5_reports" / "drills.md").read_text().splitlines()
    assert [row.split("`")[1] for row in rows[2:]] == ["new-carrier", "split-leaks"]
    assert all(re.search(r"\d", cell) for row in rows[2:] for cell in row.split("|")[2:5])


def test_without_a_name_the_drills_are_listed(monkeypatch, capsys):
    """`make drill` alone says what there is."""
    monkeypatch.setattr("sys.argv", ["run"])
    with pytest.raises(SystemExit) as ended:
        run.main()
    assert not ended.value.code
    assert [line.split()[2].removeprefix("NAME=") for line in capsys.readouterr().out.splitlines()] == list(run.DRILLS)


def test_an_unknown_drill_is_refused(monkeypatch):
    """A typing error lists what there is and fails."""
    monkeypatch.setattr("sys.argv", ["run", "feed-unknown"])
    with pytest.raises(SystemExit, match="no drill feed-unknown"):
        run.main()


def test_a_drill_without_a_model_names_the_command(tmp_path):
    """There is nothing to practise on before a training."""
    with pytest.raises(FileNotFoundError, match="make train"):
        run.run_one("feed-down", tmp_path)
