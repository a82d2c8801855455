"""Secrets: no commit may hold a password, token or private key, since history is published with the rest.

Looks into every version of every file that git keeps, once each, and into every message. Nothing is left out by its
name or size, nor because a comment asks for it: a made-up value is named below. Entropy is no reason to refuse: locks
and manifests are full of digests.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import transient_settings

MADE_UP = {"N0SECR", "known-to-the-test"}  # values in tests that only look like secrets
ENTROPY = {"Base64HighEntropyString", "HexHighEntropyString"}
EXEMPTIONS = (  # detect-secrets' own: by a comment in the line, and by the file's name
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_non_text_file",
    "detect_secrets.filters.heuristic.is_swagger_file",
)


def main() -> None:
    """Scan a repository's history; exit code 1 if it holds a secret."""
    parser = argparse.ArgumentParser(prog="make secrets", description=__doc__)
    parser.add_argument("repository", nargs="?", type=Path, default=Path(__file__).parents[1])
    repository = parser.parse_args().repository
    if git(repository, "rev-parse", "--is-shallow-repository").strip() == b"true":
        sys.exit("expected the whole history, got a shallow clone: run `git fetch --unshallow`")
    objects = dict(kept(repository))
    plugins = [{"name": kind.__name__} for kind in get_mapping_from_secret_type_to_class().values()]
    with transient_settings({"plugins_used": [each for each in plugins if each["name"] not in ENTROPY]}) as settings:
        settings.disable_filters(*EXEMPTIONS)
        found = [line for name, path in objects.items() for line in secrets(repository, name, path)]
    print(f"secrets   read {len(objects)} versions of files and messages; found {len(found)}")
    sys.exit("\n".join(found) or None)


def kept(repository: Path) -> Iterator[tuple[str, str]]:
    """Each version of a file in any commit, with a path that it had, and each commit's and tag's message."""
    objects = git(repository, "rev-list", "--all", "--objects").decode().splitlines()
    paths = {name: path for name, _, path in (line.partition(" ") for line in objects)}
    check = "%(objectname) %(objecttype)"
    for line in git(repository, "cat-file", f"--batch-check={check}", stdin="\n".join(paths)).decode().splitlines():
        name, kind = line.split()
        if kind != "tree":
            yield name, paths[name] if kind == "blob" else f"{kind}.message"


def secrets(repository: Path, name: str, path: str) -> Iterator[str]:
    """One line for each secret in one version of a file, or in a message."""
    text = git(repository, "cat-file", "-p", name).decode(errors="replace")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(path).name
        file.write_text(text)
        collection = SecretsCollection(root=folder)
        collection.scan_file(file.name)
    for _, secret in collection:
        if secret.secret_value not in MADE_UP:
            yield f"{path} ({name[:12]}), line {secret.line_number}: {secret.type}"


def git(repository: Path, *arguments: str, stdin: str = "") -> bytes:
    """What git says."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, input=stdin.encode(), capture_output=True, check=True).stdout


if __name__ == "__main__":
    main()
