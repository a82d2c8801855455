"""The first chapters become notebooks whose cells are the chapters' own blocks."""

import re

import pytest

from docs.blocks import BLOCK, CODE
from docs.tables import ROOT
from extras.site.notebooks import CHAPTERS, script

pytestmark = pytest.mark.exhibit

PAGE = """# A chapter

See [the next](02_next.md), [a page](../page.md), [code](../../src/a.py) and [elsewhere](https://a.b).

<!-- run: echo 1
echo 2 -->
```bash
echo 1
echo 2
```
<!-- end -->

<!-- raises folded -->
```python
1 / 0
```
answer
<!-- end -->
"""


def test_text_commands_and_code_become_cells():
    """Links lead to the same files, a command is a cell of bash, and one that must fail may raise."""
    made = script(PAGE)
    links = "[the next](../../docs/tutorial/02_next.md), [a page](../../docs/page.md), [code](../../src/a.py)"
    assert links in made
    assert "(https://a.b)" in made
    assert '# %% language="bash"\n# echo 1\n# echo 2\n' in made
    assert '# %% tags=["raises-exception"]\n1 / 0\n' in made
    assert "answer" not in made


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "tutorial").glob(CHAPTERS)), ids=lambda page: page.stem)
def test_a_chapter_s_notebook_has_all_of_its_code(page):
    """It is Python as a whole, and no block is missing."""
    made = script(page.read_text())
    compile(made, page.stem, "exec")
    codes = [code[1] for found in BLOCK.finditer(page.read_text()) if (code := CODE.match(found[5]))]
    assert codes
    assert [code for code in codes if code not in made] == []
    commands = [found[4] for found in BLOCK.finditer(page.read_text()) if found[2] in ("run", "fails")]
    assert len(commands) == len(re.findall('language="bash"', made))


def test_there_are_four():
    """Contract, leakage, baselines and evaluation: the chapters without a server."""
    assert len(list((ROOT / "docs" / "tutorial").glob(CHAPTERS))) == 4
