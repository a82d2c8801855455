"""Score: the champion's probabilities for a partitioned Parquet dataset, by one process or by a Dask cluster.

Each file is one partition: validated, scored batch by batch in flat memory, and written completely or not at all. A
partition with scores of the same input and model is skipped, so run it again after a crash.
A cluster's workers need this package and see the same folders; the engine changes nothing in what is written.
"""

import argparse
import fcntl
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from glob import escape
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from extras.operations.partitions import Partition, input_path, partitions, place, reasons_of, too_many
from flights.artifacts import sha256, write_atomically, write_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import KEY
from flights.files import LIVE_FILE, TRAIN_FIRST
from flights.registry import Model, ModelRefused, champion, load
from pipelines.contract_check import ContractBroken
from pipelines.step import step

BATCH_ROWS = 25_000  # in memory at once, per worker
REFUSED = "refused"  # folder of the rows that the contract rejected
ORIGIN = b"scored_from"  # in the file's metadata: what its scores were made of


@dataclass(frozen=True)
class Part:
    """What became of one partition."""

    path: Path
    rows: int = 0
    refused: int = 0
    found: bool = False  # its scores were there already
    failure: str = ""


def main() -> None:
    """Score every partition with the champion."""
    settings = Settings.read()
    args = arguments(settings)
    version = verified_champion(settings.models_dir.resolve())
    source, target = input_path(args.input), input_path(args.output)
    sources = partitions(source)
    refuse_to_overwrite(sources, source, target)
    models_dir = settings.models_dir.resolve()
    work = partial(
        scored, dataset=source.absolute(), target_dir=target.resolve(), models_dir=models_dir, version=version
    )
    with alone_in(target), step("score") as summary, engine(args.engine, args.scheduler) as run:
        clear_away_unfinished(sources, source, target)
        with Progress(transient=True) as progress:
            parts = list(progress.track(run(work, sources), total=len(sources), description="score"))
        summary.read = f"{sum(part.rows for part in parts):,} rows in {len(parts)} partitions of {args.input}"
        summary.wrote = (
            f"{len(parts) - sum(part.found or bool(part.failure) for part in parts)} partitions to {args.output}, "
            f"{sum(part.found for part in parts)} were there; {sum(part.refused for part in parts):,} rows refused"
        )
    sys.exit("\n".join(f"refused: {part.path}: {part.failure}" for part in parts if part.failure) or None)


def arguments(settings: Settings) -> argparse.Namespace:
    """Where from, where to, and by whom."""
    parser = argparse.ArgumentParser(prog="make score", description=__doc__)
    parser.add_argument("--input", default=str(settings.splits_dir / LIVE_FILE), help="a folder or a file")
    parser.add_argument("--output", default=str(settings.data_dir / "4_predictions" / "scores"))
    parser.add_argument("--engine", choices=["one", "dask"], default="one", help="one process, or Dask's workers")
    parser.add_argument("--scheduler", default="", help="address of a Dask scheduler; without it, workers of its own")
    return parser.parse_args()


def verified_champion(models_dir: Path) -> int:
    """The version that scores; without one that can be loaded, the end."""
    try:
        version = champion(models_dir)
        if version is not None:
            loaded(models_dir, version)
            return version
    except ModelRefused as error:
        sys.exit(f"refused: {error}")
    sys.exit(f"no champion yet: {TRAIN_FIRST}")


def refuse_to_overwrite(files: list[Path], source: Path, target: Path) -> None:
    """End where scores, or the rows refused, would take the place of what is to be scored."""
    ours = target.resolve()
    inside = [file for file in files if ours in file.resolve().parents]
    if inside or source.resolve() in ours.parents:
        found = inside[0] if inside else target
        sys.exit(f"refused: expected an OUTPUT apart from the INPUT, and {found} is in both: name another folder")
    if taken := [file for file in files if place(file, source).parts[0] == REFUSED]:
        sys.exit(f"refused: INPUT={source}: {taken[0]} would be taken for rows refused: rename the folder {REFUSED}")


