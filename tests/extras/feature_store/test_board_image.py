"""The picture of the board is drawn from a page that shows flights, or not at all."""

import pytest

from extras.feature_store.board_image import demo, draw
from tests.browser import CHROMIUM, needs_chromium

PAGE = """<button onclick="document.title = 'by risk'">Risk</button>
<table><tbody id="rows"><tr><td><button onclick="this.className = 'probability'">UA15</button></td></tr></tbody></table>
"""


@needs_chromium
def test_the_first_flight_is_opened_and_kept_as_a_picture(tmp_path):
    """A page with the board's controls becomes a PNG."""
    playwright = pytest.importorskip("playwright.sync_api")
    (tmp_path / "page.html").write_text(PAGE)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        draw(browser, f"file://{tmp_path}/page.html", tmp_path / "images" / "board.png")
        browser.close()
    assert (tmp_path / "images" / "board.png").read_bytes()[:4] == b"\x89PNG"


def test_a_demo_that_does_not_start_is_told(tmp_path, monkeypatch):
    """Injected: no champion."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(SystemExit, match="the demo did not start"), demo():
        pass
