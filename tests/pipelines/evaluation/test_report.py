"""The report fails a candidate with invalid probabilities, without a traceback."""

from dataclasses import replace

import numpy as np
import pytest

from flights import model
from flights.config import Settings
from pipelines.evaluation.inputs import ModelScores, candidate_folder, collect_evidence
from pipelines.evaluation.report import evaluation_report, model_metrics
from pipelines.rows import labelled_rows


@pytest.mark.ml_test_score("O5", injects="a candidate that answers NaN")
def test_probabilities_that_are_none_are_refused_without_a_traceback(trained, monkeypatch):
    """Injected: a candidate that returns NaN. It cannot be measured, and is blocked for that alone."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout")
    inputs = collect_evidence(Settings(), candidate_folder(Settings()), rows)
    nothing = ModelScores(np.full(len(rows), np.nan), 0.5)
    bad = replace(inputs, scores={**inputs.scores, model.CANDIDATE: nothing})
    report = evaluation_report(bad, model_metrics(bad))
    assert [(check["name"], bool(check["failure"])) for check in report["checks"]] == [("valid", True)]
    card = pytest.importorskip("pipelines.extras.card.model_card")
    text = card.model_card(2, inputs.training, report)
    assert "**blocked**" in text
    assert "ROC-AUC" not in text
