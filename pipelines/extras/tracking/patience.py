"""MLflow answers within seconds or not at all, and what it did not get is a warning that says how to repeat it."""

import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 20.0  # until a store that does not answer is given up
QUICK = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


class NoAnswer(BaseException):
    """MLflow took too long. It is no `Exception`, because MLflow's own retries catch those."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """End the block with `NoAnswer` after some seconds; a thread that gets no signals waits as long as MLflow does."""
    for name, value in QUICK.items():
        os.environ.setdefault(name, value)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        raise NoAnswer(f"no answer within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def mirrored(what: str, repeat: str, seconds: float = SECONDS) -> Iterator[None]:
    """Let a failure of MLflow be a warning: what was done before it stays done."""
    try:
        with within(seconds):
            yield
    except (Exception, NoAnswer) as error:
        print(f"warning: MLflow did not get {what} ({reason(error)}); the rest is done. {repeat}", file=sys.stderr)


def reason(error: BaseException) -> str:
    """The first line of an error, of limited length."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"


def without_password(uri: str) -> str:
    """A URI that can be shown."""
    return re.sub(r"//[^/@]*@", "//...@", uri)
