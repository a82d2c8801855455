"""Run many fits in processes of their own, or on a Dask cluster; and the sampled rows that they need."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from joblib import Parallel, delayed

from flights.artifacts import read_parquet
from pipelines.rows import labelled

WORKERS = 2  # each holds its own copy of the rows: about 1 GB


@contextmanager
def workers(scheduler: str) -> Iterator[Callable[..., Any]]:
    """Yield a function like `map`, whose results come as they are ready."""
    if not scheduler:
        pool = Parallel(n_jobs=WORKERS, return_as="generator_unordered")
        yield lambda work, tasks: pool(delayed(work)(task) for task in tasks)
        return
    import distributed

    with distributed.Client(address=scheduler) as client:

        def run(work: Any, tasks: Iterable[Any]) -> Iterator[Any]:
            futures = [client.submit(work, task, pure=False) for task in tasks]
            for future in distributed.as_completed(futures):
                yield future.result()

        yield run


def sampled_rows(path: Path, every: int, hint: str, columns: list[str] | None = None) -> pd.DataFrame:
    """Every Nth row that has an outcome, in the order of time; `hint` says which command makes the file."""
    return labelled(read_parquet(path, hint, columns)).iloc[::every].reset_index(drop=True)


def sampled_part(folder: Path, part: str, every: int) -> pd.DataFrame:
    """Every Nth labelled row of a part of the split."""
    return sampled_rows(folder / f"{part}.parquet", every, "run `make split`")
