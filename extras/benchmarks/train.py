"""What `make train` costs, step by step: seconds, peak memory, and each step relative to the fit, all of one run."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from extras.benchmarks.scratch import STEPS, scratch_settings


@dataclass(frozen=True)
class Cost:
    """One step's cost; `fit` is the part of it that fits models."""

    seconds: float
    peak_mb: float
    fit: float


def main() -> None:
    """Run every step once in an empty folder and print the costs."""
    with scratch_settings(Path("no models")) as own:
        costs = {step: cost(step, own) for step in STEPS}
    fit = sum(each.fit for each in costs.values())
    total = sum(each.seconds for each in costs.values())
    table = Table(title="make train, after installation", title_justify="left")
    for heading in ("step", "seconds", "peak MB", "relative to fit"):
        table.add_column(heading, justify="left" if heading == "step" else "right")
    for step, each in costs.items():
        table.add_row(step, f"{each.seconds:.1f}", f"{each.peak_mb:.0f}", f"{(each.seconds - each.fit) / fit:.2f}")
    table.add_row("the fit itself", f"{fit:.1f}", "", "1.00")
    peak = max(each.peak_mb for each in costs.values())
    table.add_row("everything", f"{total:.1f}", f"{peak:.0f}", f"{(total - fit) / fit:.2f} without the fit")
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)


def cost(step: str, own: dict[str, str]) -> Cost:
    """Run one step as `make` does and measure it."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", f"pipelines.{step}"],
        env=os.environ | own,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        sys.exit(f"{step} failed: {said}")
    print(said, end="", flush=True)
    kilobytes = usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    fit = re.search(r"fit in ([\d.]+) s", said)
    return Cost(seconds, kilobytes / 1024, float(fit[1]) if fit else 0.0)


if __name__ == "__main__":
    main()
