"""The ML Test Score (Breck et al., 2017): run the tests marked `ml_test_score`, and add up the 28 checks.

A check counts if it has a test that shows it and a test that injects its failure, and all of them pass. The score is
the smallest of the four sums. With --results the tests ran before, and the card is added up from pytest's reports.
"""

import argparse
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECTIONS = {"D": "data", "M": "model", "I": "infrastructure", "O": "monitoring"}
CHECKS = {
    "D1": "What is expected of the data is written in a schema.",
    "D2": "Every feature is measured against the noise of the seed: without use it is refused, or argued for by name.",
    "D3": "No feature costs too much.",
    "D4": "Features obey the rule that they are known in time.",
    "D5": "What is personal is controlled, and its deletion propagates.",
    "D6": "A feature can be added quickly.",
    "D7": "The code of the features is tested, for training and for serving.",
    "M1": "The model's specification is checked in: a champion comes from a clean commit.",
    "M2": "Offline metrics go with online ones, shown with models degraded on purpose.",
    "M3": "Hyperparameters are tuned.",
    "M4": "What staleness costs is known.",
    "M5": "A simpler model is not better.",
    "M6": "The model is good enough on all important slices.",
    "M7": "Inclusion is considered: no group is served otherwise, and no person is a feature.",
    "I1": "Training is reproducible.",
    "I2": "The model's specification is unit-tested.",
    "I3": "The whole pipeline is integration-tested.",
    "I4": "Quality is validated before serving.",
    "I5": "One example can be debugged step by step.",
    "I6": "A model is canaried before it serves.",
    "I7": "A model can be rolled back, and a drill does it.",
    "O1": "A change of what the model depends on is told.",
    "O2": "The data's rules hold in training and in serving.",
    "O3": "Training and serving do not differ.",
    "O4": "Models are not too old.",
    "O5": "The model is numerically stable.",
    "O6": "Speed and memory have not become worse.",
    "O7": "The quality of served predictions has not become worse.",
}
COLLECT = ("--collect-only", "-p", "no:terminal", "-o", "addopts=")


class Card:
    """A pytest plugin that notes which tests are marked for which check, and what each came to."""

    def __init__(self) -> None:
        self.marked: dict[str, dict[str, str]] = defaultdict(dict)  # check -> test -> the failure that it injects
        self.passed: dict[str, bool] = {}

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Note the marks of one test; parameters count as one test for the table."""
        for mark in item.iter_markers("ml_test_score"):
            self.marked[mark.args[0]][item.nodeid] = mark.kwargs.get("injects", "")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note what setup, call and teardown of one test came to: a test that is skipped has not passed."""
        self.passed[report.nodeid] = self.passed.get(report.nodeid, True) and report.passed

    def read(self, folder: Path) -> None:
        """Note what the tests in a folder's JUnit reports came to."""
        found: dict[tuple[str, str], bool] = {}
        for path in sorted(folder.glob("*.xml")):
            for case in ET.parse(path).iter("testcase"):  # noqa: S314 - pytest of this clone wrote it
                name = (case.get("classname", ""), case.get("name", ""))
                found[name] = found.get(name, True) and not {"failure", "error", "skipped"} & {
                    each.tag for each in case
                }
        for test in {test for tests in self.marked.values() for test in tests}:
            module, _, function = test.partition("::")
            self.passed[test] = found.get((module.removesuffix(".py").replace("/", "."), function), False)

    def missing(self, key: str) -> str:
        """Why a check gets no point, or nothing."""
        tests = self.marked.get(key, {})
        for role, wanted in (("shows it", False), ("injects its failure", True)):
            if not any(bool(injects) == wanted for injects in tests.values()):
                return f"no test {role}: mark one with ml_test_score"
        bad = [test for test in tests if not self.passed.get(test, False)]
        return f"{bad[0]} did not pass ({len(bad)} of {len(tests)} tests)" if bad else ""

    def sums(self) -> dict[str, int]:
        """The points of each section."""
        return {
            name: sum(not self.missing(key) for key in CHECKS if key[0] == letter) for letter, name in SECTIONS.items()
        }


def main() -> None:
    """Run the marked tests and print the card; exit code 1 below the full score. With --table, print the marks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*", default=[str(ROOT / "tests")])
    parser.add_argument("--table", action="store_true", help="print the checks with their tests, and run none")
    parser.add_argument("--results", type=Path, help="run no test: a folder of pytest's JUnit reports has the outcomes")
    words, card = parser.parse_args(), Card()
    run = ["-m", "ml_test_score", "--tb=short"] if not (words.table or words.results) else COLLECT
    code = pytest.main([*run, *words.tests], plugins=[card])
    if code and run is COLLECT:
        sys.exit("some tests cannot be collected: run `python -m pytest --collect-only`")
    if words.table:
        sys.stdout.write(table(card))
        return
    if words.results:
        card.read(words.results)
    print(text(card))
    sys.exit(int(code != 0 or min(card.sums().values()) < len(CHECKS) // len(SECTIONS)))


def text(card: Card) -> str:
    """The card for a terminal."""
    unknown = sorted(set(card.marked) - set(CHECKS))
    lines = [f"  {key}  {int(not card.missing(key))}  {CHECKS[key]} {card.missing(key)}".rstrip() for key in CHECKS]
    lines += [f"  {key} is not a check: D1 to D7, M1 to M7, I1 to I7, O1 to O7" for key in unknown]
    added = ", ".join(f"{name} {points}" for name, points in card.sums().items())
    return "\n".join([*lines, f"{added}; ML Test Score {min(card.sums().values())} of {len(CHECKS) // len(SECTIONS)}"])


def table(card: Card) -> str:
    """The checks with their marked tests, as Markdown."""
    lines = ["| check | what holds | its tests | its injected failures |", "|---|---|---|---|"]
    for key, states in CHECKS.items():
        tests = {test.partition("[")[0]: injects for test, injects in card.marked.get(key, {}).items()}
        shows = [f"`{test}`" for test, injects in tests.items() if not injects]
        injected = [f"{injects} (`{test}`)" for test, injects in tests.items() if injects]
        lines.append(f"| {key} | {states} | {'<br>'.join(shows)} | {'<br>'.join(injected)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
