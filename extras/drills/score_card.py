"""The ML Test Score (Breck et al., 2017) of this repository: 28 checks, each with its planted bug, added up.

A point is given if every test of the check passed, and the tests that plant its bug passed too (they assert the
refusal). What counts is what `make test` and `make test-heavy` reported of this very commit; where they have not run,
the tests are run here, but not in CI. The score is the smallest of the four sums.
"""

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from extras.drills.checks import CHECKS, SECTIONS, Check

ROOT = Path(__file__).parents[2]
REPORTS = ("test.xml", "test-heavy.xml")  # that `make test` and `make test-heavy` leave in build/
FAULTS = {"failure": "failed", "error": "error", "skipped": "skipped"}  # JUnit's elements


@dataclass(frozen=True)
class Mark:
    """What one check got, and why not the point."""

    check: Check
    objection: str

    @property
    def point(self) -> int:
        """One or none."""
        return int(not self.objection)


def main() -> None:
    """Count every check with its planted bug and print the card; exit code 1 below the full score."""
    if sys.argv[1:] == ["--table"]:
        sys.stdout.write(table())
        return
    commit = state(ROOT)
    found = reported(ROOT / "build", commit)
    if not found and os.environ.get("CI"):
        sys.exit(f"expected build/{' and build/'.join(REPORTS)} of commit {commit}: run make test test-heavy first")
    source = f"of make test and make test-heavy, commit {commit[:12]}" if found else "run here"
    given = marks(found or outcomes(sorted({node for check in CHECKS for node in check.nodes if is_there(node)})))
    print(f"{card(given)}\n(tests {source})")
    sys.exit(score(given) < len(CHECKS) // len(SECTIONS))


def state(root: Path) -> str:
    """The commit of a repository, `-dirty` at its end where files differ from it; empty without git."""
    words = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def reported(folder: Path, commit: str) -> dict[str, str]:
    """What all tests came to in the last runs of the two targets; nothing if one has not run on this clean commit."""
    found: dict[str, str] = {}
    for path in (folder / name for name in REPORTS):
        of, results = read_report(path) if path.is_file() else ("", {})
        if not commit or commit.endswith("-dirty") or of != commit:
            return {}
        found |= results
    return found


def read_report(path: Path) -> tuple[str, dict[str, str]]:
    """The commit that a JUnit report is of, and what each test came to; a report that was cut off is of none."""
    try:
        suite = ElementTree.parse(path).getroot().find("testsuite")  # noqa: S314 - pytest's own file
    except ElementTree.ParseError:
        return "", {}
    return ("", {}) if suite is None else (suite.get("name", ""), dict(results(suite)))


def results(suite: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """Each test, as pytest names it, with what it came to: passed, failed, error or skipped."""
    for case in suite.iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        came = next((FAULTS[part.tag] for part in case if part.tag in FAULTS), "passed")
        yield f"{file}::{case.get('name')}", came


def is_there(node: str) -> bool:
    """Whether a test of that name exists."""
    file, _, name = node.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    functions = [part.name for part in ast.walk(ast.parse(path.read_text())) if isinstance(part, ast.FunctionDef)]
    return name.partition("[")[0] in functions


def outcomes(nodes: Sequence[str]) -> dict[str, str]:
    """What each test, with its parameters, comes to when it is run here."""
    print(f"running {len(nodes)} tests of {len(CHECKS)} checks (minutes)", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "--show-capture=no", "--tb=no", f"--junitxml={path}", *nodes]
        subprocess.run(command, cwd=ROOT, check=False)
        return read_report(path)[1] if path.is_file() else {}


def marks(found: Mapping[str, str]) -> list[Mark]:
    """What each check gets."""
    return [Mark(check, objection(check, found)) for check in CHECKS]


def objection(check: Check, found: Mapping[str, str]) -> str:
    """Why a check gets no point, or nothing."""
    for role, nodes in (("check", check.proves), ("planted bug", check.planted)):
        if not nodes:
            return f"no {role}"
        for node in nodes:
            came = {outcome for name, outcome in found.items() if name == node or name.startswith(f"{node}[")}
            if came != {"passed"}:
                return f"{role} {node}: {', '.join(sorted(came)) or 'not there'}"
    return ""


def sums(given: Sequence[Mark]) -> dict[str, int]:
    """The points of each section."""
    return {
        name: sum(mark.point for mark in given if mark.check.key.startswith(letter))
        for letter, name in SECTIONS.items()
    }


def score(given: Sequence[Mark]) -> int:
    """The smallest of the four sums."""
    return min(sums(given).values())


def card(given: Sequence[Mark]) -> str:
    """The card for a terminal."""
    lines = [
        f"  {mark.check.key}  {'1' if mark.point else '0'}  {mark.check.states} {mark.objection}" for mark in given
    ]
    added = ", ".join(f"{name} {points}" for name, points in sums(given).items())
    return "\n".join([*lines, f"{added}; ML Test Score {score(given)} of {len(CHECKS) // len(SECTIONS)}"])


def table() -> str:
    """The checks with the command of each, as Markdown."""
    lines = ["| check | what holds | its tests | its planted bug |", "|---|---|---|---|"]
    for check in CHECKS:
        cells = ["<br>".join(f"`{node}`" for node in nodes) or "-" for nodes in (check.proves, check.planted)]
        lines.append(f"| {check.key} | {check.states} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
