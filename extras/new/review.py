"""List the guesses that nobody has confirmed: every `# REVIEW:` in the project's declarations."""

import sys
from pathlib import Path

MARK = "# REVIEW:"
FOLDERS = ("src", "pipelines", "serving", "monitoring")


def main() -> None:
    """Print each mark with its place, or with --count only how many are left."""
    found = [
        (path, number, line.partition(MARK))
        for folder in FOLDERS
        for path in sorted(Path(folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MARK in line
    ]
    if sys.argv[1:] == ["--count"]:
        print(f"review    {len(found)} guesses are not reviewed: make review")
        return
    for path, number, (code, _, why) in found:
        print(f"{path}:{number}: {code.strip() or 'the next line'}: {why.strip()}")
    print(f"{len(found)} guesses are left; delete a mark when you have checked it")


if __name__ == "__main__":
    main()
