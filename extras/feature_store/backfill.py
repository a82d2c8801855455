"""Backfill: the offline table of many times the events, month by month, by one process and by Dask.

Repeats the year's events with shifted dates. Prints, for each size and engine, rows a second, the processors' seconds
for a million rows, and the largest process's memory; exits with 1 if the engines write different bytes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from extras.feature_store.partitions import partitions, write_events, write_partition
from flights.artifacts import digest, read_parquet, sha256
from flights.config import Settings
from flights.dataset import KEY
from flights.extras.feature_views.kinds import KINDS

SHIFT = pd.Timedelta(weeks=53)  # the same weekdays, and no day twice
WATCHED = (
    "import resource, subprocess, sys; code = subprocess.run(sys.argv[1:], stdout=2).returncode; "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(used.ru_maxrss, used.ru_utime + used.ru_stime); sys.exit(code)"
)


def main() -> None:
    """Print one line for each run."""
    parser = argparse.ArgumentParser(prog="make bench-backfill", description=__doc__)
    parser.add_argument("--times", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--engines", nargs="+", default=["one", "dask"])
    parser.add_argument("--events", type=Path, default=Settings().raw_dir / "events")
    parser.add_argument("--run", nargs=3, metavar=("ENGINE", "SOURCE", "TARGET"), help="only this, without repeating")
    args = parser.parse_args()
    if args.run:
        run(args.run[0], Path(args.run[1]), Path(args.run[2]))
        return
    hint = "run `make events`"
    events = {kind.name: read_parquet(args.events / f"{kind.name}.parquet", hint) for kind in KINDS}
    for times in args.times:
        with tempfile.TemporaryDirectory() as folder:
            for place in range(times):
                write_events(repeated(events, place), Path(folder) / "events")
            rows = times * len(events["timetable"])
            digests = {measure(engine, rows, Path(folder)) for engine in args.engines}
        if len(digests) != 1:
            sys.exit("the engines wrote different bytes")


def repeated(events: dict[str, pd.DataFrame], place: int) -> dict[str, pd.DataFrame]:
    """The events of a repetition, with other dates; what lasts stays as it is."""
    moved = {}
    for kind in KINDS:
        table = events[kind.name]
        if not kind.lasting:
            table = table.assign(**{name: table[name] + place * SHIFT for name in ("event_time", "known_at")})
            if KEY in table:
                days = pd.to_datetime(table[KEY].str[:10]) + place * SHIFT
                table[KEY] = days.dt.strftime("%Y-%m-%d") + table[KEY].str[10:]
        moved[kind.name] = table
    return moved


def run(engine: str, source: Path, target: Path) -> None:
    """Write every partition."""
    with mapped(engine) as each:
        sum(each(partial(write_partition, folder=source, target=target), partitions(source)))


@contextmanager
def mapped(engine: str) -> Iterator[Any]:
    """A function like `map`: in this process, or by Dask's workers, in the order in which they are done."""
    if engine == "one":
        yield map
        return
    import distributed

    with distributed.Client(threads_per_worker=1, dashboard_address=None) as client:
        yield lambda work, todo: (
            done.result() for done in distributed.as_completed([client.submit(work, one, pure=False) for one in todo])
        )


def measure(engine: str, rows: int, folder: Path) -> str:
    """Digest of what an engine writes, in a process of its own that waits for all of its workers."""
    target = folder / engine
    command = [sys.executable, "-m", "extras.feature_store.backfill", "--run", engine]
    command += [str(folder / "events"), str(target)]
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *command],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    memory, processors = map(float, done.stdout.split())
    written = sorted(target.glob("*.parquet"))
    if not written:
        sys.exit(f"backfill  {engine} wrote no partition: run `make events` first")
    found = digest(sha256(path) for path in written)
    print(
        f"backfill  {engine:<5} {rows:11,} rows: {seconds:7.1f} s, {rows / seconds:9,.0f} rows/s, "
        f"{processors / rows * 1e6:6.1f} CPU s a million rows, largest process {memory / 1024:5.0f} MB, {found[:12]}",
        flush=True,
    )
    return found


if __name__ == "__main__":
    from extras.feature_store import backfill  # noqa: PLW0406 - the workers look for our functions under this name

    backfill.main()
