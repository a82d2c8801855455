"""What the README and the docs show is generated, run, and checked; a stale block is found."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs import generate
from docs.generate import DRAWN, FOLDED, old_measurements
from flights.contract import TABLE
from serving.request import example
from tests.prose import page_words

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TERMS = (  # that readers of the field's books look for
    *("raw", "inputs", "targets", "predictions", "train", "validation", "holdout", "live", "out-of-time split", "gap"),
    *("baseline", "heuristic", "slice", "decision threshold", "gate", "criteria", "challenger", "champion"),
    *("model card", "datasheet", "data dictionary", "training/serving skew", "parity", "golden file", "reference"),
    *("current", "drift share", "prediction log", "outcome", "label delay", "shadow", "canary", "rollback"),
    *("minimum functionality test", "invariance test", "directional test"),
)


def check(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docs.generate", "--check", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_data_dictionary_has_a_line_for_each_column():
    """With unit, limits and meaning."""
    from docs.tables import data_dictionary

    lines = data_dictionary().splitlines()
    assert len(lines) == 2 + len(TABLE)
    assert "| `visibility` | number | mi | 0 to 20 | ✓ | prediction | Visibility at the origin |" in lines


def test_generated_tables_are_up_to_date():
    """Settings, columns, metrics, criteria, targets and the tree are those of the code."""
    verdict = check("--tables")
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with a table, a command and its true output."""
    path = tmp_path / "page.md"
    path.write_text(
        "<!-- run: echo 42 in 1.5 s -->\n```bash\necho 42 in 1.5 s\n```\n```text\n42 in 0.7 s\n```\n<!-- end -->\n"
    )
    return path


def test_a_true_block_passes_though_its_time_differs(page):
    """Seconds vary from run to run and are not compared."""
    assert check(str(page)).returncode == 0


def test_a_stale_block_is_found(page):
    """Planted: another output than the command's. The difference is shown, and the next command named."""
    page.write_text(page.read_text().replace("42 in 0.7", "41 in 0.7"))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "-41 in" in verdict.stdout
    assert "run `make docs`" in verdict.stderr


def test_a_command_that_fails_is_found(page):
    """Planted: a command that no longer exists."""
    page.write_text(page.read_text().replace("run: echo 42 in 1.5 s", "run: make no-such-target"))
    verdict = check(str(page))
    assert verdict.returncode != 0
    assert "no-such-target" in verdict.stderr


def test_a_command_that_must_fail_is_shown_with_its_exit_code(tmp_path):
    """The tutorial's refusals: a true one passes; planted, a refusal that no longer comes, is found."""
    page = tmp_path / "page.md"
    refusal = "<!-- fails: COMMAND -->\n```bash\nCOMMAND\n```\n```text\nno\n(exit code 3)\n```\n<!-- end -->\n"
    page.write_text(refusal.replace("COMMAND", "echo no; exit 3"))
    assert check(str(page)).returncode == 0
    page.write_text(refusal.replace("COMMAND", "echo no; exit 0"))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "was expected to fail" in verdict.stderr


def test_python_on_a_page_is_run(tmp_path):
    """The output below a block of code is what it prints; planted: another one."""
    page = tmp_path / "page.md"
    page.write_text("<!-- python -->\n```python\nprint(6 * 7)\n```\n```text\n42\n```\n<!-- end -->\n")
    assert check(str(page)).returncode == 0
    page.write_text(page.read_text().replace("\n42\n", "\n41\n"))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "-41" in verdict.stdout


def test_python_that_must_fail_is_shown_with_its_error(tmp_path):
    """The error and the exit code are compared; planted: code that succeeds."""
    page = tmp_path / "page.md"
    error = "```text\nZeroDivisionError: division by zero\n(exit code 1)\n```\n"
    page.write_text(f"<!-- raises -->\n```python\n1 / 0\n```\n{error}<!-- end -->\n")
    assert check(str(page)).returncode == 0
    page.write_text(page.read_text().replace("1 / 0", "0 / 1"))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "was expected to fail" in verdict.stderr


