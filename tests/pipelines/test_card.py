"""The model card claims only what was measured."""

import pytest

from flights import registry
from flights.artifacts import read_json
from pipelines import card


@pytest.fixture
def evidence(trained):
    """What the card is made from."""
    folder = registry.model_folder(trained / "3_models", 1)
    return read_json(folder / "manifest.json", ""), read_json(folder / "gate.json", "")


def test_the_card_holds_the_measured_figures(evidence, trained):
    """Figures in the card are those of the report."""
    text = card.model_card(1, *evidence)
    assert text == (registry.model_folder(trained / "3_models", 1) / "card.md").read_text()
    figure = evidence[1]["metrics"]["candidate"]["roc_auc"]
    assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in text
    assert "passed" in text


@pytest.mark.parametrize("missing", ["precision_at_budget", "calibration_error"])
def test_a_claim_without_its_number_cannot_be_rendered(evidence, missing):
    """Planted: a figure that was not measured."""
    training, report = evidence
    ours = {name: figure for name, figure in report["metrics"]["candidate"].items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        card.model_card(1, training, report | {"metrics": report["metrics"] | {"candidate": ours}})


@pytest.mark.parametrize("missing", ["row_ms", "memory_mb"])
def test_what_it_costs_is_measured(evidence, missing):
    """Latency and memory stand on the card; planted: one of them was not measured."""
    training, report = evidence
    assert f"needs\n{report['traits']['memory_mb']:.1f} MB at its peak" in card.model_card(1, training, report)
    traits = {name: value for name, value in report["traits"].items() if name != missing}
    with pytest.raises(KeyError, match=missing):
        card.model_card(1, training, report | {"traits": traits})


def test_a_refused_candidate_says_so(evidence):
    """The card of a refused version gives the reasons."""
    training, report = evidence
    checks = [{"name": "calibrated", "sentence": "It is calibrated.", "objection": "it is 0.200"}]
    text = card.model_card(1, training, report | {"passed": False, "checks": checks})
    assert "**refused** it. it is 0.200." in text
