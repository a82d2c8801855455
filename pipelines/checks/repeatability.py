"""Gate check: scoring twice gives the same probabilities, and so does training twice."""

import numpy as np

from flights import model
from flights.contract import as_arrays
from flights.dataset import targets
from flights.portable import TOLERANCE
from flights.ranking import Vector
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs
from pipelines.rows import features_of, labelled_rows, training_features

REPEATED_ROWS = 1000
RETRAINED_ROWS = 5000


def properties(inputs: EvaluationInputs) -> dict[str, float]:
    """Largest difference when the same rows are scored twice, and between two trainings on the same rows."""
    served = inputs.scores[model.CANDIDATE].probabilities[:REPEATED_ROWS]
    again = inputs.score(as_arrays(inputs.rows.head(REPEATED_ROWS)))
    return {"repeat": float(np.max(np.abs(served - again))), "retrained": retraining_difference(inputs)}


def retraining_difference(inputs: EvaluationInputs) -> float:
    """Largest difference between the probabilities of two trainings on the same rows."""
    every = labelled_rows(inputs.settings, "train") if inputs.train is None else inputs.train
    rows = every.head(RETRAINED_ROWS)
    family = inputs.training.get("estimator", model.HGB)

    def probabilities() -> Vector:
        trained = inputs.build(family, inputs.seed).fit(training_features(rows, inputs.seed), targets(rows))
        return np.asarray(trained.predict_proba(features_of(rows))[:, 1])

    return float(np.max(np.abs(probabilities() - probabilities())))


def repeatable(evidence: Evidence) -> str:
    """Fail if scoring or training the same rows twice gives different probabilities."""
    differences = {"scored": evidence.measured["repeat"], "trained": evidence.measured["retrained"]}
    return " and ".join(
        f"{action} twice, probabilities differ by {difference:.2g} (limit {TOLERANCE:g})"
        for action, difference in differences.items()
        if not difference <= TOLERANCE
    )


CRITERIA = (
    Criterion("repeatable", "Scoring twice gives the same probabilities, and so does training twice.", repeatable),
)
