"""Gate check: a probability means what it says."""

from flights.config import MAX_CALIBRATION_ERROR
from pipelines.check import Criterion, Evidence


def calibrated(evidence: Evidence) -> str:
    """Fail probabilities that are too far from the observed rates."""
    value = evidence.metrics["calibration_error"].value
    return "" if value <= MAX_CALIBRATION_ERROR else f"it is {value:.3f} (limit {MAX_CALIBRATION_ERROR})"


CRITERIA = (Criterion("calibrated", f"Calibration error is at most {MAX_CALIBRATION_ERROR}.", calibrated),)
