"""The model card claims only what was measured."""

import json
import shutil

import httpx
import pytest

from flights import registry
from flights.artifacts import read_json
from pipelines.extras.card import model_card
from pipelines.extras.card.card_tables import local_day
from tests.serving.running import running


@pytest.fixture
def evidence(trained):
    """What the card is made from."""
    folder = registry.model_folder(trained / "3_models", 1)
    return read_json(folder / "manifest.json", ""), read_json(folder / "gate.json", "")


def test_the_card_holds_the_measured_figures(evidence, trained):
    """Figures in the card are those of the report."""
    text = model_card.model_card(1, *evidence)
    assert text == (registry.model_folder(trained / "3_models", 1) / "card.md").read_text()
    figure = evidence[1]["metrics"]["candidate"]["roc_auc"]
    assert f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]" in text
    assert "passed" in text


@pytest.mark.parametrize("missing", ["precision_at_budget", "calibration_error"])
def test_a_claim_without_its_number_cannot_be_rendered(evidence, missing):
    """Planted: a figure that was not measured."""
    training, report = evidence
    ours = {name: figure for name, figure in report["metrics"]["candidate"].items() if name != missing}
    with pytest.raises(model_card.ClaimWithoutNumber, match=f"{missing}.*got none: run `make train`"):
        model_card.model_card(1, training, report | {"metrics": report["metrics"] | {"candidate": ours}})


@pytest.mark.parametrize("missing", ["row_ms", "model_mb"])
def test_what_it_costs_is_measured(evidence, missing):
    """The card has latency and size; injected: one of them was not measured."""
    training, report = evidence
    assert f"One row takes {report['properties']['row_ms']:.2f} ms" in model_card.model_card(1, training, report)
    properties = {name: value for name, value in report["properties"].items() if name != missing}
    with pytest.raises(model_card.ClaimWithoutNumber, match=missing):
        model_card.model_card(1, training, report | {"properties": properties})


@pytest.mark.parametrize(("value", "said"), [(1.0, "0% of such alerts are wrong"), (0.0, "100% of such alerts")])
def test_a_metric_at_its_end_can_be_rendered(evidence, value, said):
    """Injected: a candidate that is perfect in every metric, and one that is worthless."""
    training, report = evidence
    ours = {name: dict.fromkeys(each, value) for name, each in report["metrics"]["candidate"].items()}
    text = model_card.model_card(1, training, report | {"metrics": report["metrics"] | {"candidate": ours}})
    assert said in " ".join(text.split())


@pytest.mark.exhibit
@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2013-06-29 03:59:00+00:00", "2013-06-28"),  # in summer, four hours behind
        ("2013-12-31T04:30:00+00:00", "2013-12-30"),  # in winter, five
        ("2013-09-01 09:16:00+00:00", "2013-09-01"),
    ],
)
def test_a_day_on_the_card_is_a_local_day(moment, day):
    """Injected: evening flights, whose day in UTC is the next one."""
    assert local_day(moment) == day


@pytest.mark.parametrize("part", ["train", "validation"])
def test_the_data_have_periods_rows_and_rates(evidence, part):
    """Training, validation and holdout stand on the card; planted: nobody noted one of them."""
    training, report = evidence
    text = model_card.model_card(1, training, report)
    for each in (training["data"][part], report["holdout"]):
        days = " | ".join(local_day(each[end]) for end in ("first", "last"))
        assert f"{days} | {each['rows']:,} | {each['late']:.1%}" in text
    assert f"On {training['as_of']}, the first live day, the newest " in text
    data = {name: figures for name, figures in training["data"].items() if name != part}
    with pytest.raises(model_card.ClaimWithoutNumber, match=part):
        model_card.model_card(1, training | {"data": data}, report)


def test_the_label_audit_is_on_the_card_once_it_was_made(evidence, tmp_path):
    """Without the audit's report the card says that there was none; with it, what was found and how well it finds."""
    training, report = evidence
    assert "were not audited" in model_card.model_card(1, training, report)
    trial = {"precision": 0.97, "recall": 0.44}
    audit = {
        "suspects": 248,
        "flights": 327_346,
        "by_rule": {"too fast": 4},
        "winner": "rules",
        "trials": {"rules": trial},
    }
    (tmp_path / "labels.json").write_text(json.dumps(audit))
    text = model_card.model_card(1, training, report | model_card.other_reports(tmp_path))
    assert "248 of 327,346 recorded outcomes are suspect (too fast: 4)" in text
    assert "finds 44% at a precision of 97%" in text


