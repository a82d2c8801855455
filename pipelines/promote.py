"""Promote: make a version that passed the gate the champion, or roll back to the champion before it."""

import argparse
import sys

from flights import registry
from flights.config import Settings
from flights.plugins import hooks
from flights.registry import ModelRefused, PromotionRefused
from pipelines.evaluation.publish import promote_evaluated
from pipelines.step import step


def main() -> None:
    """Promote the evaluated version if the gate passed it, or roll back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollback", action="store_true", help="make the previous champion the champion again")
    rollback = parser.parse_args().rollback
    settings = Settings.read()
    try:
        with step("rollback" if rollback else "promote") as summary:
            entry = registry.rollback(settings.models_dir) if rollback else promote_evaluated(settings)
            for mirror_champion in hooks("pipelines.extras", "mirror_champion"):
                mirror_champion(settings)
            summary.read = f"champion {entry.previous or 'none'}"
            summary.wrote = f"champion {entry.champion}, entry {entry.sequence} of the history"
    except (PromotionRefused, ModelRefused) as error:
        sys.exit(f"blocked: {error}")


if __name__ == "__main__":
    main()
