"""The words of the project: fails on words and names that its style replaced, and on long sentences (prose.py).

Read are Markdown pages, make files, and in Python files docstrings, comments, strings and names. A line that has to
quote such a word says `style: allow`. Paths below `not_yet` in pyproject.toml's `[tool.style]` are not read.
"""

import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.prose import long_texts

WORDS = {  # in prose, whatever the case  # style: allow
    r"anew": "again",  # style: allow
    r"beside": "next to, together with",  # style: allow
    r"mend(s|ed|ing)?": "fix",  # style: allow
    r"(hold|holds|held|holding)(\s+[\w`']+){0,4}\s+against": "validate, compare with",  # style: allow
    r"for want of": "without",  # style: allow
    r"whoever": "the client, the on-call engineer",  # style: allow
    r"lies": "is",  # style: allow
    r"stands": "is",  # style: allow
    r"(?<!ree\s)(?<!the\s)rings": "fires",  # style: allow
    r"so many": "n, each",  # style: allow
    r"what it is that": "which",  # style: allow
    r"silent feeds?": "missing feed",  # style: allow
}
NAMES = {  # as identifiers, also when prose quotes them
    r"RISING": "MONOTONIC_CONSTRAINTS",  # style: allow
    r"Weighed": "WeightedSample",  # style: allow
    r"objections?": "failure",  # style: allow
    r"Hall": "Fixture",  # style: allow
    r"Exhibit": "BadCandidate",  # style: allow
    r"points_at": "cause",  # style: allow
    r"discord": "residual",  # style: allow
    r"stillness": "staleness",  # style: allow
    r"newcomers": "unseen categories",  # style: allow
    r"strays": "distances",  # style: allow
    r"practised": "with_drill",  # style: allow
    r"Told": "DrillReport",  # style: allow
    r"GuardAsleep": "GuardDidNotFire",  # style: allow
    r"PlainRoute": "StrictJSONRoute",  # style: allow
    r"why_not": "unavailable_reason",  # style: allow
    r"stand_in": "fallback",  # style: allow
    r"with_silent_feed": "with_missing_feed",  # style: allow
    r"(MOST|LARGEST)_[A-Z_]+": "MAX_*",  # style: allow
    r"(FEWEST|LEAST|LOWEST)_[A-Z_]+": "MIN_*",  # style: allow
}
WORD = re.compile("|".join(rf"\b(?:{each})\b" for each in WORDS).replace(" ", r"\s+"), re.IGNORECASE)
NAME = re.compile("|".join(rf"\b(?:{each})\b" for each in NAMES))
FOLDERS = ("src", "pipelines", "serving", "monitoring", "extras", "tests", "deploy", "docs", "notebooks")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile")
PROSE = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}


def main() -> None:
    """Print each word that has to go, with its file, its line and what to write instead."""
    root = Path(__file__).parents[1]
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["style"]
    found = [line for path in read_files(root, settings["not_yet"]) for line in violations(root / path, path)]
    found += long_texts(root)
    if found:
        sys.exit("\n".join(found))


def read_files(root: Path, not_yet: list[str]) -> list[str]:
    """Paths of the texts to read, relative to the repository."""
    paths = [root / name for name in PAGES]
    for folder in FOLDERS:
        paths += [path for path in sorted((root / folder).rglob("*")) if path.suffix in {".py", ".md", ".mk"}]
    names = [path.relative_to(root).as_posix() for path in paths if path.is_file()]
    return [name for name in names if not any(name == each or name.startswith(f"{each}/") for each in not_yet)]


def violations(file: Path, path: str) -> Iterator[str]:
    """One sentence for each word of a file that has to go."""
    source = file.read_text()
    lines = source.splitlines()
    for line, text, prose in python_texts(source) if path.endswith(".py") else [(1, source, True)]:
        for pattern, better in [(WORD, WORDS), (NAME, NAMES)] if prose else [(NAME, NAMES)]:
            for match in pattern.finditer(text):
                at = line + text.count("\n", 0, match.start())
                if "style: allow" not in lines[at - 1]:
                    yield f"{path}:{at}: {' '.join(match[0].split())!r}: write {instead(match[0], better)!r}"


def python_texts(source: str) -> Iterator[tuple[int, str, bool]]:
    """Line, text, and whether it is prose, of each comment, string and name."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in PROSE or token.type == tokenize.NAME:
            yield token.start[0], token.string, token.type in PROSE


def instead(word: str, better: dict[str, str]) -> str:
    """What to write instead of a word."""
    plain = " ".join(word.split())
    return next(term for each, term in better.items() if re.fullmatch(each, plain, re.IGNORECASE))


if __name__ == "__main__":
    main()
