"""Gate check: the candidate is better than what is simpler."""

from flights.config import TO_BEAT
from flights.model import HGB, RULE
from flights.resampling import Interval
from pipelines.check import COMPARED, Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs

SIGNIFICANT = True  # false if the holdout has too few rows for it: then more than one standard error is asked for
STANDARD_ERRORS = 3.92  # that a 95 % interval is wide
HOW = "significantly better than the heuristic" if SIGNIFICANT else "better than the heuristic by a standard error"
TRAINABLE = {"tree", "logistic"}  # baselines that ESTIMATOR can name


def properties(inputs: EvaluationInputs) -> dict[str, str]:
    """The candidate's family."""
    return {"estimator": inputs.training.get("estimator", HGB)}


def beats_heuristic(evidence: Evidence) -> str:
    """Fail a margin over the heuristic that may be chance."""
    margins = evidence.margins[RULE]
    return " and ".join(f"the margin in {name} is {margins[name]}" for name in COMPARED if not is_ahead(margins[name]))


def is_ahead(margin: Interval) -> bool:
    """Whether a margin is above zero by more than chance; false for NaN."""
    error = (margin.high - margin.low) / STANDARD_ERRORS
    return margin.low > 0 if SIGNIFICANT else margin.value > error


def worth_it(evidence: Evidence) -> str:
    """Fail a candidate that a simpler model equals."""
    if not TO_BEAT:
        return "TO_BEAT names no simpler model to compare with: add one in config.py"
    equal = {
        (simpler, name): f"{simpler} is as good: the margin in {name} is {evidence.margins[simpler][name]}"
        for simpler in simpler_models(evidence.measured.get("estimator", HGB))
        for name in COMPARED
        if not evidence.margins[simpler][name].value > 0
    }
    ways = [f"`make train ESTIMATOR={name}`" for name in dict.fromkeys(name for name, _ in equal) if name in TRAINABLE]
    return " and ".join(equal.values()) + (f": {' or '.join(ways)} makes it the candidate" if ways else "")


def simpler_models(estimator: str) -> tuple[str, ...]:
    """The models of TO_BEAT that are simpler than a family: all, or those before it."""
    return TO_BEAT[: TO_BEAT.index(estimator)] if estimator in TO_BEAT else TO_BEAT


CRITERIA = (
    Criterion("beats_heuristic", f"It is {HOW} in {' and '.join(COMPARED.values())}.", beats_heuristic),
    Criterion("worth_it", f"No simpler model is as good in {' or '.join(COMPARED.values())}.", worth_it),
)
