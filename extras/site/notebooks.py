"""Chapters 1 to 4 of the tutorial as notebooks: `make notebooks`.

The chapters' own text and blocks become cells of jupytext scripts in build/notebooks, so nothing is written twice. The
outputs are left out: the reader guesses, runs a cell and looks.
"""

import re

from docs.blocks import BLOCK, CODE
from docs.tables import ROOT

FOLDER = ROOT / "build" / "notebooks"
CHAPTERS = "0[1-4]_*.md"
HEAD = """# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
"""
START = f"""# %%
# The chapters' commands run in the repository's folder
import os
import sys

os.chdir({str(ROOT)!r})
sys.path.insert(0, os.getcwd())
"""
MAY_FAIL = {"fails", "raises"}


def main() -> None:
    """Write one script for each of the first chapters."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for page in sorted((ROOT / "docs" / "tutorial").glob(CHAPTERS)):
        (FOLDER / f"{page.stem}.py").write_text(script(page.read_text()))


def script(page: str) -> str:
    """A chapter in jupytext's percent format."""
    cells, place = [HEAD, START], 0
    for found in BLOCK.finditer(page):
        cells += [text(page[place : found.start()]), cell(found)]
        place = found.end()
    return "\n".join(filter(None, [*cells, text(page[place:])]))


def text(markdown: str) -> str:
    """A cell of text, with links that lead from build/notebooks to the same files."""
    shown = re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL).strip()
    shown = re.sub(
        r"\]\((?!https?:|#|\.\./\.\./)(\.\./)?", lambda up: f"](../../docs/{'' if up[1] else 'tutorial/'}", shown
    )
    return f"# %% [markdown]\n{commented(shown)}\n" if shown else ""


def cell(found: re.Match[str]) -> str:
    """A cell with a block's code or command; tables are text."""
    _, kind, _, command, body = found.groups()
    tags = ' tags=["raises-exception"]' if kind in MAY_FAIL else ""
    if kind in ("python", "raises") and (code := CODE.match(body)):
        return f"# %%{tags}\n{code[1]}"
    if kind in ("run", "fails"):
        return f'# %%{tags} language="bash"\n{commented(command)}\n'
    return text(body)


def commented(lines: str) -> str:
    """Each line as a comment of Python."""
    return "\n".join(f"# {line}".rstrip() for line in lines.splitlines())


if __name__ == "__main__":
    main()
