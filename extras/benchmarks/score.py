"""Scoring more than there is: the flights repeated with shifted dates, one partition for each repetition.

Says, for each size and engine, rows a second, the processors' seconds for a million rows, and the largest process's
memory; none should get worse with the size, and every engine must write the same bytes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flights.artifacts import digest, read_parquet, sha256, write_parquet
from flights.config import Settings
from flights.dataset import EVENT_TIME, KEY
from flights.files import VALID_FILE

SHIFT = pd.Timedelta(days=364)  # the same weekdays


@dataclass(frozen=True)
class Figure:
    """What one run took."""

    engine: str
    times: int
    rows: int
    seconds: float
    processors: float  # seconds of all processes
    memory: float  # MB, of the largest process
    digest: str  # of all scores


def main() -> None:
    """Print one line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--rows", type=int, default=None, help="of the flights, to repeat fewer of them")
    parser.add_argument("--engines", nargs="+", default=["one", "dask"])
    words = parser.parse_args()
    flights = read_parquet(Settings().raw_dir / VALID_FILE, "run `make validate`")[: words.rows]
    with tempfile.TemporaryDirectory() as folder:
        for times in words.times:
            repeat(flights, times, Path(folder) / str(times))
            figures = [figure(engine, times, Path(folder), len(flights)) for engine in words.engines]
            if len({each.digest for each in figures}) != 1:
                sys.exit("the engines wrote different scores")


def repeat(flights: pd.DataFrame, times: int, target: Path) -> None:
    """Write the dataset."""
    for place in range(times):
        moved = flights[EVENT_TIME] + place * SHIFT
        ids = moved.dt.strftime("%Y-%m-%d") + flights[KEY].str[10:]
        write_parquet(target / f"part-{place:04}.parquet", flights.assign(**{EVENT_TIME: moved, KEY: ids}))


def figure(engine: str, times: int, folder: Path, rows: int) -> Figure:
    """Score once, in a process of its own that waits for all of its workers."""
    target = folder / f"{engine}-{times}"
    command = [
        sys.executable,
        "-m",
        "extras.operations.score",
        "--input",
        str(folder / str(times)),
        "--output",
        str(target),
    ]
    watched = (
        "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=2).returncode; "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_maxrss, used.ru_utime + used.ru_stime); sys.exit(code)"
    )
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watched, *command, "--engine", engine],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    scores = digest(sha256(path) for path in sorted(target.glob("*.parquet")))
    memory, processors = map(float, done.stdout.split())
    found = Figure(engine, times, rows * times, seconds, processors, memory / 1024, scores)
    print(
        f"{engine:<5} {times:>4} x {rows:,} rows: {seconds:7.1f} s, {found.rows / seconds:9,.0f} rows/s, "
        f"{found.processors / found.rows * 1e6:6.1f} CPU s a million rows, "
        f"largest process {found.memory:5.0f} MB, scores {scores[:12]}",
        flush=True,
    )
    return found


if __name__ == "__main__":
    main()
