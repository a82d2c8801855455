"""Words and names that the style replaced are found, in prose and in code, and only there."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import style

ROOT = Path(__file__).parents[1]


def found(folder: Path, name: str, source: str) -> list[str]:
    (folder / name).write_text(source)
    return list(style.violations(folder / name, name))


@pytest.mark.parametrize(
    ("word", "better"),
    [
        ("anew", "again"),  # style: allow
        ("Beside", "next to, together with"),  # style: allow
        ("mends", "fix"),  # style: allow
        ("hold the rows against", "validate, compare with"),  # style: allow
        ("for want\nof", "without"),  # style: allow
        ("whoever", "the client, the on-call engineer"),  # style: allow
        ("lies", "is"),  # style: allow
        ("stands", "is"),  # style: allow
        ("rings", "fires"),  # style: allow
        ("so many", "n, each"),  # style: allow
        ("what it is that", "which"),  # style: allow
    ],
)
@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("page.md", "# Page\n{}\n"),
        ("rules.mk", "# {}\n"),
        ("code.py", '"""Text\n{}\n"""\n'),
        ("code.py", 'x = 1\nraise ValueError("""a {} b""")\n'),
        ("code.py", 'x = 1\ny = f"""{{x}} a {} b"""\n'),
    ],
)
def test_a_banned_word_is_found(tmp_path, word, better, name, source):
    """Injected: each word, in a page, a make file, a docstring, a message and an f-string."""
    (line,) = found(tmp_path, name, source.format(word))
    assert line.startswith(f"{name}:")
    assert line.endswith(f"{' '.join(word.split())!r}: write {better!r}")


def test_a_comment_is_prose(tmp_path):
    """Injected: a banned word after the code of a line; the line is named."""
    source = "x = 1\ny = 2  # made anew\n"  # style: allow
    assert found(tmp_path, "code.py", source) == ["code.py:2: 'anew': write 'again'"]  # style: allow


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("points_at", "cause"),  # style: allow
        ("Weighed", "WeightedSample"),  # style: allow
        ("objection", "failure"),  # style: allow
        ("Hall", "Fixture"),  # style: allow
        ("why_not", "unavailable_reason"),  # style: allow
        ("stand_in", "fallback"),  # style: allow
        ("discord", "residual"),  # style: allow
        ("newcomers", "unseen categories"),  # style: allow
        ("strays", "distances"),  # style: allow
        ("GuardAsleep", "GuardDidNotFire"),  # style: allow
        ("Told", "DrillReport"),  # style: allow
        ("MOST_ROWS", "MAX_*"),  # style: allow
        ("LEAST_NOISE", "MIN_*"),  # style: allow
    ],
)
def test_a_replaced_name_is_found(tmp_path, name, better):
    """Injected: each name, as code and as a page quotes it."""
    assert found(tmp_path, "code.py", f"{name} = 1\n") == [f"code.py:1: {name!r}: write {better!r}"]
    assert found(tmp_path, "page.md", f"See `{name}`.\n") == [f"page.md:1: {name!r}: write {better!r}"]


@pytest.mark.parametrize(
    "source",
    ["besides = 1\n", "rings = 1\n", "told = almost_anew\n", "# recommended, believes\n"],  # style: allow
)
def test_other_words_pass(tmp_path, source):
    """A banned word inside a longer one, and a banned word of prose as a name, are no violations."""
    assert found(tmp_path, "code.py", source) == []


def test_a_quoted_word_is_allowed(tmp_path):
    """A line may quote a word if it says so; its neighbours may not."""
    source = "# anew  style: allow\n# anew\n"  # style: allow
    assert found(tmp_path, "code.py", source) == ["code.py:2: 'anew': write 'again'"]  # style: allow


def test_folders_that_do_not_pass_yet_are_not_read(tmp_path):
    """A listed folder or file is left out, one with a similar name is not."""
    for name in ("docs/a.md", "docs_more.md", "extras/a.py", "serving/a.py", "serving/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert style.read_files(tmp_path, ["docs", "serving/a.py"]) == ["serving/b.py", "extras/a.py"]


def test_the_project_passes():
    """What `make lint` runs."""
    command = [sys.executable, "-m", "tests.style"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "@$(BIN)/python -m tests.style" in (ROOT / "Makefile").read_text()
