"""Promote: make a version that passed the gate champion, or go back to its predecessor; refuse anything else."""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from flights import registry, tracking
from flights.artifacts import read_json, write_json
from flights.config import Settings
from flights.files import EVALUATION_FILE, GATE_FILE, PROMOTION_FILE, TRAIN_FIRST
from flights.registry import ModelRefused, Promotion, PromotionRefused
from pipelines.step import step


def main() -> None:
    """Promote what evaluation passed, or roll back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rollback", action="store_true", help="make the champion's predecessor champion again")
    back = parser.parse_args().rollback
    settings = Settings()
    try:
        with step("rollback" if back else "promote") as said:
            entry = registry.rollback(settings.models_dir) if back else promoted(settings)
            mlflow = tracking.connect(settings.models_dir, settings.mlflow_tracking_uri)
            tracking.mirror_champion(mlflow, settings.models_dir)
            said.read = f"champion {entry.previous or 'none'}"
            said.wrote = f"champion {entry.champion}, entry {entry.sequence} of the history"
    except (PromotionRefused, ModelRefused) as refusal:
        sys.exit(f"refused: {refusal}")


def promoted(settings: Settings, place: Path | None = None) -> Promotion:
    """Make the evaluated version champion.

    Parameters
    ----------
    place
        Where its evaluation lies; by default where AS_OF's training has it.

    Raises
    ------
    PromotionRefused
        The gate did, or the champion is no longer the one that the candidate was compared with.
    """
    place = place or settings.candidate_dir
    report = read_json(place / EVALUATION_FILE, TRAIN_FIRST)
    version = report["version"]
    verdict = registry.model_folder(settings.models_dir, version) / GATE_FILE
    if not read_json(verdict, TRAIN_FIRST)["passed"]:
        objections = [
            f"\n  {each['sentence']} But {each['objection']}." for each in report["checks"] if each["objection"]
        ]
        raise PromotionRefused(f"the gate refused version {version}, and the champion stays:{''.join(objections)}")
    if registry.champion(settings.models_dir) == version:  # promoted before, and stopped before it was said
        entry = registry.history(settings.models_dir)[-1]
    else:
        entry = registry.promote(settings.models_dir, version, expected=report["champion"])
    write_json(place / PROMOTION_FILE, asdict(entry))
    return entry


if __name__ == "__main__":
    main()
