"""Monitor: read the prediction log, look at data, quality, labels and model, decide, and leave a report.

Exits with 1 when somebody must act, and with 2 when it could not look: then no decision is left, so that an old one is
not taken for today's. The decision for machines is `decision.json`, the report for people `index.html`; where
WEBHOOK_URL is set, a decision to act is also posted there. Where SERVER_URL is, what that service counts is kept.
"""

import argparse
import fcntl
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from flights.artifacts import write_json
from flights.config import Settings
from flights.files import DECISION_FILE, REPORT_PAGE
from monitoring import report, service
from monitoring.findings import Findings, Moment, NothingToMonitor, findings

FAILED = 2  # the exit code of a look that failed; 1 is "act"
WEBHOOK_SECONDS = 5.0  # that the receiver may take
SERVER_SECONDS = 5.0  # that the service may take to say what it counts


def main() -> None:
    """Monitor up to NOW, write the report, say what to do, and to whom it may concern."""
    settings, wanted = Settings(), arguments()
    began = time.perf_counter()
    decision = settings.reports_dir / DECISION_FILE
    with alone(settings.reports_dir / ".monitor.lock"), undecided_on_failure(decision):
        if wanted.server:
            with httpx.Client(base_url=wanted.server, timeout=SERVER_SECONDS) as client:
                service.keep_counters(service.counters_path(settings), client, pd.Timestamp.now("UTC"))
        found = findings(settings, moment(wanted.now))
        content = machine_readable(found)
        report.write_site(settings.reports_dir, found)
        write_json(decision, content)
    print(f"monitor   {spoken(found)}; {settings.reports_dir / REPORT_PAGE}; {time.perf_counter() - began:.1f} s")
    if found.decision.act:
        print("".join(f"          - {reason}\n" for reason in found.decision.reasons), end="")
        call(wanted.webhook, content)
    sys.exit(found.decision.act)


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that two monitors do not write one report; the kernel releases it however a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"another monitor writes to {path.parent} already: wait for it, or use another DATA_DIR",
                file=sys.stderr,
            )
            sys.exit(FAILED)
        yield


@contextmanager
def undecided_on_failure(decision: Path) -> Iterator[None]:
    """A look that fails leaves no decision, says why, and ends with a code of its own."""
    try:
        yield
    except Exception as error:
        decision.unlink(missing_ok=True)
        if isinstance(error, (NothingToMonitor, FileNotFoundError)):
            print(error, file=sys.stderr)
        else:
            traceback.print_exc()
        sys.exit(FAILED)


def arguments() -> argparse.Namespace:
    """The moment to look back from, and who wants to be told; each can come as an environment variable."""
    parser = argparse.ArgumentParser(prog="make monitor", description=__doc__)
    env = os.environ.get
    parser.add_argument("--now", default=env("NOW", ""), help="ISO 8601; default: the log's newest moment")
    parser.add_argument("--webhook", default=env("WEBHOOK_URL", ""), help="URL that gets the decision as JSON")
    parser.add_argument("--server", default=env("SERVER_URL", ""), help="service whose counters of today are kept")
    return parser.parse_args()


def moment(text: str) -> Moment | None:
    """Read a moment in UTC; nothing is none."""
    return pd.to_datetime(text, utc=True) if text else None


def call(url: str, content: dict[str, Any]) -> None:
    """Post the decision; a receiver that fails is said and stops nothing."""
    if not url:
        return
    try:
        httpx.post(url, json=content, timeout=WEBHOOK_SECONDS).raise_for_status()
    except httpx.HTTPError as error:
        print(f"          webhook: {error}", file=sys.stderr)


def machine_readable(found: Findings) -> dict[str, Any]:
    """The decision with what led to it."""
    return {
        **asdict(found.decision),
        "now": found.now.isoformat(),
        "champion": found.champion,
        "ledger": found.ledger,
        "promises": found.promises,
        "slices": found.slice_promises,
        "alarms": report.alarm_records(found.watches),
    }


def spoken(found: Findings) -> str:
    """The decision in one line."""
    counts = found.ledger
    states = ", ".join(f"{counts[name]:,} {name}" for name in ("labelled", "waiting", "expired"))
    decided = f"{found.decision.action}, as {found.decision.why}"
    sample = f", one in {counts['one_in']:,}" if counts["one_in"] > 1 else ""
    return f"read {counts['predictions']:,} predictions{sample} ({states}); decision: {decided}"


if __name__ == "__main__":
    main()
