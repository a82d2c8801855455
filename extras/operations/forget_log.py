"""Forget one subject: delete everything that the prediction log has about it, and show that nothing is left.

The log never had it in the clear (see `flights.privacy`). What the training data hold is the pipelines' business.
"""

import sys

from flights.config import Settings
from flights.privacy import PERSONAL, pseudonym, pseudonym_key
from serving.prediction_log import LogUnavailable, PredictionLog


def main() -> None:
    """Forget one subject."""
    settings = Settings.read()
    if len(sys.argv) != 2:
        sys.exit("expected one subject, as requests name it: python -m extras.operations.forget_log N14228")
    try:
        named = pseudonym(pseudonym_key(settings.data_dir))
        name, log = named(sys.argv[1]), PredictionLog(settings.log_url, named)
        gone = sum(log.forget(column, name) for column in PERSONAL)
        left = sum(len(log.about(column, name)) for column in PERSONAL)
    except (FileNotFoundError, ValueError, LogUnavailable) as error:
        sys.exit(f"not forgotten: {error}")
    log.close()
    sys.stdout.write(f"forgot {gone} predictions and their outcomes; {left} left in {settings.log_url}\n")
    sys.exit(left > 0)


if __name__ == "__main__":
    main()
