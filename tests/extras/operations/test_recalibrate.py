"""Slope and shift of the log-odds are fitted to what happened lately, and the gate judges them like a training."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from extras.operations import recalibrate
from flights import registry
from flights.artifacts import read_json, read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.log_reader import engine
from flights.predictions import add
from monitoring.traffic import period, traffic
from tests.monitoring.conftest import arrived, predictions

pytestmark = pytest.mark.exhibit


@pytest.fixture
def november(a_copy: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A DATA_DIR whose log holds November, in which every flight arrives ten minutes later than it did."""
    monkeypatch.setenv("AS_OF", "2013-12-01")
    monkeypatch.setattr(sys, "argv", ["recalibrate"])
    settings = Settings()
    live = read_parquet(a_copy / "2_splits" / "2013-11-01" / "live.parquet", "")
    flights, outcomes = traffic(live, *period(live, "2013-11", "2013-11"))
    outcomes["arrival_delay"] += 10
    outcomes["outcome_known_at"] += pd.Timedelta(minutes=10)
    champion = registry.load(settings.models_dir, 1)
    log = engine(settings.log_url)
    add(log, predictions(flights, champion.score(as_arrays(flights)), champion.threshold, 1, champion.digest))
    add(log, arrived(outcomes))
    log.dispose()
    return settings


def sql(settings: Settings, statement: str) -> None:
    log = engine(settings.log_url)
    with log.begin() as connection:
        connection.exec_driver_sql(statement)
    log.dispose()


def test_a_world_that_became_slower_is_met(november: Settings):
    """The new version is champion, ranks as the old one did, and its mean is nearer to the share that is late now.

    Its trees stay as old as they are, and the monitor compares with the same rows, as the new version scores them.
    """
    recalibrate.main()
    assert registry.champion(november.models_dir) == 2
    old, new = (registry.load(november.models_dir, version) for version in (1, 2))
    _, judged = recalibrate.known_days(november)
    before, after = (each.score(as_arrays(judged)) for each in (old, new))
    assert (np.diff(after[np.argsort(before)]) >= 0).all()
    late = targets(judged).mean()
    assert abs(after.mean() - late) < abs(before.mean() - late) / 2
    assert new.threshold != old.threshold
    checks = {check["name"] for check in read_json(new.folder / "gate.json", "")["checks"]}
    assert {"champion", "calibrated", "clean_holdout"} <= checks
    assert "recalibrated_from: `1`" in (new.folder / "card.md").read_text()
    assert recalibrate.earlier_recalibrations(november) == 1

    assert (new.manifest["as_of"], new.manifest["recalibrated_as_of"]) == ("2013-11-01", "2013-12-01")
    assert new.manifest["data_digest"] == old.manifest["data_digest"]
    reference = [read_parquet(each.folder / "reference.parquet", "") for each in (old, new)]
    unscored = [rows.drop(columns="probability") for rows in reference]
    pd.testing.assert_frame_equal(*unscored)
    assert reference[1]["probability"].mean() > reference[0]["probability"].mean() + 0.02


def test_a_slope_of_wrong_labels_is_refused(november: Settings):
    """Planted: the outcomes of the days to fit on say the contrary. Newer days show it; the champion stays."""
    sql(
        november,
        "UPDATE outcomes SET arrival_delay = CASE WHEN arrival_delay >= 15 THEN -5 ELSE 60 END "
        "WHERE known_at < '2013-11-21'",
    )
    with pytest.raises(SystemExit, match="the gate blocked version 2, and the champion stays"):
        recalibrate.main()
    assert registry.champion(november.models_dir) == 1


def test_too_few_days_are_refused(november: Settings, monkeypatch: pytest.MonkeyPatch):
    """Planted: a day without outcomes, then an AS_OF too early. The message says what is missing; nothing is made."""
    sql(november, "DELETE FROM outcomes WHERE request_id LIKE '2013-11-11%'")
    with pytest.raises(SystemExit, match=r"of 14 days from 2013-11-06 to before 2013-11-20 .* got 13"):
        recalibrate.main()
    monkeypatch.setenv("AS_OF", "2013-11-20")
    with pytest.raises(SystemExit, match="choose another AS_OF"):
        recalibrate.main()
    assert not registry.model_folder(november.models_dir, 2).exists()


def test_only_what_was_known_by_then_counts(november: Settings):
    """Planted: outcomes of the judged days that became known after AS_OF are not there yet."""
    _, judged = recalibrate.known_days(november)
    sql(november, "UPDATE outcomes SET known_at = '2013-12-02T00:00:00.000000Z' WHERE known_at > '2013-11-28T18'")
    assert len(recalibrate.known_days(november)[1]) < len(judged)
