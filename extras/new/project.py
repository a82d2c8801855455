"""Write the project: this repository's own files with another name, the table's declarations, and no example."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from extras.new import declare, kept_tests, pages
from extras.new.dates import Dates
from extras.new.edits import EDITS, in_days
from extras.new.infer import Draft
from extras.new.limits import Limit
from extras.new.roles import Rejected
from extras.new.words import FORBIDDEN, OLD, project_text, with_constant

ROOT = Path(__file__).parents[2]
FILES = Path(__file__).parent / "files"
COPIED = (
    f"src/{OLD}/",
    "pipelines/",
    "serving/",
    "monitoring/",
    "extras/__init__.py",
    "extras/operations/",
    "extras/privacy/",
    "tests/",
    "Makefile",
    "Dockerfile",
    ".dockerignore",
    ".gitignore",
    ".gitattributes",
    "LICENSE",
    "pyproject.toml",
    "requirements.lock",
    "deploy/serving.lock",
    "data/.ml-loop",
)
LOCKS = ("lint", "monitor", "replay", "test", "postgres", "explain", "cluster")
LEFT = (
    "pipelines/collect.py",
    "pipelines/collection/",
    f"src/{OLD}/extras/feature_store/",  # the example's views, with what serves and checks them
    "serving/extras/by_key/",
    "monitoring/checks/features.py",
    "tests/swap/",
    "tests/core.py",
    "tests/style.py",
    "tests/test_",
)
CODE = ("src", "pipelines", "serving", "monitoring")
TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ".css", ".mk", ".lock", ".jsonl", ".json", ""}
SOURCE_FOLDER = "data/0_source"


def write_project(found: Draft, dates: Dates, limits: list[Limit]) -> Path:
    """Write every file below the destination, and make it a repository with one commit."""
    folder, name = found.options.destination, found.options.name
    copy_files(folder, name)
    constants = {limit.name: limit for limit in limits}
    for path in sorted(path for part in CODE for path in (folder / part).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for each in [each for each in constants.values() if re.search(rf"^{each.name}\b.* = ", text, re.MULTILINE)]:
            mark = f"{declare.REVIEW[2:]} " if each.review else ""
            text = with_constant(text, each.name, each.value, f"{mark}{each.why}")
            del constants[each.name]
        path.write_text(text, encoding="utf-8")
    if constants:
        raise Rejected(f"this repository declares no {', '.join(constants)} any more: extras/new/limits.py must follow")
    declarations(found, dates)
    stored = store_source(found)
    write(folder / "pipelines/collect.py", declare.collect(found, stored, name))
    write(folder / "pipelines/collection/__init__.py", '"""How the table is read."""\n')
    shutil.copy(Path(__file__).with_name("table.py"), folder / "pipelines/collection/table.py")
    project_extra(folder, name)
    test = (FILES / "test_project.txt").read_text(encoding="utf-8")
    write(folder / "tests" / "test_project.py", test.replace("PACKAGE", name))
    kept_tests.drop_unimportable(folder)
    write(folder / "request.json", json.dumps(pages.request(found, dates), indent=1, ensure_ascii=False) + "\n")
    tidy(folder)
    write(folder / "README.md", pages.readme(found, dates, stored, count_marks(folder)))
    check_words(folder)
    commit(folder, found.options)
    return folder


def tracked() -> list[str]:
    """The files of this repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def is_copied(name: str) -> bool:
    """Whether a file goes into the project."""
    if name.startswith("tests/"):
        return kept_tests.is_kept(name)
    if name.startswith("deploy/locks/"):
        return Path(name).stem in LOCKS
    return name.startswith(COPIED) and not name.startswith(LEFT)


