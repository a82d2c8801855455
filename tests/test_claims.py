"""What pages claim in passing is true: counts and limits are the code's, and every path and target exists."""

import re
from pathlib import Path

import pytest

from flights import config
from flights.dataset import INPUTS
from flights.features import FEATURES
from flights.model import MODELS
from pipelines import gate

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[1]
NAMES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md")
PAGES = [*(ROOT / name for name in NAMES), *sorted((ROOT / "docs").rglob("*.md"))]
WORDS = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight"),
    *("nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"),
]
NUMBER = rf"\b(\d+(?:\.\d+)?|{'|'.join(WORDS)})"
COUNTS = {  # a claim as prose has it, and what the code says
    r"\b(\d+) features\b": len(FEATURES),
    rf"features over {NUMBER} inputs": len(INPUTS),
    rf"{NUMBER} (?:locked )?baselines": len(MODELS) - 1,
    rf"{NUMBER} criteria\b": len(gate.criteria()),
    rf"{NUMBER} chapters\b": len(list((ROOT / "docs" / "tutorial").glob("[0-9]*.md"))),
    rf"ROC-AUC above {NUMBER}": config.MAX_PLAUSIBLE_ROC_AUC,
    rf"as much as {NUMBER} false alarms": config.MISS_COST,
}
INCLUDED = ("extras/*/targets.mk", "serving/extras/*/targets.mk", "deploy/targets.mk")  # by the Makefile
MADE = ("build", "data", ".venv")  # folders that commands make
OF_A_PROJECT = {"review", "doctor", "update-template"}  # targets that `make new` writes


def wrong_counts(text: str) -> list[str]:
    """Claims about a number that the code contradicts."""
    found = [(match, true) for claim, true in COUNTS.items() for match in re.finditer(claim, text, re.IGNORECASE)]
    return [match[0] for match, true in found if number(match[1]) != true]


def number(text: str) -> float:
    """A number in digits or as a word."""
    return WORDS.index(text.lower()) + 1 if text.lower() in WORDS else float(text)


def dead_names(text: str) -> list[str]:
    """Paths of this repository, and `make` targets, that prose quotes and that do not exist."""
    quoted = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    paths = [each for each in quoted if re.fullmatch(r"[\w.-]+(/[a-z\d_.-]+)+/?", each)]
    ours = [each for each in paths if (ROOT / each.split("/")[0]).is_dir() and each.split("/")[0] not in MADE]
    targets = {name for each in quoted for name in re.findall(r"\bmake ([a-z][a-z-]*)", each)}
    return [*(each for each in ours if not (ROOT / each).exists()), *sorted(targets - known_targets())]


def known_targets() -> set[str]:
    """The targets of every make file, and those of a project that `make new` writes."""
    files = [ROOT / "Makefile", *(file for glob in INCLUDED for file in ROOT.glob(glob))]
    rules = "\n".join(file.read_text() for file in files)
    return {
        name for names in re.findall(r"^([a-z][a-z -]*):", rules, re.MULTILINE) for name in names.split()
    } | OF_A_PROJECT


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_claims_are_true(page):
    """Each number of a known kind, path and target on a page is that of the code."""
    text = page.read_text()
    assert wrong_counts(text) == []
    assert dead_names(text) == []


@pytest.mark.parametrize("claim", COUNTS)
def test_each_kind_of_claim_is_made_somewhere(claim):
    """A kind that no page has any more checks nothing."""
    assert any(re.search(claim, page.read_text(), re.IGNORECASE) for page in PAGES)


@pytest.mark.parametrize(
    "claim",
    [
        "It has 40 features.",
        "Three baselines are fitted.",
        "A gate of fifteen criteria",
        "blocks a ROC-AUC above 0.81 at once",
        "costs as much as 4 false alarms",
    ],
)
def test_a_wrong_number_is_found(claim):
    """Injected: numbers as digits and as words."""
    assert len(wrong_counts(claim)) == 1


@pytest.mark.parametrize(
    "name",
    ["src/flights/gone.py", "pipelines/no_folder/", "tests/serving/none.jsonl", "make no-such-target", "make trian"],
)
def test_a_dead_name_is_found(name):
    """Injected: a file, a folder, a file of the tests, and two targets that do not exist."""
    assert dead_names(f"See `{name}`.") == [name.removeprefix("make ")]
