"""What is still the example's: every edit point, in the order in which one would go through them.

An edit point is a statement that `example.json` knows, by its name. It counts as the example's while its code is the
example's and its comment says nothing new: a value that fits your data too becomes yours by a comment that says why.
"""

import ast
import json
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = Path(__file__).with_name("example.json")
MARK = "[SWAP]"
ORDER = ("dataset.py", "collect.py", "config.py", "features.py")  # as one would do it
Example = dict[str, dict[str, str]]  # digest of the code, and the comment, by file and name


@dataclass(frozen=True)
class EditPoint:
    """One statement to make yours."""

    path: str
    line: int
    name: str
    marked: bool
    why: str  # the comment, or else the docstring
    digest: str  # of its code

    @property
    def key(self) -> str:
        """What names it, whatever the package is called."""
        return f"{Path(self.path).name}:{self.name}"


def main() -> None:
    """Tell what is left to do; exit code 1 while there is something."""
    if sys.argv[1:] == ["--record"]:
        marked = {point.key: {"digest": point.digest, "why": point.why} for point in statements(ROOT) if point.marked}
        EXAMPLE.write_text(json.dumps(marked, indent=1) + "\n")
        return
    example: Example = json.loads(EXAMPLE.read_text())
    points = edit_points(ROOT, example)
    if sys.argv[1:] == ["--table"]:
        sys.stdout.write(table(points))
        return
    left = still_the_examples(points, example)
    for point in left:
        lost = "" if point.marked else f" (its mark {MARK} is lost)"
        print(f"{point.path}:{point.line}: {point.name} is still the example's: {example[point.key]['why']}{lost}")
    problem = misfit()
    print(problem or f"{len(left)} of {len(example)} edit points are still the example's")
    sys.exit(bool(left or problem))


def edit_points(root: Path, example: Example) -> list[EditPoint]:
    """Every statement that the example knows and that is still there, in the order of going through them."""
    found = [point for point in statements(root) if point.key in example]
    return sorted(found, key=lambda point: (ORDER.index(Path(point.path).name), point.path, point.line))


def statements(root: Path) -> Iterator[EditPoint]:
    """Every statement with a name in the files to go through, whatever the package is called."""
    for folder in ("src", "pipelines"):
        for path in sorted((root / folder).rglob("*.py")):
            if path.name in ORDER:
                text = path.read_text()
                lines = text.splitlines()
                for node in ast.parse(text).body:
                    if isinstance(node, ast.FunctionDef | ast.Assign | ast.AnnAssign):
                        yield edit_point(str(path.relative_to(root)), node, lines[node.lineno - 1 : node.end_lineno])


def edit_point(path: str, node: ast.stmt, lines: list[str]) -> EditPoint:
    """One statement as an edit point; its comment is the one on its first line."""
    comment = lines[0].partition("  # ")[2]
    said = comment.replace(MARK, "").strip() or (ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else "")
    tokens = tokenize.generate_tokens(StringIO("\n".join(lines)).readline)
    code = " ".join(token.string for token in tokens if token.type != tokenize.COMMENT).split()
    digest = sha256(" ".join(code).encode()).hexdigest()[:16]
    return EditPoint(path, node.lineno, name_of(node), MARK in comment, (said or "").partition("\n")[0], digest)


def name_of(node: ast.stmt) -> str:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef):
        return node.name
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]  # type: ignore[attr-defined]
    return ast.unparse(target).strip("()")


def still_the_examples(points: list[EditPoint], example: Example) -> list[EditPoint]:
    """The points whose code is the example's and whose comment says nothing else."""
    return [
        point
        for point in points
        if point.digest == example[point.key]["digest"] and point.why in {"", example[point.key]["why"]}
    ]


def misfit() -> str:
    """The first thing that does not fit together in what is declared, or nothing."""
    try:
        from flights.feature_set import plan

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
