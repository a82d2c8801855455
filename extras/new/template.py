"""Write the template's own files into a project: this repository's with another name and words, without the example.

What is written here follows from the name, the extras and the limits alone, so that a later version of the template can
write it again: `make update-template` merges the two.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from extras.new import declare, kept_tests, more
from extras.new.edits import EDITS, in_days
from extras.new.limits import Limit
from extras.new.roles import Rejected
from extras.new.words import FORBIDDEN, OLD, project_text, with_constant
from flights.files import LOCK_FILE

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
    LOCK_FILE,
    "deploy/serving.lock",
    "data/.ml-loop",
)
LOCKS = ("lint", "monitor", "replay", "test", "postgres", "explain", "cluster", "lightgbm", "xgboost", "torch")
LEFT = (
    "pipelines/collect.py",
    "pipelines/collection/",
    f"src/{OLD}/extras/feature_views/",  # the example's views, with what serves and checks them
    f"src/{OLD}/extras/feature_store/",
    "serving/extras/by_key/",
    f"src/{OLD}/extras/contributions.py",
    "pipelines/extras/contributions.py",
    "monitoring/checks/features.py",
    "tests/swap/",
    "tests/core.py",
    "tests/style.py",
    "tests/prose.py",
    "tests/test_",
)
CODE = ("src", "pipelines", "serving", "monitoring")
TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ".css", ".mk", ".lock", ".jsonl", ".json", ""}


def write_template(folder: Path, name: str, extras: tuple[str, ...], limits: list[Limit]) -> list[str]:
    """Write the template's own files; returns the names of limits that it does not declare."""
    copy_files(folder, name, extras)
    more.keep_locks(folder, extras)
    constants = {limit.name: limit for limit in limits}
    for path in sorted(path for part in CODE for path in (folder / part).rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        for each in [each for each in constants.values() if re.search(rf"^{each.name}\b.* = ", text, re.MULTILINE)]:
            mark = f"{declare.REVIEW[2:]} " if each.review else ""
            text = with_constant(text, each.name, each.value, f"{mark}{each.why}")
            del constants[each.name]
        path.write_text(text, encoding="utf-8")
    config = folder / "src" / name / "config.py"
    text = re.sub(r"^# From here to the next such line.*\n|^# To here\. ?", "", config.read_text(), flags=re.MULTILINE)
    write(config, text.replace("What follows holds for any data.", "# What follows holds for any data."))
    write(folder / "pipelines/collection/__init__.py", '"""How the table is read."""\n')
    for module in ("table.py", "query.py"):
        text = Path(__file__).with_name(module).read_text(encoding="utf-8")
        write(folder / "pipelines" / "collection" / module, text.replace("extras.new.", "pipelines.collection."))
    project_extra(folder, name)
    test = (FILES / "test_project.txt").read_text(encoding="utf-8")
    write(folder / "tests" / "test_project.py", test.replace("PACKAGE", name))
    kept_tests.drop_unimportable(folder)
    return list(constants)


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


def copy_files(folder: Path, name: str, extras: tuple[str, ...]) -> None:
    """Copy the template's own files under the new name, in the project's words."""
    modules = {path.stem for path in (ROOT / "src" / OLD).iterdir() if path.name != "__pycache__"}
    kept = more.files(extras)
    for each in [each for each in tracked() if each in kept or is_copied(each)]:
        source = ROOT / each
        target = folder / project_text(each, name, modules).replace(f"tests/{OLD}/", f"tests/{name}/")
        if not source.is_file():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix in TEXTS and not each.endswith(".ml-loop"):
            text = source.read_text(encoding="utf-8")
            text = EDITS[each](text, name) if each in EDITS else text
            text = more.edited(each, text, extras) if each in kept else text
            if each.startswith("tests/") and text and not (text := kept_tests.kept_text(each, text)):
                continue
            write(target, text if source.suffix == ".lock" else in_days(project_text(text, name, modules)))
            target.chmod(source.stat().st_mode)
        else:
            shutil.copy2(source, target)


def project_extra(folder: Path, name: str) -> None:
    """The project's own extra: the doctor, the review, their targets, and CI."""
    extra = folder / "extras" / "project"
    write(extra / "__init__.py", '"""The checks of this project: is it ready, and what is left to review."""\n')
    for module in ("doctor.py", "review.py", "update.py"):
        write(extra / module, Path(__file__).with_name(module).read_text().replace(f"from {OLD}", f"from {name}"))
    shutil.copy(FILES / "targets.txt", extra / "targets.mk")
    write(folder / ".github" / "workflows" / "ci.yml", (FILES / "ci.yml").read_text())


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


def write(path: Path, text: str) -> None:
    """Write a text, with the folders above."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def version() -> str:
    """The commit of this repository."""
    found = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