def test_several_commands_are_one_block_to_copy(tmp_path):
    """No prompt is copied with them, and a command without output has no second block; planted: a prompt."""
    page = tmp_path / "page.md"
    page.write_text("<!-- run: true\ntrue -->\n```bash\ntrue\ntrue\n```\n<!-- end -->\n")
    assert check(str(page)).returncode == 0
    page.write_text(page.read_text().replace("```bash\ntrue", "```bash\n$ true"))
    assert check(str(page)).returncode == 1


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_can_be_copied(page):
    """No command has a prompt before it."""
    assert re.findall(r"^\$ .*", page.read_text(), re.MULTILINE) == []


def test_a_folded_output_is_compared_too(tmp_path):
    """The answer to a question is hidden until a click; planted: another one."""
    page = tmp_path / "page.md"
    shown = FOLDED.format("```text\n42\n```\n")
    page.write_text(f"<!-- python folded -->\n```python\nprint(6 * 7)\n```\n{shown}<!-- end -->\n")
    assert check(str(page)).returncode == 0
    page.write_text(page.read_text().replace("\n42\n", "\n41\n"))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "-41" in verdict.stdout


def test_a_stale_block_of_a_real_chapter_is_found(tmp_path):
    """The first block of the chapter on deciding is true; planted: an action that the tree does not hold."""
    page = tmp_path / "10_deciding.md"
    chapter = (ROOT / "docs" / "tutorial" / page.name).read_text()
    page.write_text(chapter[: chapter.index("<!-- end -->")] + "<!-- end -->\n")
    assert check(str(page)).returncode == 0
    page.write_text(page.read_text().replace("fix the feed", "retrain     "))
    verdict = check(str(page))
    assert verdict.returncode == 1
    assert "-feed         retrain" in verdict.stdout


def test_pages_share_the_data_folder_under_the_name_that_they_show(tmp_path):
    """A command says `data/`, as its reader would, and gets the run's own folder."""
    first, second = tmp_path / "1.md", tmp_path / "2.md"
    write, read = "mkdir -p data/x && echo 42 > data/x/y && echo data/x/y", "cat data/x/y"
    for page, command, said in ((first, write, "data/x/y"), (second, read, "42")):
        page.write_text(f"<!-- run: {command} -->\n```bash\n{command}\n```\n```text\n{said}\n```\n<!-- end -->\n")
    verdict = check(str(first), str(second))
    assert verdict.returncode == 0, verdict.stdout
    assert not (ROOT / "data" / "x").exists()


def test_a_page_s_servers_end_with_it(tmp_path):
    """Two pages may use the same port."""
    code = "from http.server import HTTPServer as S; s = S(('127.0.0.1', 8021), None); print('running on', flush=True)"
    code += "; s.serve_forever()"
    command = f'{sys.executable} -c "{code}" &'
    pages = [tmp_path / f"{number}.md" for number in (1, 2)]
    for page in pages:
        shown = f"```bash\n{command.removesuffix(' &')}\n```\n```text\nrunning on\n```\n"
        page.write_text(f"<!-- run: {command} -->\n{shown}<!-- end -->\n")
    verdict = check(*map(str, pages))
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_routine_lines_of_a_server_are_left_out(tmp_path):
    """Injected: the three lines that every start prints, around one that only this server prints."""
    routine = ("Started server process [1]", "Waiting for application startup.", "Application startup complete.")
    lines = [f'{{"message": "{text}"}}' for text in (*routine, "champion answers", "running on")]
    page = tmp_path / "page.md"
    shown = "\n".join(lines[3:])
    command = f"printf '%s\\n' {shlex.join(lines)}; sleep 30"
    page.write_text(f"<!-- run: {command} & -->\n```bash\n{command}\n```\n```text\n{shown}\n```\n<!-- end -->\n")
    verdict = check(str(page))
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_a_stale_table_is_found(tmp_path):
    """Planted: a table that lacks a row."""
    page = tmp_path / "page.md"
    page.write_text("<!-- table: metrics -->\n| metric | meaning |\n<!-- end -->\n")
    assert check("--tables", str(page)).returncode == 1


def test_the_example_request_is_the_contracts():
    """The README's curl sends the example of the contract."""
    assert json.loads((ROOT / "docs" / "flight.json").read_text()) == example()


