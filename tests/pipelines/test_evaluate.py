"""The candidate is measured next to every baseline, published whatever the verdict, and refused when it is bad."""

import json

import numpy as np
import pytest

from flights import model, portable, registry
from flights.artifacts import read_json, read_parquet, sha256
from flights.config import AS_OF, Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, KEY
from flights.evaluation import METRICS
from flights.features import CATEGORIES
from pipelines import check, evaluate
from pipelines.evaluation.inputs import candidate_folder
from pipelines.evaluation.publish import promote_evaluated
from pipelines.rows import labelled_rows
from tests.declared import NUMBER


@pytest.fixture
def report(trained):
    """The evaluation report of the session's training."""
    return read_json(trained / "3_models" / "candidates" / AS_OF / "evaluation.json", "")


@pytest.mark.exhibit
@pytest.mark.ml_test_score("M5")
def test_the_real_candidate_beats_the_heuristic(report):
    """On an eighth of the real flights, ranking and estimates are better than the heuristic's beyond chance."""
    assert report["passed"], [check for check in report["checks"] if check["failure"]]
    assert report["margins"]["heuristic"]["roc_auc"]["low"] > 0
    assert 0.65 < report["metrics"]["candidate"]["roc_auc"]["value"] < 0.80


def test_every_baseline_stands_beside_the_candidate(report):
    """Every model has every metric with its interval; the prior ranks like a coin."""
    assert set(report["metrics"]) == set(model.MODELS)
    for figures in report["metrics"].values():
        assert set(figures) == set(METRICS)
        assert all(figure["low"] <= figure["high"] for figure in figures.values())
    assert report["metrics"]["prior"]["roc_auc"]["value"] == pytest.approx(0.5)


def test_a_version_holds_its_evidence(trained):
    """Metrics, verdict, card and picture lie in the published folder, and the manifest knows their digests."""
    folder = registry.model_folder(trained / "3_models", 1)
    manifest = read_json(folder / "manifest.json", "")
    assert {
        "gate.json",
        "metrics.json",
        "card.md",
        "card.html",
        "holdout.png",
        "slices.png",
        "reference.parquet",
        "seen.npy",
    } <= set(manifest["files"])
    assert (folder / "holdout.png").read_bytes().startswith(b"\x89PNG")
    assert {"threshold", "as_of", "seed", "data_digest", "schema_digest"} <= set(manifest)


def test_the_reference_is_the_holdout_with_its_predictions(trained):
    """The monitor compares with the days just before the traffic, every row of them, which no fitting has seen."""
    folder = registry.model_folder(trained / "3_models", 1)
    reference = read_parquet(folder / "reference.parquet", "")
    assert list(reference.columns) == [*(c.name for c in INPUTS if not c.personal), "probability", "target"]
    assert len(reference) == read_json(folder / "gate.json", "")["holdout"]["rows"]
    whole = reference.assign(**{column.name: None for column in INPUTS if column.personal})
    np.testing.assert_allclose(portable.load(folder)(as_arrays(whole)), reference["probability"], atol=1e-12)


def test_the_next_candidate_is_compared_with_the_champion(a_copy):
    """With a champion, the report has its metrics, and the same model again is not worse than it."""
    evaluate.main()
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert report["champion"] == 1
    assert report["margins"]["champion"]["roc_auc"]["value"] == 0
    assert report["passed"]
    assert promote_evaluated(Settings()).champion == report["version"] == 2


@pytest.mark.heavy
@pytest.mark.parametrize("planted", ["a changed feature", "a flipped bit", "an input more"])
def test_a_champion_that_cannot_be_loaded_is_replaced_by_decision(a_copy, monkeypatch, planted):
    """Planted: the champion answers otherwise, is damaged, or lacks a column. Refused with the way out; then taken."""
    broken = registry.model_folder(Settings().models_dir, 1)
    if planted == "a flipped bit":
        golden = bytearray((broken / "golden.json").read_bytes())
        golden[len(golden) // 2] ^= 1
        (broken / "golden.json").write_bytes(golden)
    else:  # as if the code had changed since it was trained: its golden file is from another world
        golden = json.loads((broken / "golden.json").read_text())
        if planted == "a changed feature":
            golden["probabilities"][0] += 0.01
        else:
            golden["inputs"] = [{key: row[key] for key in row if key != NUMBER.name} for row in golden["inputs"]]
        (broken / "golden.json").write_text(json.dumps(golden))
        manifest = json.loads((broken / "manifest.json").read_text())
        manifest["files"]["golden.json"] = sha256(broken / "golden.json")
        (broken / "manifest.json").write_text(json.dumps(manifest))
    evaluate.main()
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert [check["name"] for check in report["checks"] if check["failure"]] == ["champion", "slices_champion"]
    with pytest.raises(registry.PromotionRefused, match=r"champion 1 cannot be loaded .* REPLACE_CHAMPION=true"):
        promote_evaluated(Settings())

    monkeypatch.setenv("REPLACE_CHAMPION", "true")
    evaluate.main()
    assert promote_evaluated(Settings()).champion == 3
    folder = registry.model_folder(Settings().models_dir, 3)
    assert read_json(folder / "gate.json", "")["properties"]["champion_unloadable"].startswith(str(broken))
    assert "REPLACE_CHAMPION skipped the comparison with champion 1" in (folder / "card.md").read_text()
    with pytest.raises(registry.PromotionRefused, match="the gate did not pass version 2"):
        registry.promote(Settings().models_dir, 2, expected=3)


@pytest.mark.ml_test_score("I4", injects="training saw five rows of the holdout, under other names")
def test_a_holdout_that_training_saw_is_refused_and_the_champion_stays(a_copy):
    """Planted: training saw five rows of the holdout, under other names. Published as refused, never promoted."""
    settings = Settings()
    rows = labelled_rows(settings, "holdout").head(5)
    renamed = rows.assign(**{KEY: rows[KEY] + "9"})
    check.record(candidate_folder(settings), renamed)
    evaluate.main()
    report = read_json(settings.candidate_dir / "evaluation.json", "")
    assert not report["passed"]
    assert [check["name"] for check in report["checks"] if check["failure"]] == ["clean_holdout"]
    with pytest.raises(registry.PromotionRefused, match="training has seen 5 rows"):
        promote_evaluated(settings)
    assert registry.champion(a_copy / "3_models") == 1


def test_a_damaged_portable_model_is_refused(a_copy):
    """Planted: a table of the candidate changed after training."""
    folder = candidate_folder(Settings())
    tables = json.loads((folder / "encodings.json").read_text())
    name = CATEGORIES[0]
    tables["tables"][name] = dict.fromkeys(tables["tables"][name], 0.9)
    (folder / "encodings.json").write_text(json.dumps(tables))
    evaluate.main()
    report = read_json(Settings().candidate_dir / "evaluation.json", "")
    assert "portable" in [check["name"] for check in report["checks"] if check["failure"]]


def test_each_feed_is_silenced(report):
    """Without any one feed the candidate is still measured, and does worse than with it."""
    assert set(report["missing_feeds"]) == set(model.feeds())
    best = report["metrics"]["candidate"]["roc_auc"]["value"]
    assert all(0.55 < each["roc_auc"] < best for each in report["missing_feeds"].values())


def test_evaluating_before_training_names_the_command(tmp_path, monkeypatch):
    """A step without its input says what to run."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="run `make train`"):
        evaluate.main()
