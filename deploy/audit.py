"""Audit: no pinned package may have a known vulnerability; asks OSV, or a dated snapshot where no service answers.

pip-audit by itself passes in silence where its service cannot be reached; here nothing passes that was not looked up.
`--refresh` makes the snapshot `advisories.json` anew, on a machine that reaches the service.
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


def main() -> None:
    """Audit some locks; exit code 1 if one has a vulnerable pin."""
    parser = argparse.ArgumentParser(prog="make audit", description=__doc__)
    parser.add_argument("locks", nargs="*", type=Path, default=LOCKS)
    parser.add_argument("--service", default=OsvService.DEFAULT_OSV_URL, help="an OSV query address")
    parser.add_argument("--snapshot", type=Path, default=SNAPSHOT)
    parser.add_argument("--refresh", action="store_true", help="write the snapshot from the service, audit nothing")
    words = parser.parse_args()
    if words.refresh:
        write_snapshot(words.snapshot, words.service, words.locks)
    else:
        found = [finding for lock in words.locks for finding in findings(lock, words.service, words.snapshot)]
        sys.exit("\n".join(found) or None)


def findings(lock: Path, service: str, snapshot: Path) -> list[str]:
    """One line for each vulnerable pin of a lock."""
    report, asked = audited(lock, service), "the advisory service"
    if report is None:
        content = json.loads(snapshot.read_text())
        age = (datetime.now(UTC).date() - date.fromisoformat(content["as_of"])).days
        asked = f"{len(content['advisories'])} advisories of {content['as_of']}, {age} days old: no service answers"
        with answering(content["advisories"]) as address:
            report = audited(lock, address)
    if report is None:
        sys.exit(f"{lock}: pip-audit gave no verdict")
    print(f"audit     read {len(report)} pins of {lock.name}, held against {asked}")
    return [
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
        and (version is None or any(within(span["events"], Version(version)) for span in affected["ranges"]))
        for affected in advisory["affected"]
    )


def within(events: list[dict[str, str]], version: Version) -> bool:
    """Whether a version lies in one of the ranges, each an introduction and perhaps a fix after it."""
    spans: list[list[Version]] = []
    for event in events:
        if "introduced" in event:
            spans.append([Version(event["introduced"])])
        elif "fixed" in event:
            spans[-1].append(Version(event["fixed"]))
    return any(span[0] <= version and (len(span) == 1 or version < span[1]) for span in spans)


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
    kept["summary"] = (advisory.get("summary") or advisory.get("details", "")).splitlines()[0][:200]
    kept["affected"] = [
        {"package": each["package"], "ranges": [span for span in each.get("ranges", []) if span["type"] == "ECOSYSTEM"]}
        for each in advisory.get("affected", [])
        if each["package"]["ecosystem"] == "PyPI"
    ]
    return kept


if __name__ == "__main__":
    main()
