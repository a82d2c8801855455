from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monitoring.checks import drift
from monitoring.extras.site.evidently_page import write_week

pytestmark = pytest.mark.filterwarnings("ignore")  # Evidently's own, of NumPy's and pandas' future

HOSTILE = "</script><script>document.title='stranger'</script>"
LIMITS = dict.fromkeys(drift.COLUMNS, 0.5)


@pytest.fixture(scope="module")
def parts(autumn: pd.DataFrame, evidently: None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compared columns of October, and of a week of November with a hostile carrier in it."""
    reference = autumn[autumn["day"].between("2013-10-01", "2013-10-31")][::5]
    week = autumn[autumn["day"].between("2013-11-04", "2013-11-10")].copy()
    week.loc[week.index[::7], "carrier"] = HOSTILE
    known = drift.known_texts(reference)
    return drift.drift_columns(reference, known), drift.drift_columns(week, known)


def test_a_week_has_its_page_and_no_stranger_s_text(parts: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path):
    """The report is one file, knows the unknown carrier as `__other__`, and never repeats what was sent."""
    path = tmp_path / "week.html"
    assert write_week(path, *parts, LIMITS)
    page = path.read_text()
    assert drift.OTHER in page
    assert "stranger" not in page


def test_an_unchanged_week_is_not_drawn_again(parts: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path):
    """The same rows give the same page; other rows give another one."""
    path = tmp_path / "week.html"
    reference, week = parts
    write_week(path, reference, week, LIMITS)
    first = path.stat().st_mtime_ns
    write_week(path, reference, week, LIMITS)
    assert path.stat().st_mtime_ns == first
    write_week(path, reference, week.iloc[:-1], LIMITS)
    assert path.stat().st_mtime_ns > first


def test_an_empty_week_has_no_page(parts: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path):
    """Evidently would raise; here nothing is written, and an old page goes."""
    path = tmp_path / "week.html"
    path.write_text("old")
    assert not write_week(path, parts[0], parts[1].head(0), LIMITS)
    assert not path.exists()


def test_a_column_without_values_is_left_out(parts: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path):
    """Evidently would raise; here the other columns are drawn."""
    path = tmp_path / "week.html"
    assert write_week(path, parts[0], parts[1].assign(temperature=np.nan), LIMITS)
    assert "dew_point" in path.read_text()
