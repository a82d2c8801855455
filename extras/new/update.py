"""Take a later version of the template: `make update-template TEMPLATE=../ml-loop`, a folder or an address for git.

The template writes its own files again, with this project's name, extras and limits, as a commit that follows the one
before; git merges the two versions' differences into yours. Declarations, collect.py, README and your own files stay.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

MARK = "Template-Version:"
YOURS = ("README.md", "request.json", "pipelines/collect.py", "src/*/dataset.py", "src/*/features.py")
RECORD = ".template.json"


def main() -> None:
    """Write the new version's commit and merge it."""
    root = Path.cwd()
    if len(sys.argv) != 2:
        sys.exit("update-template: TEMPLATE is missing: a folder with a later version, or its address for git")
    with tempfile.TemporaryDirectory(prefix="template-") as temporary:
        try:
            update(root, template_folder(sys.argv[1], Path(temporary)), Path(temporary))
        except subprocess.CalledProcessError as error:
            sys.exit(f"update-template: {(error.stderr or str(error)).strip()[-500:]}")


def update(root: Path, template: Path, temporary: Path) -> None:
    """Merge the template's new version; conflicts are left for the user, as after any merge."""
    if changed := git(root, "status", "--porcelain", "--untracked-files=no"):
        sys.exit(f"update-template: commit your changes first: {' '.join(changed.split()[1::2])[:200]}")
    base = git(root, "log", "-1", "--format=%H", f"--grep=^{MARK}", "HEAD")
    if not base or not (root / RECORD).is_file():
        sys.exit(f"update-template: no commit says `{MARK}`, or {RECORD} is missing: the base of a merge is not known")
    new, tree = git(template, "rev-parse", "HEAD"), temporary / "tree"
    git(root, "worktree", "add", "-q", "--detach", str(tree), base)
    try:
        told = written(template, root, tree)
        git(tree, "add", "-A")
        if not git(tree, "status", "--porcelain"):
            print(f"update    nothing has changed since {base[:12]}")
            return
        message = f"Take the template's version {new[:12]}\n\n{MARK} {new}"
        git(tree, *identity(root), "commit", "-q", "--no-verify", "-m", message)
        commit = git(tree, "rev-parse", "HEAD")
    finally:
        git(root, "worktree", "remove", "--force", str(tree))
    merge(root, commit, told)


def written(template: Path, root: Path, tree: Path) -> str:
    """Let the new version write its files into the tree of the old one; yours stay as they were there."""
    fresh = tree.parent / "fresh"
    environment = os.environ | {"PYTHONPATH": f"{template / 'src'}:{template}"}
    command = [sys.executable, "-m", "extras.new.rewrite", str(root / RECORD), str(fresh)]
    done = subprocess.run(command, cwd=template, env=environment, capture_output=True, text=True, check=True)
    kept = {path for pattern in YOURS for path in tree.glob(pattern)} | {tree / RECORD}
    for name in git(tree, "ls-files", "-z").split("\0"):
        if name and tree / name not in kept:
            (tree / name).unlink()
    for path in sorted(fresh.rglob("*")):
        target = tree / path.relative_to(fresh)
        if path.is_file() and target not in kept:
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    return done.stdout


def merge(root: Path, commit: str, told: str) -> None:
    """Merge the commit into the branch, and say what is left to do."""
    words = ["merge", "--no-ff", "-q", "-m", "Merge the template's new version", commit]
    merged = subprocess.run(["git", *identity(root), *words], cwd=root, capture_output=True, text=True, check=False)
    print(told, end="")
    if merged.returncode == 0:
        changed = git(root, "diff", "--stat", "HEAD^1", "HEAD").splitlines()[-1].strip()
        print(f"update    merged: {changed}; run make lint test, and git reset --keep HEAD^ to go back")
        return
    conflicts = git(root, "diff", "--name-only", "--diff-filter=U").split()
    if not conflicts:
        sys.exit(f"update-template: {(merged.stderr or merged.stdout).strip()[-500:]}")
    sys.exit(
        f"update-template: conflicts in {', '.join(conflicts)}: resolve them and commit, or go back with "
        "git merge --abort"
    )


def template_folder(given: str, temporary: Path) -> Path:
    """The folder of the template's new version; an address is cloned."""
    if Path(given).expanduser().is_dir():
        return Path(given).expanduser().resolve()
    git(temporary, "clone", "-q", "--depth", "1", given, str(temporary / "template"))
    return temporary / "template"


def git(folder: Path, *words: str) -> str:
    """What a git command prints."""
    command = ["git", "-c", "core.hooksPath=/dev/null", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def identity(root: Path) -> list[str]:
    """The user's name if git knows it, or one of our own."""
    known = subprocess.run(["git", "config", "user.email"], cwd=root, capture_output=True, check=False).returncode == 0
    return [] if known else ["-c", "user.name=make new", "-c", "user.email=make-new@localhost"]


if __name__ == "__main__":
    main()
