"""SBOM: what the service's image is made of (Python packages, the system's, the model), as CycloneDX, with licences.

Asks the image itself, so that it lists what is there and not what a lock says should be. Refuses a Python package that
has no licence, or one that would bind those who ship the image.
"""

import argparse
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

INSIDE = """
import glob, importlib.metadata as m, json, platform
packages = [{**{k: d.metadata.get(k) for k in ("Name", "Version", "License-Expression", "License")},
             "Classifiers": d.metadata.get_all("Classifier") or []} for d in m.distributions()]
print(json.dumps({"python": platform.python_version(), "packages": packages,
    "system": open("/var/lib/dpkg/status").read() if glob.glob("/var/lib/dpkg/status") else "",
    "model": json.load(open(glob.glob("/data/3_models/*/[0-9]*/manifest.json")[0]))}))
"""
BINDING = re.compile(r"(?<!L)\b(A?GPL|GNU (Affero )?General Public)", re.IGNORECASE)  # the LGPL lets a user link


def main() -> None:
    """Write the image's SBOM."""
    parser = argparse.ArgumentParser(prog="make sbom", description=__doc__)
    parser.add_argument("image")
    parser.add_argument("target", type=Path)
    words = parser.parse_args()
    inside = json.loads(docker("run", "--rm", "--network", "none", words.image, "python", "-c", INSIDE))
    components = [*python_packages(inside), *system_packages(inside["system"]), model(inside["model"])]
    content = json.dumps(bill(words.image, components), indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(content):
        sys.exit(f"not CycloneDX: {error}")
    words.target.parent.mkdir(parents=True, exist_ok=True)
    words.target.write_text(content + "\n")
    print(f"sbom      read {words.image}; wrote {len(components)} components to {words.target}")
    sys.exit("\n".join(refused(inside["packages"])) or None)


def docker(*arguments: str) -> str:
    """What the engine says."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def refused(packages: list[dict[str, Any]]) -> list[str]:
    """One line for each Python package whose licence is unknown or binding."""
    licences = {package["Name"]: licence(package) for package in packages}
    return [
        f"{name}: {found or 'no licence'}" for name, found in licences.items() if not found or BINDING.search(found)
    ]


def described(package: Distribution) -> dict[str, Any]:
    """What a package says of itself, as the image is asked."""
    said = {key: package.metadata.get(key) for key in ("Name", "Version", "License-Expression", "License")}
    return {**said, "Classifiers": package.metadata.get_all("Classifier") or []}


def licence(package: dict[str, Any]) -> str:
    """A package's licence in its own words, the first line of them."""
    classified = [each.split(" :: ")[-1] for each in package["Classifiers"] if each.startswith("License :: OSI")]
    words = package["License-Expression"] or ", ".join(classified) or package["License"] or ""
    return words.strip().splitlines()[0][:100] if words.strip() else ""


def python_packages(inside: dict[str, Any]) -> list[dict[str, Any]]:
    """Python and its packages."""
    found = [component("python", inside["python"], "pkg:generic/python", "PSF-2.0")]
    for package in sorted(inside["packages"], key=lambda each: each["Name"].lower()):
        name = re.sub(r"[-_.]+", "-", package["Name"]).lower()
        found.append(component(package["Name"], package["Version"], f"pkg:pypi/{name}", licence(package)))
    return found


def system_packages(status: str) -> list[dict[str, Any]]:
    """The distribution's packages, from its own list."""
    fields = [
        dict(re.findall(r"^(Package|Version|Status): (.*)$", each, re.MULTILINE)) for each in status.split("\n\n")
    ]
    return [
        component(each["Package"], each["Version"], f"pkg:deb/debian/{each['Package']}")
        for each in fields
        if each.get("Status", "").endswith(" installed")
    ]


def component(name: str, version: str, purl: str, words: str = "") -> dict[str, Any]:
    """One library."""
    address = f"{purl}@{version.replace('+', '%2B').replace(':', '%3A')}"
    known = {"licenses": [{"license": {"name": words}}]} if words else {}
    return {"type": "library", "name": name, "version": version, "purl": address, "bom-ref": address} | known


def model(manifest: dict[str, Any]) -> dict[str, Any]:
    """The model with its files' digests."""
    files = [
        {"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": digest}]}
        for name, digest in sorted(manifest["files"].items())
    ]
    version = str(manifest["version"])
    return {"type": "machine-learning-model", "name": "flights", "version": version, "components": files}


def bill(image: str, components: list[dict[str, Any]]) -> dict[str, Any]:
    """The whole document."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
            "component": {"type": "container", "name": image},
        },
        "components": components,
    }


if __name__ == "__main__":
    main()
