"""One line per step for the person who watches: what it read, what it wrote, how long it took."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Step:
    """What a step read and wrote, as text."""

    read: str = ""
    wrote: str = ""


@contextmanager
def step(name: str) -> Iterator[Step]:
    """Time a step and print its line if it succeeds; a missing file ends the process with one line."""
    summary, start = Step(), time.perf_counter()
    try:
        yield summary
    except FileNotFoundError as missing:
        sys.exit(f"{name}: {missing}")
    print(f"{name:<9} read {summary.read}; wrote {summary.wrote}; {time.perf_counter() - start:.1f} s", flush=True)


def size(*paths: Path) -> str:
    """Size of some files, in MB."""
    return f"{sum(path.stat().st_size for path in paths) / 1e6:.1f} MB"


def interval_text(interval: Mapping[str, float], digits: int = 3) -> str:
    """A value with its interval, as every table shows it."""
    return f"{interval['value']:.{digits}f} [{interval['low']:.{digits}f}, {interval['high']:.{digits}f}]"
