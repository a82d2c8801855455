from dataclasses import replace

import pandas as pd
import pytest

from flights.artifacts import write_json
from monitoring.check import is_firing
from monitoring.checks import age
from tests.monitoring.conftest import judged, view_of


def test_a_model_older_than_the_cadence_fires(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """On the first day that is too old; the backtest's advice comes before the configured cadence."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(age, "CADENCE_DAYS", 28)
    days = pd.date_range("2013-11-01", periods=40)
    view = view_of(judged(days=40, rows=1).assign(day=days))
    view = replace(view, model=replace(view.model, manifest={"as_of": "2013-11-01"}))
    fired = is_firing(age.checks(view)[0])
    assert fired[fired].index[0] == days[29]
    write_json(view.settings.reports_dir / "cadence.json", {"greatest_age_days": 4})
    fired = is_firing(age.checks(view)[0])
    assert fired[fired].index[0] == days[5]
