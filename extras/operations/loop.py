"""The whole loop, unattended: train, serve, and for each live month replay, monitor, decide and act.

Every stage is a process of its own, started with the command that a person would use. A table of the stages and their
results is printed at the end.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
from pydantic import Field
from rich.console import Console
from rich.table import Table

from flights import registry
from flights.artifacts import read_json, read_parquet
from flights.config import EnvironmentSettings, Settings
from flights.dataset import EVENT_TIME, ZONE
from flights.files import DECISION_FILE, LIVE_FILE, REPORT_PAGE, TRAIN_FIRST

PATIENCE_SECONDS = 60


class Loop(EnvironmentSettings, env_ignore_empty=True):
    """How live traffic is replayed."""

    by_key: bool = Field(False, description="Send events and keys to the feature store, and not all inputs.")


def main() -> None:
    """Run the loop once for every live month."""
    settings, by_key = Settings.read(), Loop.read().by_key
    stages: list[tuple[str, str]] = []
    make("train")
    stages.append(("train", f"champion {registry.champion(settings.models_dir)}"))
    with server(settings, by_key=by_key) as port:
        months = live_months(settings)
        for month in months:
            make("replay-by-key" if by_key else "replay", FROM=month, TO=month, PORT=port)
            sent = "events and keys" if by_key else "predictions and outcomes"
            stages.append((f"replay {month}", f"{sent}, as late as they were, to the log"))
            (settings.reports_dir / DECISION_FILE).unlink(missing_ok=True)  # a monitor that fails decides nothing
            make("monitor", may_fail=True)
            decision = read_json(settings.reports_dir / DECISION_FILE, "run `make monitor`")
            stages.append((f"monitor {month}", f"{decision['action']}: {' '.join(decision['reasons'])}"))
            if month == months[-1]:
                break  # the data ends here: a new model would have nothing to predict
            stages += act_on(settings, decision["action"], (pd.Period(month, "M") + 1).start_time)
            wait_for_champion(settings, port)
    print_stages(stages)
    print(f"Look at {settings.reports_dir / REPORT_PAGE}; next: make serve, make mlflow")


def act_on(settings: Settings, action: str, now: pd.Timestamp) -> Iterator[tuple[str, str]]:
    """Act on the decision, if it needs no person; yields each action with its result."""
    if action in ("retrain", "recalibrate"):
        make(action, may_fail=True, AS_OF=str(now.date()))  # the gate may block it: the champion stays
        yield action, f"as of {now:%F}: champion {registry.champion(settings.models_dir)}"
    elif action == "roll back":
        make("rollback", may_fail=True)
        yield "roll back", f"champion {registry.champion(settings.models_dir)}"


def make(target: str, *, may_fail: bool = False, **variables: str) -> None:
    """Run a make target with this process's environment."""
    args = [f"{name}={value}" for name, value in variables.items()]
    print(f"\n$ make {target} {' '.join(args)}".rstrip(), flush=True)
    done = subprocess.run(["make", "--no-print-directory", target, *args], check=False)
    if done.returncode and not may_fail:
        sys.exit(f"make {target} failed: see above")


def live_months(settings: Settings) -> list[str]:
    """The local months that no training has seen."""
    live = read_parquet(settings.splits_dir / LIVE_FILE, TRAIN_FIRST, [EVENT_TIME])
    months = live[EVENT_TIME].dt.tz_convert(ZONE).dt.strftime("%Y-%m")
    return sorted(months.unique())


@contextmanager
def server(settings: Settings, *, by_key: bool = False) -> Iterator[str]:
    """Run the service on a free port; it is asked to stop at the end, and does what it has begun."""
    with socket.socket() as free:
        free.bind((settings.host, 0))
        port = str(free.getsockname()[1])
    log = settings.reports_dir / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    more = {"PREDICT_BY_KEY": "1"} if by_key else {}
    print(f"\n$ make serve PORT={port} &   (its log: {log})", flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving.app"], env=os.environ | {"PORT": port} | more, stdout=output, stderr=output
        )
        try:
            wait_for_champion(settings, port)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


def wait_for_champion(settings: Settings, port: str) -> None:
    """Wait until the service answers with the champion of the registry."""
    champion = registry.champion(settings.models_dir)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if served(f"http://{settings.host}:{port}/model").get("version") == champion:
            return
        time.sleep(0.1)
    sys.exit(f"expected the service to answer with champion {champion} within {PATIENCE_SECONDS} s; see its log")


def served(url: str) -> dict[str, Any]:
    """What the service says of its model; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
            content: dict[str, Any] = json.load(answer)
            return content
    except (urllib.error.URLError, ConnectionError):
        return {}


def print_stages(stages: list[tuple[str, str]]) -> None:
    """Print each stage with its result."""
    table = Table(title="The loop", title_justify="left", show_lines=True)
    table.add_column("stage", no_wrap=True)
    table.add_column("result")
    for row in stages:
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print()
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)


if __name__ == "__main__":
    main()
