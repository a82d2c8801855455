"""A service that became slower than it was is seen; one that did not is let through."""

from pathlib import Path
from typing import Any, cast

import pytest

from extras.benchmarks import regression
from extras.benchmarks.load import Window
from extras.benchmarks.servers import CASES, Server
from flights.config import Settings
from tests.conftest import ROOT

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


@pytest.mark.heavy
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


@pytest.mark.heavy
def test_this_commit_is_as_fast_as_the_one_before(trained: Path, tmp_path: Path):
    """Measured next to it, in the same run; the first commit of a project has none before it."""
    if regression.code_of("HEAD^", tmp_path) is None:
        assert not (ROOT / ".git").exists() or regression.code_of("HEAD", tmp_path)
        return
    with regression.running(Settings(data_dir=trained), now=ROOT, before=tmp_path) as servers:
        regression.compare(servers, rounds=5)
    print(*regression.table(*servers), sep="\n")
    assert regression.worse(*servers) == []


def server(rate: int = 1000, failures: int = 0, megabytes: float = 80) -> Server:
    """A server after its load."""
    windows = {case: [Window(1.0, [0.001] * rate, failures) for _ in range(5)] for case in CASES}
    return Server("", 0, cast(Any, None), b"", b"", windows, [(megabytes, megabytes)])


def test_each_way_to_become_worse_is_seen():
    """Injected: memory, failed answers, speed. Code before that cannot serve today's champion says nothing."""
    usual = server()
    assert regression.worse(server(), usual, server()) == []
    assert regression.worse(server(rate=940, megabytes=81), usual, server(rate=990, megabytes=90)) == []
    (grown,) = regression.worse(server(megabytes=80 + regression.MEMORY + 1), usual, server())
    assert grown.startswith("memory after the load +9 MB")
    assert regression.worse(server(failures=1), usual, server()) == [f"{5 * len(CASES)} requests failed"]
    assert len(regression.worse(server(rate=500), usual, server(rate=500))) == len(CASES)
    assert regression.worse(server(rate=500), server(failures=1), server()) == []


def test_there_may_be_no_such_commit(tmp_path: Path):
    """The first commit has none before it, and a name may be misspelled: nothing is unpacked."""
    for name in ("HEAD^^^^^^^^^^^^^^^^^^^^{nothing}", "no-such-branch", "--help", ""):
        assert regression.code_of(name, tmp_path) is None
    assert not list(tmp_path.iterdir())
