"""Give the package another name, wherever the name means the package: `make rename NAME=churn`.

Words stay as they are: what a row is called is `ROWS` in `dataset.py`.
"""

import importlib.util
import keyword
import re
import subprocess
import sys
from pathlib import Path

TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".svg", ".batch", ".json", ""}


class RenameRefused(ValueError):
    """The name, or the state of the tree, will not do."""


def main() -> None:
    """Rename the package of the repository in the current folder."""
    if len(sys.argv) != 2:
        sys.exit("expected a name: make rename NAME=churn")
    root, new = Path.cwd(), sys.argv[1]
    try:
        old = package(root)
        check(root, old, new)
    except RenameRefused as refusal:
        sys.exit(f"refused: {refusal}")
    changed = renamed_files(root, old, new)
    for folder in ("src", "tests"):
        git(root, "mv", f"{folder}/{old}", f"{folder}/{new}")
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check", "--select", "I", "--fix", "--quiet", "."], ["format", "--quiet", "."]):
        subprocess.run([*ruff, *words], cwd=root, check=True)
    print(f"{old} is {new} now, in {len(changed)} files and two folders; next: make install, make docs, make test")


def package(root: Path) -> str:
    """The name that the package has."""
    found = [path.parent.name for path in (root / "src").glob("*/dataset.py")]
    if len(found) != 1:
        raise RenameRefused(f"expected one src/*/dataset.py, got {len(found)}")
    return found[0]


def check(root: Path, old: str, new: str) -> None:
    """Refuse a name that cannot be a package's, or that is taken, and a tree with changes of its own.

    Raises
    ------
    RenameRefused
        One of these.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", new) or keyword.iskeyword(new):
        raise RenameRefused(f"expected a name of small letters, digits and underscores, got {new!r}")
    if new == old or (root / new).exists() or importlib.util.find_spec(new) is not None:
        raise RenameRefused(f"the name {new} is taken")
    if git(root, "status", "--porcelain"):
        raise RenameRefused("expected a clean tree, got uncommitted changes: commit them first")


def renamed_files(root: Path, old: str, new: str) -> list[Path]:
    """Write the new name into every tracked text; return the files that changed."""
    modules = "|".join(sorted({path.stem for path in (root / "src" / old).iterdir() if path.name != "__pycache__"}))
    changed = []
    for name in git(root, "ls-files").splitlines():
        path = root / name
        if path.suffix in TEXTS and path.is_file():
            before = path.read_text()
            after = renamed(before, old, new, modules)
            if after != before:
                path.write_text(after)
                changed.append(path)
    return changed


def renamed(text: str, old: str, new: str, modules: str) -> str:
    """A text with the package's new name: in imports, dotted names, paths and the lists of packages."""
    for pattern in (
        rf"(?<=\bfrom ){old}(?=(\.\w+)* import\b)",
        rf"(?<=\bimport ){old}(?=[.\s\"';)]|$)",
        rf"(?<![\w.]){old}(?=\.({modules}|\*)\b)",
        rf"(?<=src/){old}\b",
        rf"(?<=tests[/.]){old}\b",
        rf"(?<=3_models/){old}\b",
        rf"(?<=COPY src/{new} ){old}\b",
        rf"(?<=NAME = \"){old}(?=\")",
        rf"(?<=name=\"){old}(?=\")",
        rf"(?<=\"name\": \"){old}(?=\")",
        rf"(?<=components\[\"){old}(?=\")",
        rf"(?<=/ \"){old}(?=\")",
        rf"(?<=[\[\{{(, ]\"){old}(?=\"(, \"(pipelines|{modules})|: (ROOT|tmp_path|\"src/)))",
        rf"(?<=monitoring\", \"){old}(?=\"\])",
        rf"(?<=\(\"){old}(?=\"(, \*|\))|\.\")",
        rf"^{old}(?= = \"src/)",
        rf"(?<=\{{ ){old}(?= = \"src/)",
        rf"(?<=\(){old}(?=\|pipelines)",
        rf"(?<=--> ){old}\b",
        rf"(?<=subgraph ){old}\b",
        rf"(?<=\"){old}(?=/\w)",
    ):
        text = re.sub(pattern, new, text, flags=re.MULTILINE)
    return text


def git(root: Path, *words: str) -> str:
    """What git says."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RenameRefused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    main()
