"""Erasure: delete one subject from log, data and reports, and search every file for what is left."""

import sys


def given_subject() -> str:
    """The one subject of the command line; without it the process ends before anything is read or written."""
    words = [word.strip() for word in sys.argv[1:]]
    if len(words) != 1 or not words[0]:
        sys.exit("expected one subject, as the data name it: make forget SUBJECT=N14228")
    return words[0]
