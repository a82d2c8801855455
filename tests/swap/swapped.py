"""A copy of the repository with the example's data set exchanged for another one, as a user would do it."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LINES = "# [SWAP] From here", "# [SWAP] To here"


def repository_copy(folder: Path) -> Path:
    """The files that git knows of, in another folder."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def commit(folder: Path) -> None:
    """Make a folder a repository with one commit."""
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    who = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, "commit", "-qm", "copy"], cwd=folder, check=True)


def installed_environment(folder: Path) -> Path:
    """What `make` takes for an up-to-date VENV: the one that runs the tests, under another name."""
    folder.mkdir(exist_ok=True)
    for name in ("bin", "lib", "pyvenv.cfg"):
        if not (folder / name).exists():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    mark_installed(folder)
    return folder


def mark_installed(folder: Path) -> None:
    """Write the stamps by which `make` takes every group of an environment for installed."""
    for name in ("installed", *(f"installed-{lock.stem}" for lock in (ROOT / "deploy" / "locks").glob("*.lock"))):
        (folder / name).touch()


def swap(copy: Path) -> list[str]:
    """Exchange the marked parts of three files and the source of the rows; return the files touched."""
    files = [f"src/flights/{name}" for name in ("dataset.py", "features.py", "config.py")]
    for name in files:
        path = copy / name
        path.write_text(exchanged(path.read_text(), (HERE / path.name).read_text()))
    shutil.copy(HERE / "collect.py", copy / "pipelines" / "collect.py")
    (copy / "pipelines" / "conditions.py").unlink()
    return [*files, "pipelines/collect.py", "pipelines/conditions.py"]


def exchanged(text: str, new: str) -> str:
    """A file with other text between its two marked lines."""
    first, last = (text.index(line) for line in LINES)
    start = text.index("\n", first) + 1
    return f"{text[:start]}\n{new}\n\n{text[last:]}"
