"""Monitor: read the prediction log, check data, quality, labels and model, decide, and leave a report.

Exits with 0 if no action is needed, with 1 if a person or a job must act, and with 2 if the run failed. A failed run
deletes `decision.json`, so a stale decision is never used. NOW, a moment in ISO 8601, is by default the log's newest.
"""

import fcntl
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from flights.artifacts import write_json
from flights.config import Settings
from flights.files import DECISION_FILE
from flights.plugins import hooks, load_plugins
from monitoring.findings import CHECKS, Findings, findings
from monitoring.outcomes import STATES
from monitoring.view import Moment, NothingToMonitor

FAILED = 2  # exit code of a run that failed; 1 is "act"


def main() -> None:
    """Monitor up to NOW, write the decision, and publish it."""
    settings, began = Settings.read(), time.perf_counter()
    folder = settings.reports_dir
    with locked(folder / ".monitor.lock"), no_decision_on_failure(folder / DECISION_FILE):
        for observe_server in hooks(CHECKS, "observe_server"):
            observe_server(folder)
        found = findings(settings, moment(os.environ.get("NOW", "")))
        write_json(folder / DECISION_FILE, found.for_machines())
        print(f"monitor   {summary(found)}")
        for reason in found.decision.reasons if found.decision.act else []:
            print(f"          - {reason}")
        publish(folder, found)
    print(f"          {folder}; {time.perf_counter() - began:.1f} s")
    sys.exit(found.decision.act)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, so that two monitors do not write one report; the kernel releases it however a process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another monitor writes to {path.parent}: wait for it, or use another DATA_DIR"
            print(message, file=sys.stderr)
            sys.exit(FAILED)
        yield


@contextmanager
def no_decision_on_failure(decision: Path) -> Iterator[None]:
    """Delete the decision if the run fails, say why, and exit with a code of its own."""
    try:
        yield
    except Exception as error:
        decision.unlink(missing_ok=True)
        if isinstance(error, (NothingToMonitor, FileNotFoundError)):
            print(error, file=sys.stderr)
        else:
            traceback.print_exc()
        sys.exit(FAILED)


def moment(text: str) -> Moment | None:
    """Read a moment in UTC; empty is none."""
    found = pd.to_datetime(text, utc=True, errors="coerce") if text else None
    if found is None or (isinstance(found, Moment) and 1970 < found.year < 2200):  # every clock can count to these
        return found
    raise NothingToMonitor(f"NOW={text}: expected a day or moment in ISO 8601, 1971 to 2199, as 2013-12-01T05:00Z")


def publish(folder: Path, found: Findings) -> None:
    """Hand the decision to every plug-in; one that fails is reported, and the decision stays."""
    for module in load_plugins("monitoring.extras"):
        try:
            if hasattr(module, "write"):
                module.write(folder, found)
        except Exception:
            print(f"{module.__name__} failed; the decision is still valid:", file=sys.stderr)
            traceback.print_exc()


def summary(found: Findings) -> str:
    """The decision in one line."""
    counts, decision = found.counts, found.decision
    states = ", ".join(f"{counts[name]:,} {name}" for name in STATES)
    sample = f", one in {counts['one_in']:,}" if counts["one_in"] > 1 else ""
    skipped = f", {counts['skipped']:,} skipped" if counts["skipped"] else ""
    older = f", {counts['older']:,} older not read" if counts["older"] else ""
    read = f"read {counts['predictions']:,} predictions{sample}{skipped}{older} ({states})"
    return f"{read}; decision: {decision.action}, because {decision.why}"


if __name__ == "__main__":
    main()