@contextmanager
def alone_in(target: Path) -> Iterator[None]:
    """Hold a lock on the folder of the scores: a second run would clear away what the first has not finished."""
    target.mkdir(parents=True, exist_ok=True)
    handle = os.open(target, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        sys.exit(f"refused: another run scores into {target}: wait for it, or name another OUTPUT")
    finally:
        os.close(handle)


def clear_away_unfinished(files: list[Path], source: Path, target: Path) -> None:
    """Remove what a killed run left half-written."""
    for file in files:
        folder = (target / place(file, source)).parent
        for unfinished in folder.glob(f".{escape(file.name)}.*{escape(file.suffix)}"):
            unfinished.unlink()


@contextmanager
def engine(name: str, scheduler: str) -> Iterator[Any]:
    """Yield a function like `map`, whose results come as they are ready."""
    if name == "one":
        yield map
        return
    import distributed

    cluster = {"address": scheduler} if scheduler else {"threads_per_worker": 1, "dashboard_address": None}
    with distributed.Client(**cluster) as client:

        def run(work: Any, todo: Iterable[Any]) -> Iterator[Any]:
            futures = {client.submit(work, each, pure=False): each for each in todo}
            for future in distributed.as_completed(futures):
                # Scoring answers for its own faults: what is left are workers that died of it, one after the other.
                error = future.exception()
                yield Part(futures[future], failure=f"{type(error).__name__}: {error}") if error else future.result()

        yield run


def scored(source: Path, dataset: Path, target_dir: Path, models_dir: Path, version: int) -> Part:
    """Score one partition, unless its scores are there; a refused one leaves the reasons only, and stops no other."""
    where = place(source, dataset)
    target = target_dir / where
    try:
        model = loaded(models_dir, version)
        origin = f"{sha256(source)} by {model.digest}".encode()
        partition = Partition(source, where)
        if target.is_file() and (pq.read_schema(target).metadata or {}).get(ORIGIN) == origin:
            return Part(source, partition.rows, found=True)
        return Part(
            source, partition.rows, write_scores(partition, target, target_dir / REFUSED / where, model, origin)
        )
    except ContractBroken as error:
        return Part(source, failure=str(error))
    except Exception as error:
        return Part(source, failure=f"{type(error).__name__}: {error}")


@lru_cache(maxsize=1)
def loaded(models_dir: Path, version: int) -> Model:
    """The champion, verified once per process."""
    return load(models_dir, version)


def write_scores(partition: Partition, target: Path, quarantine: Path, model: Model, origin: bytes) -> int:
    """Write the scores of one partition, and next to them the rows that the contract rejected; return how many.

    Raises
    ------
    ContractBroken
        Too many rows were rejected: they are written with their reasons, and nothing is scored.
    """
    refused: list[pd.DataFrame] = []
    schema = pa.schema(
        {KEY: pa.string(), "probability": pa.float64(), "alert": pa.bool_(), "model_version": pa.int64()},
        metadata={ORIGIN: origin},
    )

    def write(temporary: Path) -> None:
        with pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer:
            for valid, bad in partition.batches(BATCH_ROWS):
                refused.extend([bad] if len(bad) else [])
                if len(valid) and not too_many(sum(map(len, refused)), partition.rows):
                    writer.write_table(table_of_scores(valid, model, schema))
        if not refused:
            quarantine.unlink(missing_ok=True)
            return
        rows = pd.concat(refused, ignore_index=True)
        write_parquet(quarantine, rows)  # before the scores get their name: these say that the partition is done
        if too_many(len(rows), partition.rows):
            raise ContractBroken(reasons_of(rows, partition.rows, quarantine))

    write_atomically(target, write)
    return sum(map(len, refused))


def table_of_scores(rows: pd.DataFrame, model: Model, schema: pa.Schema) -> pa.Table:
    """Keys with probabilities."""
    probability = model.score(as_arrays(rows))
    columns = [rows[KEY], probability, probability >= model.threshold, [model.version] * len(rows)]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)], schema=schema)


if __name__ == "__main__":
    from extras.operations import score  # noqa: PLW0406 - a cluster's workers look for our functions under this name

    score.main()
