"""The report fails a candidate with invalid probabilities, without a traceback."""

from dataclasses import replace

import numpy as np
import pytest

from flights import model
from flights.config import Settings
from flights.plugins import hooks, load_plugins
from pipelines import check, gate
from pipelines.evaluation.inputs import ModelScores, candidate_folder, collect_evidence
from pipelines.evaluation.publish import Evaluation, plugin_measurements
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


@pytest.mark.heavy
def test_each_family_of_checks_can_be_deleted(trained, monkeypatch, tmp_path):
    """Injected: one file of pipelines/checks is gone. Measuring, the report and the reports of the plug-ins work."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    rows = labelled_rows(Settings(), "holdout").head(3000)
    whole = collect_evidence(Settings(), candidate_folder(Settings()), rows)
    metrics = model_metrics(whole)
    modules = load_plugins(check.CHECKS)
    for deleted in check.families():
        left = [module for module in modules if not module.__name__.endswith(f".{deleted}")]
        monkeypatch.setattr(check, "load_plugins", lambda _, left=left: left)
        names = [name for name in check.families() if name != "repeatability"]
        inputs = replace(whole, properties=check.properties(whole, names) | {"repeat": 0.0, "retrained": 0.0})
        report = evaluation_report(inputs, metrics)
        assert {each["name"] for each in report["checks"]} == {each.name for each in gate.criteria()}
        report |= plugin_measurements(inputs, metrics)
        report |= {"holdout_access": {"accesses": 1, "candidates": 1}, "as_of": "2013-11-01"}
        (tmp_path / deleted).mkdir()
        for write_report in hooks("pipelines.extras", "write_report"):
            write_report(tmp_path / deleted, Evaluation(1, inputs.training, report, metrics))
