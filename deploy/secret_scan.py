"""Secrets: no file of any commit may hold a password, token or private key, since history is published with the rest.

Looks into every version of every file that git keeps, once each. Entropy is no reason to refuse: locks and manifests
are full of digests.
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

LARGEST_BYTES = 1_000_000
MADE_UP = {"N0SECR", "known-to-the-test"}  # values in tests that only look like secrets
ENTROPY = {"Base64HighEntropyString", "HexHighEntropyString"}


def main() -> None:
    """Scan a repository's history; exit code 1 if it holds a secret."""
    parser = argparse.ArgumentParser(prog="make secrets", description=__doc__)
    parser.add_argument("repository", nargs="?", type=Path, default=Path(__file__).parents[1])
    repository = parser.parse_args().repository
    blobs = dict(kept(repository))
    found = [line for blob, path in blobs.items() for line in secrets(repository, blob, path)]
    print(f"secrets   read {len(blobs)} versions of files; found {len(found)}")
    sys.exit("\n".join(found) or None)


def kept(repository: Path) -> Iterator[tuple[str, str]]:
    """Each version of a file in any commit, with a path that it had."""
    objects = git(repository, "rev-list", "--all", "--objects").decode().splitlines()
    names = dict(line.split(" ", 1) for line in objects if " " in line)
    check = "%(objectname) %(objecttype) %(objectsize)"
    for line in git(repository, "cat-file", f"--batch-check={check}", stdin="\n".join(names)).decode().splitlines():
        blob, kind, size = line.split()
        if kind == "blob" and int(size) <= LARGEST_BYTES:
            yield blob, names[blob]


def secrets(repository: Path, blob: str, path: str) -> Iterator[str]:
    """One line for each secret in one version of a file."""
    text = git(repository, "cat-file", "blob", blob)
    plugins = [{"name": kind.__name__} for kind in get_mapping_from_secret_type_to_class().values()]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / Path(path).name
        file.write_bytes(text)
        with transient_settings({"plugins_used": [each for each in plugins if each["name"] not in ENTROPY]}):
            collection = SecretsCollection(root=folder)
            collection.scan_file(file.name)
        for _, secret in collection:
            if secret.secret_value not in MADE_UP:
                yield f"{path} ({blob[:12]}), line {secret.line_number}: {secret.type}"


def git(repository: Path, *arguments: str, stdin: str = "") -> bytes:
    """What git says."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, input=stdin.encode(), capture_output=True, check=True).stdout


if __name__ == "__main__":
    main()
