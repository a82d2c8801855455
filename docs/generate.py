"""Make again what is generated in the README and docs/, or check that it is still true.

Blocks lie between a comment and `<!-- end -->`. `<!-- table: NAME -->` is a table made from the code, `<!-- run: C -->`
a command with its real output, `<!-- fails: C -->` a command that must fail, `<!-- python -->` the code below it with
what it prints, `<!-- raises -->` code that must fail, and `<!-- include: PATH -->` a text that the commands left in the
data folder, without its pictures. A command has a block of its own, to be copied; its output is in the next one, which
is folded away after `run folded`, `fails folded`, `python folded` or `raises folded`.

Left alone are `<!-- measured: DATE, COMMAND -->`, the output of a command that takes too long for every change (a
warning is printed when it is old), and `<!-- shown: TEST -->`, commands without output that the named test runs. A
picture that a page's code saves as `data/NAME` becomes `docs/images/NAME`; with --check none is copied.

All share one new DATA_DIR, `data/` in commands and output; a command that ends in `&` goes on until its page ends.
"""

import argparse
import difflib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from docs.blocks import BLOCK, CODE
from docs.tables import OUTSIDE, TABLES
from serving.request import example

ROOT = Path(__file__).parents[1]
TRACEBACK = re.compile(r"^Traceback .*\n(?:[ ].*\n)+(?:.*\n\n(?:During|The above) .*\n\n)?", re.MULTILINE)
DATA = re.compile(r"(?<![\w/.-])data/")  # the folder as commands name it
PROJECT = re.compile(r"cd data/\w+ && make ")
VARIES = (  # what differs from run to run, and what to compare in its place
    (re.compile(r"^installing the .* into .*\n", re.MULTILINE), ""),  # only where it is missing
    (re.compile(r"\d+\.\d s\b"), "_ s"),
    (re.compile(r"\d+(\.\d+)? ms\b"), "_ ms"),
    (re.compile(r"\b\d+\.\d MB\b"), "_ MB"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "_run_"),
    (re.compile(r"\b[0-9a-f]{40}\b"), "_commit_"),
    (re.compile(r"(git_dirty|python): `[^`]+`"), r"\1: `_`"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "_digest_"),
    (re.compile(r"\b[0-9a-f]{24}\b"), "_pseudonym_"),
    (re.compile(r"\b20[2-9]\d-\d\d-\d\dT[0-9:.]+(\+00:00|Z)?"), "_now_"),
    (re.compile(r'"request_id":\s*"[^"]+"'), '"request_id":"_"'),
    (re.compile(r"urn:uuid:[0-9a-f-]{36}"), "urn:uuid:_"),
    (re.compile(r"process \[?\d+\]?"), "process _"),
    (re.compile(r"\[Makefile:\d+: "), "[Makefile:_: "),
    (re.compile(r"100% \d+:\d\d:\d\d"), "100% _"),  # a progress bar's time
)
ROUTINE = re.compile(
    r'^.*"message": "(?:Started server process|Waiting for application startup|Application startup complete).*\n',
    re.MULTILINE,
)  # of every start of a server
DRAWN = re.compile(r"savefig\(\"data/([\w.]+)\"")
FOLDED = "\n<details markdown><summary>Output</summary>\n\n{}\n</details>\n"
START_SECONDS = 30
MAX_AGE_DAYS = 180


def main() -> None:
    """Write the generated parts, or with --check compare them; only tables with --tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, default=[ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    )
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 if something is stale")
    parser.add_argument("--tables", action="store_true", help="leave the commands alone: they take minutes")
    parser.add_argument("--data", type=Path, help="go on with this DATA_DIR, to work on one page")
    words = parser.parse_args()
    if not example_request_is(ROOT / "docs" / "flight.json", words.check):
        sys.exit("stale: docs/flight.json; run `make docs`")
    with tempfile.TemporaryDirectory() as folder:
        shell = Shell((words.data or Path(folder) / "data").absolute())
        stale = [path for path in words.files if not brought_up_to_date(path, shell, words.check, words.tables)]
    for path in words.files:
        for mark in old_measurements(path.read_text(), datetime.now(UTC).date()):
            sys.stderr.write(f"warning: {path}: measured more than {MAX_AGE_DAYS} days ago: {mark}\n")
    if stale:
        sys.exit(f"stale: {', '.join(str(path) for path in stale)}; run `make docs`")


def old_measurements(text: str, today: date) -> list[str]:
    """Measured blocks and pictures of a page that should be measured again soon."""
    marks = re.findall(r"<!-- (?:measured|picture): ((20\d\d-\d\d-\d\d), .*?) -->", text)
    return [mark for mark, day in marks if (today - date.fromisoformat(day)).days > MAX_AGE_DAYS]


def example_request_is(path: Path, check: bool) -> bool:
    """Whether the body that the pages send was, or now is, the contract's example."""
    text = json.dumps(example(), indent=1) + "\n"
    if not check:
        path.write_text(text)
    return path.read_text() == text


def brought_up_to_date(path: Path, shell: "Shell", check: bool, tables: bool) -> bool:
    """Whether a file was, or now is, what its blocks produce."""
    old = path.read_text()
    try:
        new = BLOCK.sub(lambda found: block(found, shell, tables), old)
    finally:
        shell.close()
    if not check:
        path.write_text(new)
        copy_pictures(new, shell.data_dir)
        return True
    lines = [comparable(text).splitlines() for text in (old, new)]
    sys.stdout.writelines(f"{line}\n" for line in difflib.unified_diff(*lines, str(path), "now", lineterm="", n=1))
    return lines[0] == lines[1]


