"""One line per step for the person who watches: what it read, what it wrote, how long it took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Step:
    """What a step has to say when it is done."""

    read: str = ""
    wrote: str = ""


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Time a step and print its line when it ends well.

    A missing file ends the process with its message alone: it names the command that makes it.
    """
    said, start = Step(), time.perf_counter()
    try:
        yield said
    except FileNotFoundError as missing:
        sys.exit(f"{name}: {missing}")
    print(f"{name:<9} read {said.read}; wrote {said.wrote}; {time.perf_counter() - start:.1f} s", flush=True)


def size(*paths: Path) -> str:
    """Size of some files, in MB."""
    return f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB"
