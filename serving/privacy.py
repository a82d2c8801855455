"""What identifies someone is kept out of the log: hashed with a key before it is written, and forgotten on request.

The columns that the contract marks `personal` never reach log or metrics in the clear. `python -m serving.privacy
SUBJECT` deletes everything the log has about one subject and shows that nothing is left; what the training data holds
is the pipelines' business.
"""

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path

from flights.config import Settings
from flights.dataset import INPUTS
from serving.prediction_log import PredictionLog
from serving.request import Pseudonym

PERSONAL = tuple(column.name for column in INPUTS if column.personal)


def main() -> None:
    """Forget one subject."""
    settings = Settings()
    if len(sys.argv) != 2:
        sys.exit("expected one subject, as requests name it: python -m serving.privacy N14228")
    log = PredictionLog(settings.log_url)
    name = pseudonym(pseudonym_key(settings.data_dir))(sys.argv[1])
    gone = sum(log.forget(column, name) for column in PERSONAL)
    left = sum(len(log.about(column, name)) for column in PERSONAL)
    log.close()
    sys.stdout.write(f"forgot {gone} predictions and their outcomes; {left} left in {settings.log_url}\n")
    sys.exit(left > 0)


def pseudonym_key(data_dir: Path) -> bytes:
    """The key of this data folder, made once: whoever lacks it cannot tell from a pseudonym who it is."""
    file = data_dir / "4_predictions" / "pseudonym.key"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return file.read_bytes()
    with os.fdopen(handle, "wb") as opened:
        opened.write(os.urandom(32))
        opened.flush()
        os.fsync(opened.fileno())
    return file.read_bytes()


def pseudonym(key: bytes) -> Pseudonym:
    """Turn a subject into the name that it has in the log: always the same, and only with this key."""

    @lru_cache(10_000)  # subjects come again
    def named(subject: str) -> str:
        return hashlib.blake2b(subject.encode(), digest_size=12, key=key).hexdigest()

    return named


if __name__ == "__main__":
    main()