def anchors(page: Path) -> set[str]:
    """The fragments that a link to a page can have, as GitHub and the site make them from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Relative links and pictures of a page whose file or heading does not exist."""
    broken = []
    for target, fragment in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text()):
        file = page.parent / target if target else page
        if not file.exists() or (fragment and file.suffix == ".md" and fragment not in anchors(file)):
            broken.append(f"{target}#{fragment}" if fragment else target)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link and picture of a page exists, and so does the heading that it names."""
    assert broken_links(page) == []


@pytest.mark.parametrize("link", ["b.md", "b.png", "a.md#nowhere", "#nowhere", "../a.md"])
def test_a_broken_link_is_found(tmp_path, link):
    """Injected: a file, a picture, a heading on another page, one on this page, and a folder that do not exist."""
    page = tmp_path / "a.md"
    page.write_text(f"# A page: one\n\n[good](#a-page-one), [good](a.md), [good](https://a.b/c), [bad]({link})\n")
    assert broken_links(page) == [link]


def walk(text: str) -> dict[str, str]:
    """Each file of the README's tree, with its comment."""
    files, folder = {}, ""
    for name, comment in re.findall(r"^ *([\w/]+(?:/|\.py)) {2,}(.+)$", text, re.MULTILINE):
        folder = name if name.endswith("/") else folder
        files[name if name == folder else folder + name] = comment
    return files


def test_the_readme_shows_the_walk():
    """The tree has every file of the walk in pyproject.toml, and no comment is longer than 50 characters."""
    tree = walk((ROOT / "README.md").read_text())
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["core"]["walk"]
    assert {name for name in tree if not name.endswith("/")} == set(listed)
    assert max(map(len, tree.values())) <= 50


BAD_ON_PURPOSE = 0.62  # below it: a candidate that must be blocked, as the table says


def unexplained(pages: dict[str, str]) -> list[str]:
    """ROC-AUC values that a page quotes, and that the table "which ROC-AUC is which" does not have."""
    table = pages["evaluation.md"].split("## Which ROC-AUC is which")[1].split("\n## ")[0]
    known = [
        float(value) for row in re.findall(r"^\| (.*?) \|", table, re.MULTILINE) for value in re.findall(VALUE, row)
    ]
    quoted = [
        (name, float(value))
        for name, text in pages.items()
        for value in re.findall(rf"ROC-AUC(?: is)? ({VALUE})", text)
    ]
    return [
        f"{name}: {value}"
        for name, value in quoted
        if value >= BAD_ON_PURPOSE and min(abs(value - each) for each in known) > 0.005
    ]


VALUE = r"0\.\d{2,4}"


def test_every_roc_auc_is_explained():
    """A reader finds the rows of each value in one table."""
    assert unexplained({page.name: page.read_text() for page in PAGES}) == []


@pytest.mark.parametrize("quoted", ["ROC-AUC 0.812 on live", "its ROC-AUC is 0.6312.", "ROC-AUC 0.99"])
def test_an_unexplained_roc_auc_is_found(quoted):
    """Injected: values that the table lacks."""
    pages = {"evaluation.md": (ROOT / "docs" / "evaluation.md").read_text(), "a.md": quoted}
    assert len(unexplained(pages)) == 1


CHAPTERS = sorted((ROOT / "docs" / "tutorial").glob("[0-9]*.md"))
PARTS = (
    "- **You will learn** ",
    "- **Time:** ",
    "## What goes wrong in practice",
    "## Run it",
    "**Predict first.**",
    "## Read the code",
    "## Break it: ",
    "## Takeaways\n\n1. ",
    "## At work on Monday",
    "## Limits",
)


def test_the_tutorial_follows_the_loop():
    """Thirteen chapters, each of them in its table of contents."""
    contents = (ROOT / "docs" / "tutorial" / "README.md").read_text()
    assert len(CHAPTERS) == 13
    assert [chapter.name for chapter in CHAPTERS if f"]({chapter.name})" not in contents] == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_has_its_parts_and_a_caught_failure(chapter):
    """Every part in its order, three takeaways, and a command that must fail."""
    text = chapter.read_text()
    places = [text.index(part) for part in PARTS]
    assert places == sorted(places)
    takeaways = text[text.index("## Takeaways") : text.index("## At work on Monday")]
    assert re.findall(r"^(\d)\. ", takeaways, re.MULTILINE) == ["1", "2", "3"]
    assert re.search("<!-- (?:fails|raises)", text)


