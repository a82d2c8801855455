"""Sentences and pages that are too long are found; code, tables and generated blocks are not sentences."""

import pytest

from tests import prose

LONG = "word " * 31


@pytest.mark.parametrize(
    "page",
    [
        f"{LONG}.\n",
        f"# Title\n\n- An item.\n- {LONG}.\n",
        f"Short. {LONG}? Short.\n",
        f"A paragraph\n\n1. {LONG.replace(' ', chr(10), 3)}\n",
        f"See [a link](b.md) and **{LONG}**.\n",
    ],
    ids=["paragraph", "item", "between others", "over lines", "with markup"],
)
def test_a_long_sentence_is_found(page):
    """Injected: a sentence above the limit, wherever a page can have one."""
    found = [line for line in prose.long_sentences("a.md", page) if "split it" in line]
    assert len(found) == 1
    assert found[0].startswith("a.md: a sentence of 3")


@pytest.mark.parametrize(
    "page",
    [
        f"```sh\n{LONG}\n```\n",
        f"<!-- run: a -->\n{LONG}\n<!-- end -->\n",
        f"| {LONG} |\n",
        f"# {LONG}\n",
        f"    {LONG}\n",
        f"<!-- {LONG} -->\n",
        f"Run `{LONG}` now.\n",
        "Half a sentence of ten words and a bit more here. " * 9,
    ],
    ids=["code", "block", "table", "heading", "indented", "comment", "quoted code", "many short ones"],
)
def test_other_text_passes(page):
    """What is not a sentence, and short sentences in a row, are not reported."""
    assert list(prose.long_sentences("a.md", page)) == []


def test_a_long_mean_is_found():
    """Injected: sentences that are all within the limit, and too long on average."""
    (found,) = prose.long_sentences("a.md", f"{'word ' * 20}. {'word ' * 19}. {'word ' * 18}.")
    assert found == "a.md: sentences have 19.0 words on average (limit 18), split the longest"


@pytest.mark.parametrize(("page", "part"), [("README.md", "README.md"), ("docs/a.md", "docs"), ("docs/b/c.md", "docs")])
def test_too_many_words_are_found(page, part):
    """Injected: one word above the limit; at the limit, and with a long address or comment, nothing is reported."""
    limit = prose.MAX_WORDS[part]
    assert prose.too_many_words({page: "word " * limit + "[](a b c) <!-- d e -->"}) == []
    assert prose.too_many_words({page: "word " * (limit + 1)}) == [
        f"{part}: {limit + 1:,} words (limit {limit:,}), cut what repeats"
    ]


def test_the_check_is_a_part_of_lint(tmp_path):
    """Injected: a long sentence in a folder's README; tests/test_style.py runs the whole check on this repository."""
    (tmp_path / "README.md").write_text(f"{LONG}.\n")
    assert len(prose.long_texts(tmp_path)) == 2
