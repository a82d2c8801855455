"""Forget one subject: delete everything that the prediction log has about it, and show that nothing is left.

The log never had it in the clear (see `flights.privacy`). What the training data hold is the pipelines' business.
"""

import sys

from flights.config import Settings
from flights.privacy import PERSONAL, pseudonym, pseudonym_key
from serving.prediction_log import PredictionLog


def main() -> None:
    """Forget one subject."""
    settings = Settings()
    if len(sys.argv) != 2:
        sys.exit("expected one subject, as requests name it: python -m serving.privacy N14228")
    try:
        name = pseudonym(pseudonym_key(settings.data_dir))(sys.argv[1])
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"nothing was forgotten: {error}")
    log = PredictionLog(settings.log_url)
    gone = sum(log.forget(column, name) for column in PERSONAL)
    left = sum(len(log.about(column, name)) for column in PERSONAL)
    log.close()
    sys.stdout.write(f"forgot {gone} predictions and their outcomes; {left} left in {settings.log_url}\n")
    sys.exit(left > 0)


if __name__ == "__main__":
    main()