def minutes(text: str) -> float:
    """To read a page's words, 200 a minute, guess each answer, and copy each block; without the commands' own time."""
    blocks = len(re.findall(r"^```(?:bash|python)", text, re.MULTILINE))
    return len(page_words(text)) / 200 + text.count("**Predict first.**") + blocks / 2


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_says_how_long_it_takes_and_how_many_terminals(chapter):
    """The minutes suffice for its text and blocks, and there are at most two terminals."""
    text = chapter.read_text()
    said = re.search(r"^- \*\*Time:\*\* (\d+) minutes, (one|two) terminals?", text, re.MULTILINE)
    assert said
    assert minutes(text) <= int(said[1]) <= 20
    assert (said[2] == "two") == (" & -->\n" in text)  # a server that keeps running


MADE = (
    "../holdout.png",
    "../slices.png",
    "../images/monitoring.png",
    "../compare.png",
)  # by commands of chapters
MAX_PICTURE_BYTES = 60_000


def undrawn(text: str) -> list[str]:
    """What is wrong with a chapter's pictures: there is none, or its code does not draw it, or it is not shown."""
    shown = re.findall(r"!\[.*?\]\((\S+)\)", text)
    drawn = [f"../images/{name}" for name in DRAWN.findall(text)]
    return [*sorted({*shown, *drawn} - {*MADE, *({*shown} & {*drawn})}), *(() if shown else ("no picture",))]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_a_chapter_shows_a_picture_that_it_made(chapter):
    """Its code draws it, or a command that it runs; what its code draws is small."""
    text = chapter.read_text()
    assert undrawn(text) == []
    for name in DRAWN.findall(text):
        assert (ROOT / "docs" / "images" / name).stat().st_size < MAX_PICTURE_BYTES


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("No picture.", "no picture"),
        ("![a](../images/a.png)", "../images/a.png"),
        ('![a](../holdout.png) figure.savefig("data/b.png")', "../images/b.png"),
    ],
    ids=["none", "not drawn", "not shown"],
)
def test_a_picture_that_a_chapter_did_not_make_is_found(text, wrong):
    """Injected: a chapter without a picture, with another's picture, and with one that it does not show."""
    assert undrawn(text) == [wrong]


def test_a_picture_is_copied_to_the_page(tmp_path, monkeypatch):
    """What the code has drawn in the data folder replaces the committed picture; what it has not drawn stays."""
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    (tmp_path / "docs" / "images").mkdir(parents=True)
    (tmp_path / "a.png").write_bytes(b"new")
    generate.copy_pictures('x.savefig("data/a.png") y.savefig("data/b.png", dpi=50)', tmp_path)
    assert [path.name for path in (tmp_path / "docs" / "images").iterdir()] == ["a.png"]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_an_answer_is_folded_away(chapter):
    """The block that answers a question shows its output only after a click."""
    for answer in chapter.read_text().split("**Predict first.**")[1:]:
        mark = re.search(r"<!-- (.*?)[:>]|^## ", answer, re.MULTILINE)
        assert mark
        assert mark.group() == "## " or " folded" in mark[1]  # or a link answers it


