"""What is still the example's: every edit point, in the order in which one would go through them.

An edit point is a statement whose first line carries the mark. It counts as the example's for as long as it reads as
the example left it: a number that happens to fit is made yours by saying in its comment why it does.
"""

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = Path(__file__).with_name("example.json")
MARK = "[SWAP]"
ORDER = ("dataset.py", "collect.py", "features.py", "config.py")  # as one would do it


@dataclass(frozen=True)
class EditPoint:
    """One statement to make yours."""

    path: str
    line: int
    name: str
    why: str
    digest: str  # of its text

    @property
    def key(self) -> str:
        """What names it, whatever the package is called."""
        return f"{Path(self.path).name}:{self.name}"


def main() -> None:
    """Tell what is left to do; exit code 1 while there is something."""
    points = edit_points(ROOT)
    if sys.argv[1:] == ["--table"]:
        sys.stdout.write(table(points))
        return
    if sys.argv[1:] == ["--record"]:
        EXAMPLE.write_text(json.dumps({point.key: point.digest for point in points}, indent=1) + "\n")
        return
    left = still_the_examples(points, json.loads(EXAMPLE.read_text()))
    for point in left:
        print(f"{point.path}:{point.line}: {point.name} is still the example's: {point.why}")
    problem = misfit()
    print(problem or f"{len(left)} of {len(points)} edit points are still the example's")
    sys.exit(bool(left or problem))


def edit_points(root: Path) -> list[EditPoint]:
    """Every marked statement below a folder, in the order in which one would go through them."""
    found = [
        point
        for folder in ("src", "pipelines", "serving", "monitoring")
        for path in sorted((root / folder).rglob("*.py"))
        for point in marked(path, root)
    ]
    return sorted(found, key=lambda point: (place(point), point.path, point.line))


def place(point: EditPoint) -> int:
    """Where in the order a point's file comes; files that are not in it come last."""
    name = Path(point.path).name
    return ORDER.index(name) if name in ORDER else len(ORDER)


def marked(path: Path, root: Path) -> Iterator[EditPoint]:
    """The marked statements of one file."""
    text = path.read_text()
    if MARK not in text:
        return
    lines = text.splitlines()
    for node in ast.parse(text).body:
        first = lines[node.lineno - 1]
        if MARK in first:
            said = first.split(MARK)[1].strip() or (
                ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else ""
            )
            body = "\n".join(lines[node.lineno - 1 : node.end_lineno])
            yield EditPoint(
                str(path.relative_to(root)),
                node.lineno,
                name_of(node),
                (said or name_of(node)).splitlines()[0],
                sha256(body.encode()).hexdigest()[:16],
            )


def name_of(node: ast.stmt) -> str:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]  # type: ignore[attr-defined]
    return ast.unparse(target).strip("()")


def still_the_examples(points: list[EditPoint], example: dict[str, str]) -> list[EditPoint]:
    """The points that read as the example left them."""
    return [point for point in points if example.get(point.key) == point.digest]


def misfit() -> str:
    """The first thing that does not fit together in what is declared, or nothing."""
    try:
        from flights.features import plan

        plan()
    except Exception as error:
        return f"does not fit together yet: {error}"
    return ""


def table(points: list[EditPoint]) -> str:
    """The edit points as a Markdown table."""
    lines = ["| where | what | decide |", "|---|---|---|"]
    lines += [f"| `{point.path}` | `{point.name}` | {point.why} |" for point in points]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
