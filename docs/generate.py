"""Make again what is generated in the README and docs/, or check that it is still true.

Three kinds of blocks, each between a comment and `<!-- end -->`: `<!-- table: NAME -->` is a table made from the code,
`<!-- run: COMMAND -->` a command with its real output, and `<!-- include: PATH -->` a text that the commands left in
the data folder, without its pictures. All share one new DATA_DIR; a command that ends in `&` goes on in the background
until the end.
"""

import argparse
import difflib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tables import OUTSIDE, TABLES

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"<!-- (table|run|include): (.+?) -->\n.*?<!-- end -->", re.DOTALL)
VARIES = (  # what differs from run to run, and what to compare in its place
    (re.compile(r"\d+\.\d s\b"), "_ s"),
    (re.compile(r"\b\d+\.\d MB\b"), "_ MB"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "_run_"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "_commit_"),
    (re.compile(r"(git_dirty|python): `[^`]+`"), r"\1: `_`"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "_digest_"),
    (re.compile(r"\b20[2-9]\d-\d\d-\d\dT[0-9:.]+(\+00:00|Z)?"), "_now_"),
    (re.compile(r'"request_id":\s*"[^"]+"'), '"request_id":"_"'),
    (re.compile(r"urn:uuid:[0-9a-f-]{36}"), "urn:uuid:_"),
    (re.compile(r"process \[?\d+\]?"), "process _"),
)
START_SECONDS = 30


def main() -> None:
    """Write the generated parts, or with --check compare them; only tables with --tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, default=[ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something is stale")
    parser.add_argument("--tables", action="store_true", help="leave the commands alone: they take minutes")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell(Path(folder) / "data")
        try:
            stale = [path for path in words.files if not brought_up_to_date(path, shell, words.check, words.tables)]
        finally:
            shell.close()
    if stale:
        sys.exit(f"stale: {', '.join(str(path) for path in stale)}; run `make docs`")


def brought_up_to_date(path: Path, shell: "Shell", check: bool, tables: bool) -> bool:
    """Whether a file was, or now is, what its blocks produce."""
    old = path.read_text()
    new = BLOCK.sub(lambda found: block(found, shell, tables), old)
    if not check:
        path.write_text(new)
        return True
    lines = [comparable(text).splitlines() for text in (old, new)]
    sys.stdout.writelines(f"{line}\n" for line in difflib.unified_diff(*lines, str(path), "now", lineterm="", n=1))
    return lines[0] == lines[1]


def block(found: re.Match[str], shell: "Shell", tables: bool) -> str:
    """One block as it should be now."""
    kind, name = found.groups()
    if kind == "table":
        return f"<!-- table: {name} -->\n{TABLES[name]()}<!-- end -->"
    if tables:
        return found.group()
    if kind == "include":
        lines = (shell.data_dir / name).read_text().splitlines()
        text = "\n".join(line for line in lines if not line.startswith("!["))
        return f"<!-- include: {name} -->\n{text}\n<!-- end -->"
    return f"<!-- run: {name} -->\n```console\n$ {name.removesuffix(' &')}\n{shell.output(name)}```\n<!-- end -->"


def comparable(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, same in VARIES:
        text = pattern.sub(same, text)
    return text


class Shell:
    """Runs commands one after the other, with one DATA_DIR, which is shown as `data`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.background: list[subprocess.Popen[str]] = []
        self.environment = OUTSIDE | {"DATA_DIR": str(data_dir), "COLUMNS": "120", "NO_COLOR": "1"}

    def output(self, command: str) -> str:
        """What a command prints; a failing one ends the run, unless its line says `|| true`."""
        if command.endswith("&"):
            return self.started(command.removesuffix("&").strip())
        done = subprocess.run(
            command, shell=True, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
        return self.shown(done.stdout)

    def started(self, command: str) -> str:
        """What a server prints until it has nothing more to say."""
        process = subprocess.Popen(
            command, shell=True, cwd=ROOT, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, start_new_session=True,
        )  # fmt: skip
        self.background.append(process)
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        said, deadline = "", time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and "running on" not in said.lower():
            time.sleep(0.5)
            said += process.stdout.read() or ""
        return self.shown(said)

    def shown(self, text: str) -> str:
        """Output as a reader would see it."""
        lines = text.replace(str(self.data_dir), "data").splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def close(self) -> None:
        """Stop what still runs."""
        for process in self.background:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(START_SECONDS)


if __name__ == "__main__":
    main()
