"""Write a project: the template's own files, the table's declarations, and one commit."""

import json
import shutil
import subprocess
from dataclasses import astuple
from pathlib import Path

from extras.new import declare, pages
from extras.new.dates import Dates
from extras.new.infer import Draft
from extras.new.limits import Limit
from extras.new.query import without_password
from extras.new.roles import Rejected
from extras.new.template import CODE, ROOT, check_words, tidy, version, write, write_template
from extras.new.words import OLD, renamed

SOURCE_FOLDER = "data/0_source"
RECORD = ".template.json"
MARK = "Template-Version:"  # of a commit that holds the template's own files as they were written


def write_project(found: Draft, dates: Dates, limits: list[Limit]) -> Path:
    """Write every file below the destination, and make it a repository with one commit."""
    folder, name, extras = found.options.destination, found.options.name, found.options.extras
    if lost := write_template(folder, name, extras, limits):
        raise Rejected(f"this repository declares no {', '.join(lost)} any more: extras/new/limits.py must follow")
    declarations(found, dates)
    stored = store_source(found)
    write(folder / "pipelines/collect.py", declare.collect(found, stored, name))
    write(folder / "request.json", as_json(pages.request(found, dates)))
    write(folder / RECORD, as_json({"name": name, "extras": extras, "limits": [astuple(each) for each in limits]}))
    tidy(folder)
    write(folder / "README.md", pages.readme(found, dates, stored, count_marks(folder)))
    check_words(folder)
    commit(folder)
    return folder


def as_json(content: object) -> str:
    """A text in JSON that people can read."""
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def declarations(found: Draft, dates: Dates) -> None:
    """Exchange the declarations, and take the marks of the template's own parts away."""
    library = found.options.destination / "src" / found.options.name
    original = ROOT / "src" / OLD
    modules = {path.stem for path in original.iterdir() if path.name != "__pycache__"}
    for file, text in (
        ("dataset.py", declare.dataset((original / "dataset.py").read_text(), found, dates)),
        ("features.py", declare.features((original / "features.py").read_text(), found)),
    ):
        write(library / file, renamed(text, found.options.name, "|".join(sorted(modules))))


def store_source(found: Draft) -> str:
    """Put the table into the data folder, which git ignores; returns its place in the project, or the database."""
    source, folder = found.options.source, found.options.destination / SOURCE_FOLDER
    if found.options.url:
        return without_password(found.options.url)
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, folder / "table")
        return f"{SOURCE_FOLDER}/table"
    suffix = "".join(source.suffixes[-2:]) if source.suffix == ".gz" else source.suffix
    shutil.copy(source, folder / f"table{suffix.lower()}")
    return f"{SOURCE_FOLDER}/table{suffix.lower()}"


def count_marks(folder: Path) -> int:
    """How many guesses are to be reviewed."""
    return sum(path.read_text().count(declare.REVIEW) for part in CODE for path in (folder / part).rglob("*.py"))


def commit(folder: Path) -> None:
    """Make the folder a repository with one commit, in the user's name if git knows it."""
    known = (
        subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True, check=False).returncode == 0
    )
    who = [] if known else ["-c", "user.name=make new", "-c", "user.email=make-new@localhost"]
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "-A"],
        [*who, "commit", "-qm", f"Start from a table\n\n{MARK} {version()}"],
    ):
        subprocess.run(["git", "-c", "core.hooksPath=/dev/null", *words], cwd=folder, check=True)
