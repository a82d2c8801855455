"""Every look at the holdout is on record, and rows that training saw are found under any name."""

import json
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from flights.artifacts import read_json
from flights.config import AS_OF, GAP_DAYS, HOLDOUT_MONTHS, Settings
from pipelines import evaluate
from pipelines.evaluation import holdout
from pipelines.evaluation.inputs import candidate_folder
from pipelines.extras import holdout_log


def test_the_first_look_is_the_evaluation_of_the_first_candidate(trained, monkeypatch):
    """The ledger names step, candidate, holdout, days and the version that came of it; the report counts it."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    look = holdout_log.accesses(Settings())[0]
    assert (look.look, look.by, look.candidate) == (1, "evaluate", candidate_folder(Settings()).name)
    assert len(look.candidate_digest) == len(look.holdout_digest) == 64
    end = pd.Timestamp(AS_OF) - pd.Timedelta(days=GAP_DAYS)
    first = pd.Timestamp(AS_OF) - pd.DateOffset(months=HOLDOUT_MONTHS)
    assert (look.first, look.end, look.version) == (f"{first:%F}", f"{end:%F}", 1)
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert report["holdout_access"]["accesses"] >= 1


def test_a_look_is_appended_before_anything_is_seen(a_copy):
    """Planted: a holdout that cannot be read. The look is on record all the same, and no line before it has changed."""
    settings = Settings()
    path = holdout_log.access_log_path(settings)
    before = path.read_text()
    (settings.splits_dir / "holdout.parquet").write_bytes(b"broken")
    with pytest.raises(ValueError, match="Parquet"):
        holdout.read_holdout(settings, "test")
    assert path.read_text().startswith(before)
    assert [look.look for look in holdout_log.accesses(settings)] == [
        *range(1, len(holdout_log.accesses(settings)) + 1)
    ]
    assert json.loads(path.read_text().splitlines()[-1])["by"] == "test"


def test_candidates_are_counted_once(a_copy):
    """Three looks for two candidates."""
    settings = Settings()
    holdout_log.access_log_path(settings).unlink()
    for candidate in ("a", "a", "b"):
        holdout.log_access(settings, "test", candidate, "")
    assert holdout.access_counts(settings) == {"accesses": 3, "candidates": 2}


@pytest.mark.parametrize(("as_of", "looks"), [("2013-12-01", 3), ("2013-09-01", 1)])
def test_a_look_at_some_of_the_same_days_is_a_look(a_copy, as_of, looks):
    """Retrained a month later, looks at September and October and the backtest's count; in summer, that one."""
    settings = Settings()
    holdout_log.access_log_path(settings).unlink()
    for candidate in ("a", "b"):
        holdout.log_access(settings, "evaluate", candidate)
    start, end = (pd.Timestamp(day, tz="America/New_York") for day in ("2013-04-01", "2014-01-01"))
    holdout.log_access(settings, "backtest", period=(start, end))
    assert holdout.access_counts(settings)["accesses"] == 3
    assert holdout.access_counts(settings.model_copy(update={"as_of": date.fromisoformat(as_of)}))["accesses"] == looks


def test_the_version_is_that_of_the_newest_look(a_copy):
    """One candidate is evaluated twice, and published as 4 and 7."""
    settings = Settings()
    holdout_log.access_log_path(settings).unlink()
    for version in (4, 7):
        holdout.log_access(settings, "evaluate", "a")
        holdout.log_version(settings, "a", version)
    assert [look.version for look in holdout_log.accesses(settings)] == [4, 7]


def test_a_torn_line_is_no_look_and_an_altered_one_is_named(a_copy):
    """Planted: half a last line, as a full disk leaves it; evaluation goes on. Then a whole line that is no look."""
    settings = Settings()
    path = holdout_log.access_log_path(settings)
    before = holdout_log.accesses(settings)
    with path.open("a") as file:
        file.write('{"look": 9, "at": "20')
    assert holdout_log.accesses(settings) == before
    holdout.log_access(settings, "test", "a", "")
    *others, look = holdout_log.accesses(settings)
    assert others == before
    assert (look.look, look.by) == (len(before) + 1, "test")
    path.write_text("not a look\n" + path.read_text())
    with pytest.raises(holdout_log.BrokenAccessLog, match="line 1: expected a holdout access, got 'not a look'"):
        holdout_log.accesses(settings)


STEPS_OF_EVALUATION = ["collect_evidence", "model_metrics", "plugin_measurements", "publish"]


@pytest.mark.parametrize("step", STEPS_OF_EVALUATION)
def test_an_evaluation_that_crashes_before_a_metric_is_shown_uses_no_access(a_copy, monkeypatch, step):
    """Injected: a crash while the models score, metrics are computed, by a plug-in, or while it is published."""

    def crash(*_: object) -> None:
        raise RuntimeError("injected")

    settings = Settings()
    before, logged = holdout.access_counts(settings), len(holdout_log.accesses(settings))
    if step != "collect_evidence":
        evidence = SimpleNamespace(training={}, rows=pd.DataFrame())
        monkeypatch.setattr(evaluate, "collect_evidence", lambda *_: evidence)
    for earlier in ("model_metrics", "evaluation_report", "plugin_measurements", "reference_rows"):
        monkeypatch.setattr(evaluate, earlier, lambda *_: {})
    monkeypatch.setattr(evaluate, step, crash)
    with pytest.raises(RuntimeError, match="injected"):
        evaluate.main()
    assert len(holdout_log.accesses(settings)) == logged + 1  # it is on record
    assert holdout.access_counts(settings) == before  # and uses none up
    holdout.log_access(settings, "evaluate", "next", seen=False)
    assert holdout.access_counts(settings, newest=True)["accesses"] == before["accesses"] + 1
    holdout.log_version(settings, "next", 2)
    assert holdout.access_counts(settings)["accesses"] == before["accesses"] + 1
