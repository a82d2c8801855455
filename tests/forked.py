"""Python in forks of one process that has imported the libraries: what a copy of the repository imports is its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ALONE = Path(__file__).parent / "alone"

Forked = Callable[..., tuple[int, str]]


@contextmanager
def forks(folder: Path) -> Iterator[Forked]:
    """Run `python WORDS` in a copy; returns exit code and output."""
    environment = os.environ | {"PYTHONPATH": str(ALONE)}
    command = [sys.executable, "-W", "ignore", ALONE / "forks.py"]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:

        def run(copy: Path, *words: str) -> tuple[int, str]:
            output = folder / "output"
            job = {"cwd": str(copy), "path": [str(copy / "src"), str(copy)], "words": words, "output": str(output)}
            print(json.dumps(job), file=parent.stdin, flush=True)
            return int(parent.stdout.readline()), output.read_text()

        yield run
        parent.stdin.close()
