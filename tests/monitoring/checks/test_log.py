import pandas as pd

from monitoring.check import is_firing
from monitoring.checks import log
from tests.monitoring.conftest import judged, view_of


def test_unreadable_inputs_fire_by_their_share():
    """Planted: one row of a hundred, and one of fifty, whose inputs cannot be read."""
    rows = judged(days=5, rows=100).assign(day=pd.date_range("2013-11-01", periods=5).repeat(100))
    for every, fired in ((100, False), (50, True)):
        readable = rows[rows.index % every > 0]
        assert is_firing(log.checks(view_of(rows, inputs=readable))[0]).iloc[-1] == fired
