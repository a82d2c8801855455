"""Where the time goes, as two flame graphs: the service under single rows, and each step of `make train`.

py-spy samples the real processes; threads that wait are not counted. The pictures are static, so that they render
outside browsers too. Frames below half a percent of the whole are merged with their neighbours.
"""

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from xml.sax.saxutils import escape

from extras.benchmarks.load import window
from extras.benchmarks.scratch import STEPS, scratch_settings
from extras.benchmarks.servers import example_requests, started, stop, wait
from flights.config import Settings

RATE = 100  # samples a second
SECONDS = 20
CONNECTIONS = 16
MIN_SHARE = 0.005  # of the whole
PICTURES = Path("build")
WIDTH, HEIGHT, CHARACTER = 960, 15, 6.1  # px: the picture, a frame, a letter
OWN = ("flights/", "pipelines/", "serving/", "monitoring/")
MERGED = "..."
WAITING = "_worker concurrent/futures/thread.py"  # an idle thread of a pool, which counts as busy on a busy machine
FORBIDDEN = "no flame graph: see the message above; if py-spy was denied permission, run as root"

Stacks = Counter[tuple[str, ...]]  # frames from the outermost, with their samples


class Frame(NamedTuple):
    """One box: a function, below its caller."""

    name: str
    depth: int
    left: int  # samples
    samples: int


def main() -> None:
    """Sample, and draw both."""
    PICTURES.mkdir(exist_ok=True)
    for name, stacks in (("request", request_stacks(Settings.read().models_dir)), ("train", train_stacks())):
        picture = PICTURES / f"flame_{name}.svg"
        picture.write_text(drawing(stacks), encoding="utf-8")
        print(f"flame     wrote {picture}: {stacks.total():,} samples")


def request_stacks(models_dir: Path, seconds: int = SECONDS) -> Stacks:
    """Sample the service while it answers single rows; it and the load have a core each."""
    allowed = os.sched_getaffinity(0)
    core, load_core = sorted(allowed)[:2]
    with scratch_settings(models_dir) as own:
        server = started("ml-loop", ["-m", "serving.app"], core, example_requests(), **own)
        try:
            wait(server)
            os.sched_setaffinity(0, {load_core})
            words, answers = ["--duration", str(seconds), "--pid", str(server.process.pid)], 0
            with ThreadPoolExecutor() as pool:
                spy = pool.submit(sampled, words, dict(os.environ))
                while not spy.done():
                    answers += len(window(server.port, server.single, CONNECTIONS, 1).latencies)
            return spy.result() if answers else sys.exit("the service answered nothing")
        finally:
            os.sched_setaffinity(0, allowed)
            stop(server)


def train_stacks(steps: tuple[str, ...] = STEPS) -> Stacks:
    """Sample each step of training in an empty folder; a step is the outermost frame of its stacks."""
    stacks: Stacks = Counter()
    with scratch_settings(Path("no models")) as own:
        for step in steps:
            words = ["--subprocesses", "--", sys.executable, "-m", f"pipelines.{step}"]
            for stack, samples in sampled(words, os.environ | own, "; wrote ").items():
                stacks[step, *stack] += samples
    return stacks


def sampled(words: list[str], environment: dict[str, str], expected: str = "") -> Stacks:
    """What py-spy saw; it hides the exit code of a program, so this looks for what a finished one prints."""
    with TemporaryDirectory() as folder:
        folded = Path(folder) / "stacks.txt"
        spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--rate", str(RATE), "--format", "raw"]
        spy += ["--function", "--output", str(folded), *words]
        done = subprocess.run(spy, env=environment, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, end="", flush=True)
        if done.returncode or expected not in done.stdout:
            sys.exit(FORBIDDEN)
        return parsed(folded.read_text(encoding="utf-8"))


def parsed(folded: str) -> Stacks:
    """Stacks of py-spy's `function (file:line)`, without the machinery of imports and the names of processes."""
    stacks: Stacks = Counter()
    for line in folded.splitlines():
        stack, _, samples = line.rpartition(" ")
        named = [frame for frame in stack.split(";") if "(<frozen" not in frame and not frame.startswith("process ")]
        parts = [re.sub(r":\d+\)$|\)$", "", frame).split(" (", 1) for frame in named]
        words = [" ".join(part).replace("<module>", "import") for part in parts]
        if words[-1:] != [WAITING]:
            stacks[tuple(words or ["start of Python"])] += int(samples)
    return stacks


def frames(stacks: Stacks, least: float, depth: int = 0, left: int = 0) -> Iterator[Frame]:
    """All frames, callers first; of those of one caller, all that have fewer than the least samples are one."""
    called: dict[str, Stacks] = defaultdict(Counter)
    for stack, samples in stacks.items():
        if stack:
            called[stack[0]][stack[1:]] += samples
    small = [name for name, inner in called.items() if inner.total() < least]
    if small:
        called[MERGED] = Counter({(): sum(called.pop(name).total() for name in small)})
    for name, inner in sorted(called.items(), key=lambda item: (item[0] == MERGED, -item[1].total())):
        yield Frame(name, depth, left, inner.total())
        yield from frames(inner, least, depth + 1, left)
        left += inner.total()


def drawing(stacks: Stacks) -> str:
    """The flame graph, callers on top: our own code is orange, a library's is grey."""
    total = stacks.total() or sys.exit("no flame graph: py-spy saw nothing")
    boxes = [Frame("all", 0, 0, total), *frames(stacks, MIN_SHARE * total, 1)]
    height = HEIGHT * (1 + max(box.depth for box in boxes))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="monospace" font-size="10">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for name, depth, left, samples in boxes:
        x, width, y = WIDTH * left / total, WIDTH * samples / total, HEIGHT * depth
        fill = "#f6b26b" if name.rpartition(" ")[2].startswith(OWN) else "#dfe3e8"
        lines.append(f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="14" fill="{fill}" stroke="#fff"/>')
        text = f"{name} {samples / total:.1%}"[: int((width - 4) / CHARACTER)]
        if len(text) > 2:
            lines.append(f'<text x="{x + 2:.1f}" y="{y + 11}">{escape(text)}</text>')
    return "\n".join([*lines, "</svg>\n"])


if __name__ == "__main__":
    main()
