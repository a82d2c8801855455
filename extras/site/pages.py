"""Hooks of mkdocs: the README as home page, pages that are generated from the code, and links to the source."""

import ast
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

from docs.tables import ROOT, TABLES, walk_files

log = logging.getLogger("mkdocs.hooks.pages")  # a warning of mkdocs fails a strict build
LINK = re.compile(r"\[([^\]]*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add the home page and the generated pages."""
    files.append(File.generated(config, "index.md", content=(root(config) / "README.md").read_text()))
    for name, (title, content) in GENERATED.items():
        files.append(File.generated(config, f"generated/{name}.md", content=f"# {title}\n\n{content()}"))
    return files


def on_page_markdown(markdown: str, page: Any, **more: Any) -> str:
    """Let links that leave docs/ lead to the repository, and those of the README into docs/."""
    text = re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL)
    return LINK.sub(lambda found: link(found, page.file.src_uri, more["config"]), text)


def link(found: re.Match[str], page: str, config: Any) -> str:
    """One link as the site needs it; a file that does not exist is a warning."""
    text, target, fragment = found[1], found[2], found[3] or ""
    docs = root(config) / "docs"
    path = ((root(config) if page == "index.md" else (docs / page).parent) / target).resolve()
    if path.is_relative_to(docs):  # mkdocs itself warns if it does not exist
        return f"[{text}]({path.relative_to(docs)}{fragment})" if page == "index.md" else found[0]
    if not path.exists():
        log.warning("%s: the link to %s leads nowhere", page, target)
    repository = config["repo_url"]
    return f"[{text}]({repository.rstrip('/')}/blob/main/{path.relative_to(root(config))})" if repository else text


def root(config: Any) -> Path:
    """The folder of the README, in which docs/ is."""
    return Path(config["docs_dir"]).resolve().parent


def http_api() -> str:
    """Every route of the published API with its fields."""
    described = json.loads((ROOT / "tests" / "serving" / "openapi.json").read_text())
    lines = ["| route | what it does | status |", "|---|---|---|"]
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            says = route.get("description", "").split("\n\n")[0].replace("\n", " ")
            lines.append(f"| `{method.upper()} {path}` | {says} | {', '.join(route['responses'])} |")
    for name, schema in described["components"]["schemas"].items():
        lines += ["", f"## {name}", "", "| field | required | meaning |", "|---|---|---|"]
        for field, each in schema.get("properties", {}).items():
            required = "yes" if field in schema.get("required", []) else "no"
            lines.append(f"| `{field}` | {required} | {each.get('description', each.get('title', ''))} |")
    return "\n".join(lines) + "\n"


def checklists() -> str:
    """The courses' lists, without their title, and with links from where the page is on the site."""
    text = (ROOT / "extras" / "site" / "checklists.md").read_text()
    return text.partition("\n\n")[2].replace("](../../docs/", "](../")


def python_api() -> str:
    """Every public function and class of the walk, with its first sentence."""
    lines = ["The walk, in reading order: public functions and classes.", ""]
    for path in walk_files():
        module = ast.parse((ROOT / path).read_text())
        lines += [f"## {path}", "", ast.get_docstring(module) or "", ""]
        for each in module.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and each.name[0] != "_":
                arguments = "" if isinstance(each, ast.ClassDef) else f"({ast.unparse(each.args)})"
                says = (ast.get_docstring(each) or "").split("\n\n")[0].replace("\n", " ")
                lines.append(f"- `{each.name}{arguments}`: {says}")
        lines.append("")
    return "\n".join(lines)


def requests() -> str:
    """What the service does with unusual and with invalid requests."""
    return f"## Valid\n\n{TABLES['allowed input']()}\n## Invalid\n\n{TABLES['refused input']()}"


GENERATED: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("Every command", lambda: TABLES["targets"]("help-all")),
    "http": ("HTTP API", http_api),
    "requests": ("Valid and invalid requests", requests),
    "python": ("Python API", python_api),
    "modules": ("Every module", TABLES["tree"]),
    "alerts": ("Which check fires in which drill", TABLES["watchers"]),
    "checklists": ("Course checklists", checklists),
}
