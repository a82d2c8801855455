"""The sentences of the documentation: finds long ones, pages with a long mean, and too many words. See style.py."""

import re
from collections.abc import Iterator
from pathlib import Path

MAX_SENTENCE = 30  # words
MAX_MEAN = 18.0
MAX_WORDS = {"README.md": 900, "docs": 22_000}
BLOCK = re.compile(
    r"<!-- (?:table|run|fails|python|raises|include|measured|shown)\b.*?<!-- end -->|```.*?```", re.DOTALL
)
MARKUP = ((r"<!--.*?-->|!\[.*?\]\(.*?\)", ""), (r"\[(.*?)\]\(.*?\)", r"\1"), (r"`[^`]+`", "code"), (r"[*_~]{1,2}", ""))
SHORT = re.compile(r"\b(?:e\.g|i\.e|et al|vs|St)\.")
ITEM = re.compile(r"\s*(?:[-*]|\d+\.) |\s*$")


def long_texts(root: Path) -> list[str]:
    """One line for each thing that is too long in the README and docs/."""
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    texts = {page.relative_to(root).as_posix(): page.read_text() for page in pages if page.is_file()}
    return [*(line for name, text in texts.items() for line in long_sentences(name, text)), *too_many_words(texts)]


def long_sentences(name: str, text: str) -> Iterator[str]:
    """One line for each sentence of a page that is too long, and one for its mean."""
    lengths = [(len(counted(each)), each) for each in sentences(text)]
    for length, sentence in lengths:
        if length > MAX_SENTENCE:
            yield f"{name}: a sentence of {length} words (limit {MAX_SENTENCE}), split it: {sentence[:60]!r}..."
    mean = sum(length for length, _ in lengths) / max(len(lengths), 1)
    if mean > MAX_MEAN:
        yield f"{name}: sentences have {mean:.1f} words on average (limit {MAX_MEAN:g}), split the longest"


def too_many_words(texts: dict[str, str]) -> list[str]:
    """One line for the README, and one for docs/, if it has more words than its limit."""
    words = {
        part: sum(len(page_words(text)) for name, text in texts.items() if name.split("/")[0] == part)
        for part in MAX_WORDS
    }
    return [
        f"{part}: {words[part]:,} words (limit {limit:,}), cut what repeats"
        for part, limit in MAX_WORDS.items()
        if words[part] > limit
    ]


def sentences(text: str) -> list[str]:
    """The sentences of a page's paragraphs and lists, without code, tables, headings and generated blocks."""
    text = BLOCK.sub("\n", text)
    for pattern, plain in MARKUP:
        text = re.sub(pattern, plain, text, flags=re.DOTALL)
    paragraphs = [""]
    for line in text.splitlines():
        if line.startswith(("|", "#", "    ")) and not ITEM.match(line):
            paragraphs.append("")
        elif ITEM.match(line):
            paragraphs.append(ITEM.sub("", line, count=1))
        else:
            paragraphs[-1] += f" {line.strip()}"
    split = [part for each in paragraphs for part in re.split(r"(?<=[.?!])[\"')]*\s+", SHORT.sub("abbr", each))]
    return [part for part in split if counted(part)]


def counted(text: str) -> list[str]:
    """The words of a text: what has a letter or a digit."""
    return [word for word in text.split() if re.search(r"\w", word)]


def page_words(text: str) -> list[str]:
    """All words that a reader sees on a page: tables, code and output too; addresses of links and fences not."""
    return counted(re.sub(r"<!--.*?-->|(?<=\])\([^)]*\)|(?<=```)\w+", "", text, flags=re.DOTALL))
