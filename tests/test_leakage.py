"""What a model would have claimed that sees the outcome, and who refuses it."""

import numpy as np
import pytest

from flights import model
from flights.artifacts import read_json
from flights.columns import LeakageError, inputs
from flights.config import AS_OF, Settings
from flights.dataset import INPUTS, OUTCOME, OUTCOMES, targets
from flights.evaluation import metrics
from flights.ranking import rank
from flights.resampling import Interval
from pipelines.rows import features_of, labelled_rows
from tests.pipelines.test_gate import GOOD, failure, replace


@pytest.fixture(scope="module")
def parts(trained, environment):
    """Rows to learn from and rows of the holdout."""
    environment.setenv("DATA_DIR", str(trained))
    return {name: labelled_rows(Settings(), name) for name in ("train", "holdout")}


def scored(parts, leak=None):
    """ROC-AUC on the holdout of a candidate that also sees one outcome column."""

    def view(rows):
        features = features_of(rows)
        return features if leak is None else features.assign(**{leak: rows[leak].to_numpy()})

    fitted = (
        model.build_model(model.CANDIDATE, 0)
        .set_params(trees__monotonic_cst=None)
        .fit(view(parts["train"]), targets(parts["train"]))
    )
    found = fitted.predict_proba(view(parts["holdout"]))[:, 1]
    return metrics(rank(targets(parts["holdout"]), found))["roc_auc"]


def test_a_leaky_model_would_have_looked_brilliant(parts, trained):
    """With the outcome as a feature, ROC-AUC rises beyond what is honest, and the gate takes it for a leak."""
    honest, leaky = scored(parts), scored(parts, OUTCOME)
    assert leaky > honest + 0.08
    report = read_json(trained / "3_models" / "candidates" / AS_OF / "evaluation.json", "")
    assert honest == pytest.approx(report["metrics"]["candidate"]["roc_auc"]["value"], abs=0.03)
    assert failure("not_too_good", replace(GOOD, metrics={"roc_auc": Interval(leaky, leaky, leaky)}))
    assert not failure("not_too_good", replace(GOOD, metrics={"roc_auc": Interval(honest, honest, honest)}))


@pytest.mark.ml_test_score("D4", injects="each outcome column among the inputs")
@pytest.mark.parametrize("column", OUTCOMES, ids=lambda column: column.name)
def test_no_outcome_can_be_declared_an_input(column):
    """Planted: each outcome column among the inputs."""
    with pytest.raises(LeakageError, match=column.name):
        inputs(*INPUTS, column)


@pytest.mark.exhibit
def test_a_random_split_flatters(parts):
    """The same flights seem easier to predict when training saw others of the same days."""
    rows = parts["train"]
    days = rows["scheduled_departure"]
    late = (days >= days.quantile(0.75)).to_numpy()
    drawn = np.random.default_rng(0).random(len(rows)) < 0.5
    honest = scored({"train": rows[~late], "holdout": rows[late & drawn]})
    flattered = scored({"train": rows[~(late & drawn)], "holdout": rows[late & drawn]})
    assert flattered > honest
