"""A card becomes one file that needs nothing else and runs nothing."""

import base64
import re

from flights import registry
from pipelines.extras.card import html_page


def test_html_in_the_text_is_shown_not_meant(tmp_path):
    """Planted: a script, an image with a handler and a javascript address in the Markdown."""
    text = "# Card <script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n[a](javascript:alert(1))\n"
    text += "\n| <b> |\n|---|\n| 1 |\n"
    html = html_page.page(text, tmp_path)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;" in html


def test_pictures_travel_inside(tmp_path):
    """No address points outside of the file, and the policy allows none."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    html = html_page.page("# T\n\n![A](a.png)\n", tmp_path)
    assert f'src="data:image/png;base64,{base64.b64encode(bytes([137]) + b"PNG").decode()}"' in html
    assert "default-src 'none'" in html


def test_the_published_card_is_complete(trained):
    """Every heading and picture of the Markdown card is in the page, and nothing is fetched."""
    folder = registry.model_folder(trained / "3_models", 1)
    html, text = (folder / "card.html").read_text(), (folder / "card.md").read_text()
    assert html.count("<h2>") == text.count("\n## ")
    assert html.count("<img") == text.count("![") == 2
    assert not re.search(r'(src|href)="(?!data:)', html)


def test_a_wide_table_wraps_instead_of_losing_its_last_column():
    """Cells may break into lines: the card's widest table has nine columns of intervals."""
    assert "white-space: nowrap" not in html_page.STYLE