def copy_pictures(text: str, data_dir: Path) -> None:
    """Bring the pictures that a page's code has drawn in the data folder to where the page shows them."""
    for name in DRAWN.findall(text):
        if (data_dir / name).exists():  # the page's commands may have been left alone
            shutil.copy(data_dir / name, ROOT / "docs" / "images" / name)


def block(found: re.Match[str], shell: "Shell", tables: bool) -> str:
    """One block as it should be now."""
    head, kind, folded, name, body = found.groups()
    if tables and kind != "table":
        return found.group()
    if kind != "table":
        sys.stderr.write(f"{time.strftime('%T')} {head.splitlines()[0]}\n")
    text, output = CONTENT[kind](shell, name, body)
    shown = f"```text\n{output}```\n" if output else ""
    return head + text + (FOLDED.format(shown) if folded else shown) + "<!-- end -->"


def table(shell: "Shell", name: str, body: str) -> tuple[str, str]:
    """What the code says."""
    return TABLES[name](), ""


def run(shell: "Shell", command: str, body: str) -> tuple[str, str]:
    """A command to copy, and what it prints."""
    return f"```bash\n{command.removesuffix(' &')}\n```\n", shell.output(command)


def fails(shell: "Shell", command: str, body: str) -> tuple[str, str]:
    """A command that must fail, and what it prints with its exit code."""
    return f"```bash\n{command}\n```\n", shell.refusal(command)


def include(shell: "Shell", name: str, body: str) -> tuple[str, str]:
    """What the commands left, without its pictures."""
    lines = (shell.data_dir / name).read_text().splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith("![")), ""


def python(shell: "Shell", name: str, body: str) -> tuple[str, str]:
    """The block's code, and what it prints."""
    return f"```python\n{code(body)}```\n", shell.output(shlex.join([sys.executable, "-c", code(body)]))


def raises(shell: "Shell", name: str, body: str) -> tuple[str, str]:
    """The block's code, which must fail, and its error."""
    return f"```python\n{code(body)}```\n", shell.refusal(shlex.join([sys.executable, "-c", code(body)]))


def code(body: str) -> str:
    """The code of a block of python."""
    found = CODE.match(body)
    return found[1] if found else sys.exit(f"expected a block of python, got: {body[:80]}")


CONTENT = {"table": table, "run": run, "fails": fails, "include": include, "python": python, "raises": raises}


def comparable(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, same in VARIES:
        text = pattern.sub(same, text)
    return text


class Shell:
    """Runs commands one after the other, with one DATA_DIR, which is shown as `data`."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.background: list[subprocess.Popen[bytes]] = []
        self.environment = OUTSIDE | {"DATA_DIR": str(data_dir), "COLUMNS": "120", "NO_COLOR": "1"}

    def output(self, command: str) -> str:
        """What a command prints; a failing one ends the run."""
        if command.endswith("&"):
            return self.started(command.removesuffix("&").strip())
        done = self.done(command)
        if done.returncode:
            sys.exit(f"{command} failed:\n{done.stdout}{done.stderr}")
        return self.shown(done.stdout)

    def refusal(self, command: str) -> str:
        """What a command says that must fail, and its exit code; one that succeeds ends the run."""
        done = self.done(command)
        if not done.returncode:
            sys.exit(f"{command} was expected to fail, and did not:\n{done.stdout}{done.stderr}")
        said = TRACEBACK.sub("", done.stdout + done.stderr)
        return self.shown(said) + f"(exit code {done.returncode})\n"

    def done(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command that has ended."""
        typed, variables = DATA.sub(f"{self.data_dir}/", command), self.variables(command)
        return subprocess.run(typed, shell=True, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)

    def variables(self, command: str) -> dict[str, str]:
        """The environment of a command; a project that `make new` wrote has its own data, and this one's packages."""
        if not PROJECT.match(command):
            return self.environment
        venv = self.data_dir / "venv"
        venv.mkdir(exist_ok=True)
        for name in ("bin", "lib", "pyvenv.cfg"):
            if not (venv / name).exists():
                (venv / name).symlink_to(Path(sys.prefix) / name)
        for lock in ("", *(f"-{path.stem}" for path in (ROOT / "deploy" / "locks").glob("*.lock"))):
            (venv / f"installed{lock}").touch()
        kept = {name: value for name, value in self.environment.items() if name not in ("DATA_DIR", "AS_OF")}
        return kept | {"VENV": str(venv)}

    def started(self, command: str) -> str:
        """What a server prints until it has nothing more to say, without the lines that every start has."""
        typed, variables = DATA.sub(f"{self.data_dir}/", command), self.variables(command)
        with tempfile.NamedTemporaryFile() as output:
            process = subprocess.Popen(
                typed, shell=True, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            self.background.append(process)
            said, deadline = "", time.monotonic() + START_SECONDS
            while time.monotonic() < deadline and "running on" not in said.lower():
                time.sleep(0.5)
                said = Path(output.name).read_text()
                if process.poll() is not None:
                    sys.exit(f"{command} ended: {said}")
        return ROUTINE.sub("", self.shown(said))

    def shown(self, text: str) -> str:
        """Output as a reader would see it."""
        lines = text.replace(str(self.data_dir), "data").splitlines()
        return "".join(f"{line.rstrip()}\n" for line in lines)

    def close(self) -> None:
        """Stop what a page has started."""
        for process in self.background:
            deadline = time.monotonic() + START_SECONDS
            with suppress(ProcessLookupError):  # the shell may end before the server that it started
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(START_SECONDS)
                while time.monotonic() < deadline:
                    os.killpg(process.pid, 0)
                    time.sleep(0.1)
        self.background = []


if __name__ == "__main__":
    main()
