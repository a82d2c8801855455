"""A Markdown text as one HTML file that needs nothing else: styled, its pictures inside, and nothing in it run."""

import base64
import html
from pathlib import Path

from markdown_it import MarkdownIt

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem; color: #1d2530 }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5dbe3; padding-bottom: .3rem }
table { border-collapse: collapse; display: block; overflow-x: auto; font-size: .78rem; margin: 1rem 0 }
th, td { border-bottom: 1px solid #e3e8ee; padding: .25rem .5rem; text-align: left }
td { font-variant-numeric: tabular-nums }
code { background: #f2f5f8; padding: .1rem .3rem; border-radius: 3px; overflow-wrap: anywhere } img { max-width: 100% }
"""


def write(path: Path, source: Path) -> None:
    """Render a Markdown file and the pictures next to it."""
    path.write_text(page(source.read_text(), source.parent))


def page(text: str, pictures: Path) -> str:
    """The whole page; HTML in the text is shown, not meant."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    for token in tokens:
        for each in token.children or ():
            if each.type == "image":
                each.attrs["src"] = inlined(pictures / str(each.attrs["src"]))
    title = html.escape(text.splitlines()[0].lstrip("# "))
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>\n'
        f"{parser.renderer.render(tokens, parser.options, {})}</html>\n"
    )


def inlined(picture: Path) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()
