"""Demo: serve by key, materialize and replay one day, and show it on the departure board, until Ctrl-C.

The log and the store are in a temporary folder, which is removed at the end: nothing is written to DATA_DIR. What came
before the day's first hour is sent at once; from then on a simulated clock runs at SPEED times real time.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pandas as pd
from pydantic import Field

from extras.feature_store.delivery import LEAD, asked_flights, event_bodies, is_ready, replay
from extras.feature_store.online import Materializer
from extras.feature_store.source import event_tables
from flights.config import EnvironmentSettings
from flights.config import Settings as CoreSettings
from flights.dataset import ZONE
from flights.extras.feature_views.views import LOOK_BACK_DAYS
from flights.registry import champion
from monitoring.client import request_headers
from monitoring.outcomes import local_midnight
from pipelines.collection.timetable import TABLES, source_folder
from serving.extras.by_key.store import FeatureStore

HOST = "127.0.0.1"
MINUTE, DAY = pd.Timedelta(minutes=1), pd.Timedelta(days=1)
READY_SECONDS = 300
STOP_SECONDS = 20  # that the server may take to end
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Settings(EnvironmentSettings, env_ignore_empty=True):
    """Which day, and how fast."""

    day: str = Field("2013-12-17", description="The day that is replayed; by default a day of snow.")
    begin: str = Field("10:00", description="Local time from which on the simulated clock runs.")
    speed: float = Field(60.0, description="Times real time.", gt=0)
    history_days: int = Field(LOOK_BACK_DAYS, description="Days of events that are sent before.", ge=1)


def main() -> None:
    """Start everything, and end it with Ctrl-C."""
    for number in STOPPED_BY:
        signal.signal(number, stop)
    core = CoreSettings.read()
    if champion(core.models_dir) is None:
        sys.exit(f"demo      no champion in {core.models_dir}: run `make train` first")
    check_port(core.port)
    try:
        with tempfile.TemporaryDirectory(prefix="ml-loop-demo-") as folder:
            run(Settings.read(), core, Path(folder))
    except KeyboardInterrupt:
        print("\ndemo      ended")


def stop(*_: object) -> None:
    """End like Ctrl-C, and only once."""
    for number in STOPPED_BY:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def check_port(port: int) -> None:
    """Exit with one line if another process listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            sys.exit(f"demo      cannot listen on {HOST}:{port} ({error.strerror}): run `make demo PORT={port + 1}`")


def run(settings: Settings, core: CoreSettings, folder: Path) -> None:
    """Serve, and replay the day; then wait for Ctrl-C."""
    urls = {name: f"sqlite:///{folder}/{name}.db" for name in ("predictions", "features")}
    environment = {"PREDICTIONS_URL": urls["predictions"], "FEATURES_URL": urls["features"], "HOST": HOST}
    environment |= {"PREDICT_BY_KEY": "1", "BOARD": "1", "PSEUDONYM_KEY": secrets.token_hex(32)}
    address = f"http://{HOST}:{core.port}"
    client = httpx.Client(base_url=address, timeout=60, trust_env=False, headers=request_headers())
    with server(environment, folder / "server.log") as process, client:
        wait_until_ready(client, process, folder / "server.log")
        days, start = settings.history_days, f"{settings.day} {settings.begin}"
        print(f"demo      sending {days} days of events before {start}", flush=True)
        begin = pd.Timestamp(start).tz_localize(ZONE).tz_convert("UTC")
        end = (pd.Timestamp(settings.day) + DAY).tz_localize(ZONE).tz_convert("UTC")
        first = begin - LEAD
        events = event_tables(source_tables(first - days * DAY, end + DAY))
        bodies, flights = event_bodies(events, first - days * DAY), asked_flights(events, begin, end + LEAD)
        said = f"demo      {start}, {settings.speed:g} times real time: open {address}/ (Ctrl-C ends)"
        store = FeatureStore(urls["features"])
        replay(client, Materializer(store), bodies, flights, clock(first, begin, end, settings.speed, said))
        print(f"demo      the day is over; the board stays at {address}/ until Ctrl-C", flush=True)
        process.wait()
        sys.exit(f"demo      the server ended: {last_line(folder / 'server.log')}")


@contextmanager
def server(environment: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """The service as a process of its own, which is ended in any case."""
    with log.open("wb") as output:
        command = [sys.executable, "-m", "serving.app"]
        process = subprocess.Popen(command, env=os.environ | environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_ready(client: httpx.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until the service can predict, or exit with what it said."""
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if is_ready(client):
            return
        time.sleep(0.1)
    sys.exit(f"demo      the server is not ready: {last_line(log)}")


def last_line(log: Path) -> str:
    """What a process said last."""
    return (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def source_tables(first: pd.Timestamp, end: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The source's tables, of the days that are needed."""
    folder = source_folder()
    tables = {name: pd.read_csv(folder / file) for name, file in TABLES.items()}
    for name in ("flights", "weather"):
        days = pd.to_datetime(tables[name][["year", "month", "day"]])
        inside = days.between(local_midnight(first), local_midnight(end))
        tables[name] = tables[name][inside].reset_index(drop=True)
    return tables


def clock(
    first: pd.Timestamp, begin: pd.Timestamp, end: pd.Timestamp, speed: float, said: str
) -> Iterator[pd.Timestamp]:
    """Simulated moments: at once until the beginning, then every minute, or what has passed if that is more."""
    yield from pd.date_range(first, begin, freq=pd.Timedelta(minutes=30))
    print(said, flush=True)
    started, now = time.monotonic(), begin
    while now < end:
        passed = pd.Timedelta(seconds=speed * (time.monotonic() - started))
        if begin + passed < now + MINUTE:
            time.sleep((now + MINUTE - begin - passed).total_seconds() / speed)
            continue
        now = min(end, (begin + passed).floor("min"))
        yield now


if __name__ == "__main__":
    main()
