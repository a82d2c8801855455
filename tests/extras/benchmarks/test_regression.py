"""A service that became slower than it was is seen; one that did not is let through."""

from pathlib import Path

import pytest

from extras.benchmarks import regression
from extras.benchmarks.servers import CASES
from flights.config import Settings
from tests.conftest import ROOT

pytestmark = pytest.mark.heavy

DELAY = """
_parse = parse


def parse(model, raw):
    time.sleep(0.002)
    return _parse(model, raw)
"""


def code(folder: Path, planted: str = "") -> Path:
    """The committed code, and what is appended to the module that parses a request."""
    folder.mkdir()
    assert regression.code_of("HEAD", folder)
    module = folder / "serving/fast_path.py"
    module.write_text(module.read_text() + ("\nimport time\n" + planted if planted else ""))
    return folder


@pytest.mark.ml_test_score("O6", injects="two milliseconds more for each request")
def test_a_slower_commit_is_seen_and_the_same_commit_is_not(trained: Path, tmp_path: Path):
    """Planted: two milliseconds more for each request. The other way round, the same code is faster."""
    settings = Settings(data_dir=trained)
    quick, slow = code(tmp_path / "quick"), code(tmp_path / "slow", DELAY)
    with regression.running(settings, now=slow, before=quick) as servers:
        regression.compare(servers, rounds=3)
    now, before, again = servers
    for case, row in zip(CASES, regression.table(now, before, again), strict=True):
        assert regression.SLOWER in row or not case.startswith("one row"), row
    for row in regression.table(before, now, before):
        assert regression.SLOWER not in row, row
    assert all(server.memory[-1][1] > 20 for server in servers)


def test_this_commit_is_as_fast_as_the_one_before(trained: Path, tmp_path: Path):
    """Measured next to it, in the same run; the first commit of a project has none before it."""
    if regression.code_of("HEAD^", tmp_path) is None:
        assert not (ROOT / ".git").exists() or regression.code_of("HEAD", tmp_path)
        return
    with regression.running(Settings(data_dir=trained), now=ROOT, before=tmp_path) as servers:
        regression.compare(servers, rounds=5)
    rows = regression.table(*servers)
    print(*rows, sep="\n")
    assert [row for row in rows if regression.SLOWER in row] == []
    assert servers[0].memory[-1][1] <= servers[1].memory[-1][1] + regression.MEMORY


def test_there_may_be_no_such_commit(tmp_path: Path):
    """The first commit has none before it, and a name may be misspelled: nothing is unpacked."""
    for name in ("HEAD^^^^^^^^^^^^^^^^^^^^{nothing}", "no-such-branch", "--help", ""):
        assert regression.code_of(name, tmp_path) is None
    assert not list(tmp_path.iterdir())