def test_what_a_client_may_send_wrong_is_measured(evidence):
    """Each corruption has its figures, on the card too; none ranks better than what was sent right, but for chance."""
    training, report = evidence
    text = model_card.model_card(1, training, report)
    best = report["metrics"]["candidate"]["roc_auc"]["value"]
    assert len(report["corrupted"]) == 3
    for name, figures in report["corrupted"].items():
        assert f"| {name} | {figures['roc_auc']:.3f} |" in text
        assert figures["roc_auc"] < best + 0.01


def test_the_card_is_in_the_folder_and_served(trained, tmp_path):
    """The same card, as text and as a page, and its pictures; the service answers with the page of its champion."""
    folder = registry.model_folder(trained / "3_models", 1)
    assert (folder / "card.md").read_text().startswith("# Model card: flights, version")
    shutil.copytree(trained, tmp_path / "data")
    with running(tmp_path / "data") as server:
        server.wait()
        assert httpx.get(f"{server.url}/model/card").content == (folder / "card.html").read_bytes()


@pytest.mark.parametrize(("name", "metric"), [("tree", "roc_auc"), ("logistic", "brier"), ("heuristic", "roc_auc")])
def test_the_card_names_a_simpler_model_that_is_as_good(name, metric, monkeypatch):
    """Planted: the gate did not ask for it, as without TO_BEAT, and passed; the card does not stay silent."""
    monkeypatch.setattr(model_card, "hooks", lambda *_: [])
    better, equal = ({"value": value, "low": -0.02, "high": 0.02} for value in (0.01, -0.01))
    margins = {each: {"roc_auc": better, "brier": better} for each in ("heuristic", "tree", "logistic")}
    report = {"checks": [{"failure": ""}], "passed": True, "not_compared": "", "margins": margins, "properties": {}}
    assert "as good" not in model_card.verdict(report)["reasons"]
    margins[name][metric] = equal
    assert f"But {name} is simpler and as good: the margin in {metric} is" in model_card.verdict(report)["reasons"]
    assert "as good" not in model_card.verdict(report | {"properties": {"estimator": name}})["reasons"]


@pytest.mark.parametrize(("without", "hurts"), [(0.01, False), (0.03, False), (0.05, True)])
def test_the_card_claims_that_missing_feeds_hurt_only_if_they_do(without, hurts):
    """Planted: the calibration error of a candidate is 0.03, and without its worst feed smaller, equal, or larger."""
    report = {"missing_feeds": {"one": {"calibration_error": 0.001}, "two": {"calibration_error": without}}}
    ours = {"precision_at_budget": 0.5, "calibration_error": 0.03}
    found = model_card.known_failures(report | {"slices": []}, ours)
    assert ("Missing feeds hurt" in found) is hurts
    assert ("With the two feed missing" in found) is hurts


def test_a_refused_candidate_says_so(evidence):
    """The card of a refused version gives the reasons."""
    training, report = evidence
    checks = [{"name": "calibrated", "sentence": "It is calibrated.", "failure": "it is 0.200"}]
    text = model_card.model_card(1, training, report | {"passed": False, "checks": checks})
    assert "**blocked** it. it is 0.200." in text


def test_recalibration_is_on_record_kept_or_not(evidence):
    """What it gained on validation and on the holdout, Brier's parts, and the curve."""
    _, report = evidence
    record = report["calibration"]
    assert set(record["gains_on_validation"]) == set(record["gains_on_holdout"]) == {"brier", "calibration_error"}
    brier = report["metrics"]["candidate"]["brier"]["value"]
    parts = record["brier_parts"]
    explained = parts["reliability"] - parts["resolution"] + parts["uncertainty"] + parts["within_bins"]
    assert explained == pytest.approx(brier)
    assert sum(record["curve"]["rows"]) == report["holdout"]["rows"]


@pytest.mark.parametrize("empty", [("missing_feeds",), ("slices",), ("corrupted", "missing_feeds", "slices")])
def test_a_data_set_may_lack_what_the_card_shows(evidence, empty):
    """Injected: no feed is declared, no slice is large enough, no wrong input applies. The card says so."""
    training, report = evidence
    text = model_card.model_card(1, training, report | {name: {} if name != "slices" else [] for name in empty})
    assert "None is declared." in text or "No part of the holdout" in text
    assert "Alerts can be wrong" in text
