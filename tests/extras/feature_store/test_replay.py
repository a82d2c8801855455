"""A day that is replayed by key leaves what a replay of all inputs leaves: the same predictions and outcomes."""

import numpy as np
import pandas as pd
import pytest

from extras.feature_store import replay as by_key
from flights.config import Settings
from flights.log_reader import counted_outcomes, engine, logged_predictions, parsed
from monitoring import replay
from tests.serving.running import running

pytestmark = pytest.mark.exhibit

DAY = "2013-11-01"


def logged(folder):
    """The log's predictions with their outcomes, by flight."""
    log = engine(Settings(data_dir=folder).log_url)
    rows = logged_predictions(log, inputs=True).merge(counted_outcomes(log), on="request_id", how="left")
    log.dispose()
    return rows.assign(key=rows["request_id"].str.partition(":")[0]).set_index("key").sort_index()


@pytest.mark.heavy
def test_a_day_by_key_is_the_same_day(trained, tmp_path, monkeypatch, capsys):
    """Real servers and replays; a second run sends nothing new."""
    monkeypatch.setenv("FROM", DAY)
    monkeypatch.setenv("TO", DAY)
    for module, name in ((replay, "bodies"), (by_key, "keys"), (by_key, "keys")):
        folder = tmp_path / name
        if not folder.exists():
            folder.mkdir()
            for part in ("2_splits", "3_models"):
                (folder / part).symlink_to(trained / part)
        monkeypatch.setenv("DATA_DIR", str(folder))
        with running(folder, PREDICT_BY_KEY="1") as server:
            server.wait()
            monkeypatch.setenv("PORT", server.url.rpartition(":")[2])
            module.main()
    assert "sent 0 events, asked for 0" in capsys.readouterr().out.splitlines()[-1]
    bodies, keys = logged(tmp_path / "bodies"), logged(tmp_path / "keys")
    assert bodies.index.tolist() == keys.index.tolist()
    assert len(keys) > 50
    pd.testing.assert_series_equal(bodies["arrival_delay"], keys["arrival_delay"])
    assert np.abs(bodies["probability"] - keys["probability"]).max() < 1e-12
    inputs = [
        pd.DataFrame([parsed(text) for text in each["inputs"]]).drop(columns="tailnum") for each in (bodies, keys)
    ]
    pd.testing.assert_frame_equal(
        inputs[0].drop(columns="scheduled_departure"), inputs[1].drop(columns="scheduled_departure"), check_dtype=False
    )
