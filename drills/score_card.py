"""The ML Test Score (Breck et al., 2017) of this repository: 28 checks, each with its planted bug, run and added up.

A point is given if every test of the check passes, the tests that plant its bug pass too (they assert the refusal), and
CI runs the target that they belong to. The score is the smallest of the four sums.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drills.checks import CHECKS, SECTIONS, Check

ROOT = Path(__file__).parents[1]
TARGETS = ("test", "test-heavy")  # that run the tests


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
    """Run every check with its planted bug and print the card; exit code 1 below the full score."""
    if sys.argv[1:] == ["--table"]:
        sys.stdout.write(table())
        return
    there = {node for check in CHECKS for node in check.nodes if is_there(node)}
    print(f"running {len(there)} tests of {len(CHECKS)} checks (minutes)", flush=True)
    found = outcomes(sorted(there))
    given = marks(found, (ROOT / ".ci" / "run").read_text())
    print(card(given))
    sys.exit(score(given) < len(CHECKS) // len(SECTIONS))


def is_there(node: str) -> bool:
    """Whether a test of that name exists."""
    file, _, name = node.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    functions = [part.name for part in ast.walk(ast.parse(path.read_text())) if isinstance(part, ast.FunctionDef)]
    return name.partition("[")[0] in functions


def outcomes(nodes: Sequence[str]) -> dict[str, str]:
    """What each test, with its parameters, came to: PASSED, FAILED, ERROR or SKIPPED."""
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--show-capture=no", "--tb=no", *nodes]
    said = ""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        assert run.stdout is not None  # noqa: S101 - it was asked for
        for line in run.stdout:
            said += line
            if line.endswith("%]\n"):
                print(line, end="", flush=True)
    lines = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED|XFAIL) (\S+::.+?)(?: - .*)?$", said, re.MULTILINE)
    if not lines:
        sys.exit(f"expected outcomes of tests, got:\n{said[-2000:]}")
    return {node: outcome for outcome, node in lines}


def marks(found: Mapping[str, str], ci: str) -> list[Mark]:
    """What each check gets."""
    unreached = [target for target in TARGETS if not re.search(rf"^make (.* )?{target}( |$)", ci, re.MULTILINE)]
    missing = f".ci/run does not run make {' '.join(unreached)}" if unreached else ""
    return [Mark(check, missing or objection(check, found)) for check in CHECKS]


def objection(check: Check, found: Mapping[str, str]) -> str:
    """Why a check gets no point, or nothing."""
    for role, nodes in (("check", check.proves), ("planted bug", check.planted)):
        if not nodes:
            return f"no {role}"
        for node in nodes:
            came = {outcome for name, outcome in found.items() if name == node or name.startswith(f"{node}[")}
            if came != {"PASSED"}:
                return f"{role} {node}: {', '.join(sorted(came)).lower() or 'not there'}"
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
