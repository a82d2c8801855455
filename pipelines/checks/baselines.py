"""Gate check: the candidate is better than what is simpler."""

from flights.config import TO_BEAT
from flights.model import RULE
from pipelines.check import COMPARED, Criterion, Evidence


def beats_heuristic(evidence: Evidence) -> str:
    """Fail a margin over the heuristic that may be chance."""
    margins = evidence.margins[RULE]
    return " and ".join(f"the margin in {name} is {margins[name]}" for name in COMPARED if not margins[name].low > 0)


def worth_it(evidence: Evidence) -> str:
    """Fail a candidate that a simpler model equals."""
    if not TO_BEAT:
        return "TO_BEAT names no simpler model to compare with: add one in config.py"
    return " and ".join(
        f"{simpler} is as good: the margin in {name} is {evidence.margins[simpler][name]}"
        for simpler in TO_BEAT
        for name in COMPARED
        if not evidence.margins[simpler][name].value > 0
    )


CRITERIA = (
    Criterion(
        "beats_heuristic", "It is significantly better than the heuristic in ROC-AUC and Brier score.", beats_heuristic
    ),
    Criterion("worth_it", "No simpler model is as good in ROC-AUC or Brier score.", worth_it),
)
