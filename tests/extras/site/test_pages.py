"""The site builds strictly, needs no network, and a broken link fails the build."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.exhibit

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "extras" / "site" / "mkdocs.yml"


def build(config: Path, site: Path, repository: str = "") -> subprocess.CompletedProcess[str]:
    """What `make site` runs."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config), "-d", str(site)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "NO_MKDOCS_2_WARNING": "1"}
    environment["SITE_REPOSITORY"] = repository
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This repository's site."""
    folder = tmp_path_factory.mktemp("site")
    done = build(CONFIG, folder, "https://example.org/a/b")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_navigation_and_in_the_search(site):
    """A page of docs/ that the navigation lacks would not be found; the README is the home page."""
    listed = CONFIG.read_text()
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if page not in listed] == []
    found = {
        entry["location"].partition("#")[0]
        for entry in json.loads((site / "search/search_index.json").read_text())["docs"]
    }
    assert {
        "",
        "serving/",
        "tutorial/01_contract/",
        "generated/http/",
        "generated/python/",
        "generated/checklists/",
    } <= found


def test_no_page_needs_a_network(site):
    """No script, style, picture or frame comes from another machine."""
    outside = r"<(?:script|link|img|iframe)[^>]+(?:src|href)=\"?https?://(?!example\.org)[^\s\">]+"
    assert {match for page in site.rglob("*.html") for match in re.findall(outside, page.read_text())} == set()


def test_links_to_the_source_lead_to_the_repository(site):
    """From the README and from a chapter; within docs/ a link stays on the site."""
    home, chapter = ((site / name).read_text() for name in ("index.html", "tutorial/01_contract/index.html"))
    assert 'href="https://example.org/a/b/blob/main/tests/test_parity.py"' in home
    assert 'href="your_data/"' in home
    assert 'href="https://example.org/a/b/blob/main/src/flights/dataset.py"' in chapter


def test_broken_links_fail_the_build(tmp_path):
    """Injected: a page, a heading and a source file that do not exist, from a page and from the README."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Home\n\n[gone](docs/gone.md), [source](src/gone.py), [good](docs/a.md)\n")
    (tmp_path / "docs" / "a.md").write_text("# A\n\n[b](b.md), [h](#nowhere), [s](../src/none.py), [good](#a)\n")
    config = tmp_path / "mkdocs.yml"
    config.write_text(
        f"INHERIT: {CONFIG}\ndocs_dir: docs\nhooks: [{CONFIG.parent / 'pages.py'}]\nnav: [index.md, a.md]\n"
    )
    done = build(config, tmp_path / "site")
    said = done.stdout + done.stderr
    assert done.returncode != 0
    for wrong in ("gone.md", "src/gone.py", "b.md", "#nowhere", "../src/none.py"):
        assert wrong in said
    warnings = [line for line in said.splitlines() if "WARNING" in line and "generated/" not in line]
    assert len(warnings) == 5, said  # generated pages link to the real ones, which are not here
