"""Audit: no pinned package may have a known vulnerability; asks OSV, or a dated snapshot where no service answers.

pip-audit by itself passes in silence where its service cannot be reached; here it is said what every pin was held
against, how many of the pins the snapshot names at all, and when it is too old to mean much. `--refresh` makes the
snapshot `advisories.json` anew, on a machine that reaches the service.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from packaging.version import Version
from pip_audit._service.osv import OsvService

ROOT = Path(__file__).parents[1]
SNAPSHOT = ROOT / "deploy" / "advisories.json"
LOCKS = (ROOT / "requirements.lock", ROOT / "deploy" / "tools.lock")
TIMEOUT_SECONDS = 20
MOST_DAYS = 30  # an older snapshot knows too little of what is known


def main() -> None:
    """Audit some locks; exit code 1 if one has a vulnerable pin."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("locks", nargs="*", type=Path, default=LOCKS)
    parser.add_argument("--service", default=OsvService.DEFAULT_OSV_URL, help="an OSV query address")
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT)
    parser.add_argument("--refresh", action="store_true", help="write the snapshot from the service, audit nothing")
    parser.add_argument("--strict", action="store_true", help=f"a snapshot of over {MOST_DAYS} days is a failure")
    words = parser.parse_args()
    if words.refresh:
        write_snapshot(words.snapshot, words.service, words.locks)
    else:
        found = [line for lock in words.locks for line in findings(lock, words.service, words.snapshot, words.strict)]
        sys.exit("\n".join(found) or None)


def findings(lock: Path, service: str, snapshot: Path, strict: bool) -> list[str]:
    """One line for each vulnerable pin of a lock, and one if what was asked is too old and that is to be a failure."""
    old = ""
    report, asked = audited(lock, service), "the advisory service"
    if report is None:
        content = json.loads(snapshot.read_text())
        age = (datetime.now(UTC).date() - date.fromisoformat(content["as_of"])).days
        with answering(content["advisories"]) as address:
            report = audited(lock, address)
        known = {affected["package"]["name"].lower() for each in content["advisories"] for affected in each["affected"]}
        named = sum(pin["name"].lower() in known for pin in report or [])
        asked = f"the snapshot of {content['as_of']}, which names {named} of them: no service answers"
        if age > MOST_DAYS:
            old = f"{lock.name}: the snapshot is {age} days old, the most is {MOST_DAYS}: run `make audit REFRESH=1`"
    if report is None:
        sys.exit(f"{lock}: pip-audit gave no verdict")
    print(f"audit     read {len(report)} pins of {lock.name}, held against {asked}")
    if old and not strict:
        print(f"WARNING: {old}", file=sys.stderr)
    return [old] * (strict and bool(old)) + [
        f"{lock.name}: {pin['name']} {pin['version']} has {known['id']} ({known['description']}), "
        f"fixed in {', '.join(known['fix_versions']) or 'no version'}"
        for pin in report
        for known in pin["vulns"]
    ]


def audited(lock: Path, service: str) -> list[dict[str, Any]] | None:
    """What pip-audit found for each pin of a lock, or None where the service did not answer for all of them."""
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder) / "verdict.json"
        command = [
            *(sys.executable, "-m", "pip_audit", "--strict", "--require-hashes", "--disable-pip"),
            *("--vulnerability-service", "osv", "--osv-url", service, "--timeout", str(TIMEOUT_SECONDS)),
            *("--progress-spinner", "off", "--format", "json", "--output", str(verdict), "--requirement", str(lock)),
        ]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if not verdict.is_file():
            return None
        pins: list[dict[str, Any]] = json.loads(verdict.read_text())["dependencies"]
        return pins


@contextmanager
def answering(advisories: list[dict[str, Any]]) -> Iterator[str]:
    """Answer OSV's queries from a list of advisories, at the address that is yielded."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = [each for each in advisories if concerns(each, query["package"]["name"], query.get("version"))]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": known} if known else {}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def concerns(advisory: dict[str, Any], package: str, version: str | None) -> bool:
    """Whether an advisory is about a package, and about this version of it if one is given."""
    return any(
        affected["package"]["name"].lower() == package
        and (
            version is None
            or version in affected.get("versions", [])
            or any(within(span["events"], Version(version)) for span in affected.get("ranges", []))
        )
        for affected in advisory["affected"]
    )


def within(events: list[dict[str, str]], version: Version) -> bool:
    """Whether a version is affected: in the order of versions, the last event that it has reached says."""
    affected = False
    for at, kind in sorted((Version(at), kind) for event in events for kind, at in event.items()):
        if kind == "last_affected":
            affected = affected and version <= at
        elif version >= at:
            affected = kind == "introduced"
    return affected


def write_snapshot(path: Path, service: str, locks: list[Path]) -> None:
    """Everything that the service knows about the locks' packages, with today's date."""
    names = sorted({name for lock in locks for name in re.findall(r"^([a-z0-9][\w.-]*)", lock.read_text(), re.M)})
    known = {each["id"]: shortened(each) for name in names for each in advisories_of(name, service)}
    content = {"as_of": str(datetime.now(UTC).date()), "source": "OSV", "advisories": list(known.values())}
    path.write_text(json.dumps(content, indent=1) + "\n")
    print(f"audit     read advisories of {len(names)} packages; wrote {len(known)} to {path}")


def advisories_of(package: str, service: str) -> list[dict[str, Any]]:
    """All advisories about a package that were not withdrawn."""
    query = json.dumps({"package": {"name": package, "ecosystem": "PyPI"}}).encode()
    with urllib.request.urlopen(urllib.request.Request(service, query), timeout=TIMEOUT_SECONDS) as answer:
        content = json.loads(answer.read() or "{}")
    return [each for each in content.get("vulns", []) if "withdrawn" not in each]


def shortened(advisory: dict[str, Any]) -> dict[str, Any]:
    """The part of an advisory that an audit needs."""
    kept = {key: advisory[key] for key in ("id", "aliases", "published") if key in advisory}
    text = (advisory.get("summary") or advisory.get("details") or "").strip() or "without a description"
    kept["summary"] = text.splitlines()[0][:200]
    kept["affected"] = [
        {
            "package": each["package"],
            "versions": each.get("versions", []),
            "ranges": [span for span in each.get("ranges", []) if span["type"] == "ECOSYSTEM"],
        }
        for each in advisory.get("affected", [])
        if each.get("package", {}).get("ecosystem") == "PyPI"
    ]
    return kept


if __name__ == "__main__":
    main()
