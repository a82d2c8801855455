"""Tell MLflow again what it did not get: the newest version's evaluation, and which version is champion."""

from flights.artifacts import read_json
from flights.config import Settings
from flights.files import GATE_FILE, MANIFEST_FILE, TRAIN_FIRST
from flights.registry import model_folder
from pipelines.extras import tracking


def main() -> None:
    """Log the newest version's evaluation and set the alias `champion`; doing it twice changes nothing."""
    settings = Settings.read()
    versions = model_folder(settings.models_dir, 0).parent.glob("[0-9]*")
    newest = max((int(path.name) for path in versions), default=0)
    if newest:
        folder = model_folder(settings.models_dir, newest)
        training, report = read_json(folder / MANIFEST_FILE, TRAIN_FIRST), read_json(folder / GATE_FILE, TRAIN_FIRST)
        tracking.log_evaluation(settings, training, newest, report)
    tracking.mirror_champion(settings)


if __name__ == "__main__":
    main()