def test_the_version_is_the_changelogs():
    """The newest release in the changelog is the version of the package."""
    newest = re.search(r"^## (\d+\.\d+\.\d+) - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


KINDS = ("run", "fails", "python", "raises", "table", "include", "measured", "shown")
FENCES = ("python", "bash", "text", "console", "sh")
DATED = r"(20\d\d-\d\d-\d\d), (make|python -m) ([a-z_.-]+)"  # when, and by which command


def unaccounted(text: str) -> list[str]:
    """Code and output on a page that no mark accounts for."""
    outside = re.sub(rf"<!-- (?:{'|'.join(KINDS)})\b.*?<!-- end -->", "", text, flags=re.DOTALL)
    return re.findall(rf"```(?:{'|'.join(FENCES)})\n.*", outside)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_code_stands_on_a_page_without_being_run(page):
    """A block of code or of output is run in CI, measured on a date, or a command that a named test runs."""
    assert unaccounted(page.read_text()) == []


def test_a_block_that_nobody_runs_is_found():
    """Planted: a fence without a mark, next to one with a mark."""
    marked = "<!-- run: true -->\n```bash\ntrue\n```\n<!-- end -->\n"
    assert unaccounted(marked) == []
    assert unaccounted(marked + "```sh\nrm -r data\n```\n") == ["```sh\nrm -r data"]


def untraceable(text: str) -> list[str]:
    """Measured blocks and pictures whose command does not exist."""
    makefiles = [ROOT / "Makefile", *ROOT.glob("extras/*/targets.mk"), *ROOT.glob("deploy/targets.mk")]
    rules = "\n".join(makefile.read_text() for makefile in makefiles)
    targets = re.findall(r"^([a-z-]+):.*#[#-] ", rules, re.MULTILINE)
    wrong = []
    for mark, _, how, what in re.findall(rf"(<!-- (?:measured|picture): {DATED})", text):
        known = what in targets if how == "make" else (ROOT / f"{what.replace('.', '/')}.py").is_file()
        if not known:
            wrong.append(mark)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_was_measured_can_be_measured_again(page):
    """Every mark names a day and a target that exists; each picture says how it is made."""
    text = page.read_text()
    assert untraceable(text) == []
    assert len(re.findall("<!-- measured", text)) == len(re.findall(f"<!-- measured: {DATED}", text))
    made = re.findall(r"<!-- picture: (?:20\d\d-\d\d-\d\d, make [a-z-]+|drawn by hand) -->\n!\[", text)
    assert len(made) == len(re.findall(r"!\[.*?\]\(.*?\.svg\)", text))


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_a_drawing_renders_outside_browsers(picture):
    """Well-formed, without style sheets, variables and other files, so that editors and converters show it."""
    ElementTree.parse(picture)
    text = picture.read_text()
    assert re.findall(r"var\(--|class=|<foreignObject|<script|(?:src|href)=\"http", text) == []


def test_a_measurement_without_its_command_is_found():
    """Planted: a target and a module that are gone. The age of a measurement is a warning of `make docs-check`."""
    assert untraceable("<!-- measured: 2025-06-01, make backtest -->") == []
    assert untraceable("<!-- picture: 2026-11-27, make pictures -->")
    assert untraceable("<!-- measured: 2026-11-27, python -m benchmarks.nothing -->")


def test_an_old_measurement_is_a_warning():
    """Planted: a mark of the year before. It is named, and does not fail a run on a later day."""
    assert old_measurements("<!-- measured: 2026-06-01, make backtest -->", date(2026, 11, 27)) == []
    assert old_measurements("<!-- measured: 2025-11-27, make backtest -->", date(2026, 11, 27)) == [
        "2025-11-27, make backtest"
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_test_runs_are_in_that_test(page):
    """The test is there, and knows the targets, modules, addresses and code that the page shows."""
    for path, body in re.findall(r"<!-- shown: (\S+) -->\n(.*?)<!-- end -->", page.read_text(), re.DOTALL):
        test = (ROOT / path).read_text()
        for word in {*re.findall(r"make ([a-z-]+)", body), *re.findall(r"/admin/(\w+)", body)}:
            assert word in test, f"{page.name}: {word} is not in {path}"
        for code in re.findall(r"```python\n(.*?)```", body, re.DOTALL):
            assert code in test, f"{page.name}: the code is not in {path}"


def glossary() -> dict[str, str]:
    """Each term of the glossary with the file where it lives."""
    rows = re.findall(r"^\| (.+?) \| .+? \| `(.+?)` \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    return dict(rows)


def test_the_glossary_has_every_term():
    """Nobody looks in vain for a word that the code and its tests use."""
    assert set(TERMS) - set(glossary()) == set()


@pytest.mark.parametrize(("term", "file"), glossary().items())
def test_a_term_lives_where_the_glossary_says(term, file):
    """Every file or folder named exists."""
    assert (ROOT / file).exists()
