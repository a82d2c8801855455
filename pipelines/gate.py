"""The gate: what a candidate must show before it may serve; `make gallery` shows each criterion a bad candidate.

Its criteria are those of the plug-ins in `pipelines/checks/`, one file per family. A team adds a check by adding a
file; if one is deleted, its criteria are not asked for, and evaluation's line no longer names the family.
"""

from dataclasses import dataclass

from pipelines.check import Criterion, Evidence, families


@dataclass(frozen=True)
class Check:
    """The result of one criterion."""

    name: str
    sentence: str
    failure: str  # empty if the candidate meets the criterion

    @property
    def passed(self) -> bool:
        """Whether the candidate meets the criterion."""
        return not self.failure


def valid(evidence: Evidence) -> str:
    """Fail on predictions outside [0, 1] or NaN."""
    return f"{evidence.invalid_probabilities:,} are not" if evidence.invalid_probabilities else ""


VALID = Criterion("valid", "Every probability is a number from 0 to 1.", valid)


def checks(evidence: Evidence) -> list[Check]:
    """The result of every criterion; with invalid probabilities, of the first one only."""
    applicable = (VALID,) if evidence.invalid_probabilities else criteria()
    return [Check(each.name, each.sentence, each.failure(evidence)) for each in applicable]


def criteria() -> tuple[Criterion, ...]:
    """Every criterion, those of the plug-ins in the order of their files."""
    return (VALID, *(each for module in families().values() for each in getattr(module, "CRITERIA", ())))
