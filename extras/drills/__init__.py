"""Failure drills: each plants a failure into a copy, and shows the damage, the guard that fires and the way back."""

from typing import Any


def with_drill(clean: Any, drill: str, days: int, seed: int) -> Any:
    """A replay's traffic with the failure of a drill."""
    from extras.drills import faults

    return faults.with_drill(clean, drill, days, seed)
