"""How long it takes to add a feature: in a copy of the repository, until a prediction over HTTP was made with it.

The function below, of one of the contract's numbers, is all that is written; it is listed in `FEATURES`, and everything
else follows.
"""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flights.artifacts import read_parquet, sha256, write_parquet
from flights.config import Settings
from flights.dataset import INPUTS
from flights.files import VALID_FILE

ROOT = Path(__file__).parents[2]
MOST_ROWS = 42_000  # an eighth of the year
PATIENCE_SECONDS = 30
NUMBER = next(column.name for column in INPUTS if column.kind == "number")
NAME = f"{NUMBER}_squared"
FUNCTION = f'''def {NAME}({NUMBER}: Numbers) -> Numbers:
    """The square of a number: any function of declared columns would do."""
    return {NUMBER} * {NUMBER}


'''


def main() -> None:
    """Add the feature in a copy and follow it to a prediction."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="new-feature-") as folder:
        copy, data = Path(folder) / "copy", Path(folder) / "data"
        with timed("copy the repository and a sample of the rows"):
            copy_repository(copy)
            sample(Settings().raw_dir / VALID_FILE, data)
        with timed("write one function and list it in FEATURES"):
            add_feature(next((copy / "src").glob("*/features.py")))
        for step in ("split", "train", "evaluate", "promote"):
            with timed(step):
                run(copy, data, f"pipelines.{step}")
        with timed("serve, and get a prediction over HTTP"):
            answer = served_prediction(copy, data)
        touched = changed(copy)
    print(f"prediction {answer['probability']:.3f} by version {answer['model_version']}, which reads {NAME}")
    print(f"{len(touched)} file touched: {', '.join(touched)}; {time.perf_counter() - began:.1f} s in all")


@contextmanager
def timed(step: str) -> Iterator[None]:
    """Print what a step took."""
    start = time.perf_counter()
    yield
    print(f"{step:<50}{time.perf_counter() - start:.1f} s", flush=True)


def tracked() -> list[str]:
    """The repository's files."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def copy_repository(copy: Path) -> None:
    """Copy the files that git knows of."""
    for name in tracked():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)


def sample(source: Path, data: Path) -> None:
    """Write evenly thinned rows as the copy's own."""
    rows = read_parquet(source, "run `make validate`")
    write_parquet(data / "1_raw" / VALID_FILE, rows[:: max(1, len(rows) // MOST_ROWS)])


def add_feature(path: Path) -> None:
    """Write the function above the first list of features, and its name at the end of `FEATURES`."""
    lines = path.read_text().splitlines(keepends=True)
    nodes = [node for node in ast.parse("".join(lines)).body if isinstance(node, ast.Assign | ast.AnnAssign)]
    found = {ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0]): node for node in nodes}
    end, start = found["FEATURES"].end_lineno, found["CATEGORIES"].lineno
    assert end is not None  # noqa: S101 - ast fills it
    lines.insert(end - 1, f"    {NAME},\n")
    lines.insert(start - 1, FUNCTION)
    path.write_text("".join(lines))


def environment(copy: Path, data: Path, **settings: str) -> dict[str, str]:
    """The copy's own code and data, whatever is installed."""
    return os.environ | {"PYTHONPATH": f"{copy / 'src'}{os.pathsep}{copy}", "DATA_DIR": str(data)} | settings


def run(copy: Path, data: Path, module: str) -> None:
    """One step in the copy; where it fails, its own words end this run."""
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=copy, env=environment(copy, data), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{module}: {done.stdout}{done.stderr}")


def served_prediction(copy: Path, data: Path) -> dict[str, Any]:
    """Start the copy's service and ask it for the contract's example, by a model that reads the feature."""
    encodings = next(iter((data / "3_models").glob("*/1/encodings.json")))
    if NAME not in json.loads(encodings.read_text())["order"]:
        sys.exit(f"expected a model that reads {NAME}, got {encodings.read_text()[:200]}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "serving.app"]
    settings = environment(copy, data, PORT=port, HOST="127.0.0.1")
    with subprocess.Popen(command, cwd=copy, env=settings, stderr=subprocess.DEVNULL) as server:
        try:
            body = json.dumps({column.name: column.example for column in INPUTS}).encode()
            return answered(f"http://127.0.0.1:{port}/predict", body)
        finally:
            server.terminate()


def answered(url: str, body: bytes) -> dict[str, Any]:
    """The answer, as soon as there is one."""
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - our own server
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
                content: dict[str, Any] = json.load(answer)
                return content
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > deadline:
                sys.exit(f"expected a prediction within {PATIENCE_SECONDS} s, got {error}")
            time.sleep(0.1)


def changed(copy: Path) -> list[str]:
    """The files that differ from the repository's."""
    return [name for name in tracked() if sha256(ROOT / name) != sha256(copy / name)]


if __name__ == "__main__":
    main()
