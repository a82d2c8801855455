"""Python in forks of one process that has imported the libraries: what a copy of the repository imports is its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ALONE = Path(__file__).parent / "alone"

SERVING = (
    "cryptography",
    "fastapi",
    "httpx",
    "numpy",
    "onnxruntime",
    "prometheus_client",
    "pydantic_settings",
    "uvicorn",
)
EVERYTHING = (
    *SERVING, "evidently", "hypothesis", "matplotlib.pyplot", "mlflow", "pandas", "pandera.pandas", "pyarrow.parquet",
    "pytest", "rich.progress", "scipy.stats", "sklearn.ensemble", "skops.io", "sqlalchemy",
)  # fmt: skip

Forked = Callable[..., tuple[int, str]]


@contextmanager
def forks(folder: Path, libraries: tuple[str, ...] = EVERYTHING) -> Iterator[Forked]:
    """Run `python WORDS` in a copy, with its own code first on the path; returns exit code and output."""
    environment = os.environ | {"PYTHONPATH": str(ALONE)}
    command = [sys.executable, "-W", "ignore", ALONE / "forks.py", *libraries]
    with subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as parent:

        def run(copy: Path, *words: str, library: Path | None = None, **variables: str) -> tuple[int, str]:
            output = folder / "output"
            path = [str(library or copy / "src"), str(copy)]
            job = {"cwd": str(copy), "path": path, "words": words, "output": str(output), "variables": variables}
            print(json.dumps(job), file=parent.stdin, flush=True)
            return int(parent.stdout.readline()), output.read_text()

        yield run
        parent.stdin.close()
