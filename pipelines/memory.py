"""Memory: what a process needs that loads the served files and scores with them, measured in one of its own.

The parent's peak says nothing: it has fitted models and read months of rows. This is the model's part of what a
container must be given; the web server's comes on top.
"""

import resource
import subprocess
import sys
from pathlib import Path

from flights import portable
from flights.artifacts import read_json
from flights.contract import as_columns
from flights.files import GOLDEN_FILE, TRAIN_FIRST

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Load the files in a folder, score its golden inputs, and print the peak in MB."""
    folder = Path(sys.argv[1])
    portable.load(folder)(as_columns(read_json(folder / GOLDEN_FILE, TRAIN_FIRST)["inputs"]))
    print(peak_mb())


def memory_mb(folder: Path) -> float:
    """Peak memory of a fresh process that loads and scores what is served from a folder."""
    command = [sys.executable, "-m", "pipelines.memory", str(folder.resolve())]
    return float(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)


def peak_mb() -> float:
    """The most memory that this process held at once, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux `getrusage` of a started process counts what its parent held when it was started
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
