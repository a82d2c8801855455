"""Shadows have a table of their own, and go with their predictions."""

import pytest

from serving.extras.shadow import log as shadow_log
from serving.extras.shadow.log import ShadowRow, write_shadows
from serving.prediction_log import PredictionLog
from tests.serving.test_prediction_log import NOW, prediction


def test_shadows_are_kept_beside_the_predictions_and_go_with_them(log: PredictionLog):
    """Once for each version, in no count of predictions; forgetting and retention take them too."""
    log.tables += shadow_log.TABLES
    log.write([[prediction("seen", "SHADOWED")], [prediction("late")]])
    shadows = [ShadowRow(name, NOW, 0.75, True, 2, "cd") for name in ("seen", "late")]
    write_shadows(log, shadows)
    write_shadows(log, [shadow._replace(probability=0.1) for shadow in shadows])

    def kept() -> list[tuple]:
        query = "SELECT request_id, probability FROM shadows WHERE request_id IN (?, ?) ORDER BY request_id"
        return [tuple(row) for row in log.rows(query, ("seen", "late"))]

    assert kept() == [("late", 0.75), ("seen", 0.75)]
    assert log.find("seen") == prediction("seen", "SHADOWED")
    pytest.importorskip("extras.privacy.forget_log").delete_subject(log, "carrier", "SHADOWED")
    assert kept() == [("late", 0.75)]
    delete_before = pytest.importorskip("serving.extras.retention").delete_before
    while delete_before(log, "2014-01-01T00:00:00.000000Z"):
        pass
    assert kept() == []
