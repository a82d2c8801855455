"""Licences: no package that the image ships may be without a licence, or have one that binds whoever ships it.

The SBOM asks the image itself and needs Docker; this asks the installed environment for what the image's lock names.
"""

import argparse
import re
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import sbom

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Hold what an environment has of a lock against the SBOM's rule."""
    parser = argparse.ArgumentParser(prog="make licences", description=__doc__)
    parser.add_argument("environment", type=Path, help="its site-packages")
    parser.add_argument("lock", nargs="?", type=Path, default=ROOT / "requirements-serving.lock")
    words = parser.parse_args()
    shipped = shipped_packages(words.environment, words.lock)
    print(f"licences  read {len(shipped)} packages that the image ships")
    if not shipped:
        sys.exit(f"expected packages of {words.lock} in {words.environment}, found none: run `make install`")
    sys.exit("\n".join(sbom.refused(shipped)) or None)


def shipped_packages(environment: Path, lock: Path) -> list[dict[str, Any]]:
    """What the installed packages of a lock say of their licences."""
    names = set(re.findall(r"^([a-z0-9][\w.-]*)==", lock.read_text(), re.MULTILINE))
    return [
        sbom.described(each)
        for each in distributions(path=[str(environment)])
        if re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower() in names
    ]


if __name__ == "__main__":
    main()