def copy_files(folder: Path, name: str) -> None:
    """Copy the template's own files under the new name, in the project's words."""
    modules = {path.stem for path in (ROOT / "src" / OLD).iterdir() if path.name != "__pycache__"}
    for each in filter(is_copied, tracked()):
        source = ROOT / each
        target = folder / project_text(each, name, modules).replace(f"tests/{OLD}/", f"tests/{name}/")
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in TEXTS and not each.endswith(".ml-loop"):
            text = source.read_text(encoding="utf-8")
            text = EDITS[each](text, name) if each in EDITS else text
            if each.startswith("tests/") and text and not (text := kept_tests.kept_text(each, text)):
                continue
            write(target, text if source.suffix == ".lock" else in_days(project_text(text, name, modules)))
            target.chmod(source.stat().st_mode)
        else:
            shutil.copy2(source, target)


def declarations(found: Draft, dates: Dates) -> None:
    """Exchange the declarations, and take the marks of the template's own parts away."""
    library = found.options.destination / "src" / found.options.name
    original = ROOT / "src" / OLD
    modules = {path.stem for path in original.iterdir() if path.name != "__pycache__"}
    for file, text in (
        ("dataset.py", declare.dataset((original / "dataset.py").read_text(), found, dates)),
        ("features.py", declare.features((original / "features.py").read_text(), found)),
    ):
        from extras.new.words import renamed

        write(library / file, renamed(text, found.options.name, "|".join(sorted(modules))))
    config = library / "config.py"
    text = re.sub(r"^# From here to the next such line.*\n|^# To here\. ?", "", config.read_text(), flags=re.MULTILINE)
    write(config, text.replace("What follows holds for any data.", "# What follows holds for any data."))


def store_source(found: Draft) -> Path:
    """Put the table into the data folder, which git ignores; returns its place in the project."""
    source, folder = found.options.source, found.options.destination / SOURCE_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, folder / "table")
        return Path(SOURCE_FOLDER) / "table"
    suffix = "".join(source.suffixes[-2:]) if source.suffix == ".gz" else source.suffix
    shutil.copy(source, folder / f"table{suffix.lower()}")
    return Path(SOURCE_FOLDER) / f"table{suffix.lower()}"


def project_extra(folder: Path, name: str) -> None:
    """The project's own extra: the doctor, the review, their targets, and CI."""
    extra = folder / "extras" / "project"
    write(extra / "__init__.py", '"""The checks of this project: is it ready, and what is left to review."""\n')
    for module in ("doctor.py", "review.py"):
        write(extra / module, Path(__file__).with_name(module).read_text().replace(f"from {OLD}", f"from {name}"))
    shutil.copy(FILES / "targets.txt", extra / "targets.mk")
    write(folder / ".github" / "workflows" / "ci.yml", (FILES / "ci.yml").read_text())


def count_marks(folder: Path) -> int:
    """How many guesses are to be reviewed."""
    return sum(path.read_text().count(declare.REVIEW) for part in CODE for path in (folder / part).rglob("*.py"))


def tidy(folder: Path) -> None:
    """Sort imports, remove unused ones, and format: names of another length change all three."""
    ruff = [sys.executable, "-m", "ruff"]
    for words in (
        ["check", "--select", "I,F401", "--fix", "--quiet", "--no-cache", "."],
        ["format", "--quiet", "--no-cache", "."],
    ):
        subprocess.run([*ruff, *words], cwd=folder, check=False, capture_output=True)


def check_words(folder: Path) -> None:
    """Fail if a word of the example is left in a file of the project's own."""
    found = []
    for path in sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.parts and "0_source" not in path.parts
    ):
        names = [str(path.relative_to(folder))]
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.suffix != ".lock" else []
        found += [f"{names[0]}: {line.strip()[:120]}" for line in names + lines if FORBIDDEN.search(line)]
    if found:
        raise Rejected("words of the example are left: " + "; ".join(found[:20]))


def commit(folder: Path, options: object) -> None:
    """Make the folder a repository with one commit, in the user's name if git knows it."""
    known = (
        subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True, check=False).returncode == 0
    )
    who = [] if known else ["-c", "user.name=make new", "-c", "user.email=make-new@localhost"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-qm", "Start from a table"]):
        subprocess.run(["git", "-c", "core.hooksPath=/dev/null", *words], cwd=folder, check=True)


def write(path: Path, text: str) -> None:
    """Write a text, with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
