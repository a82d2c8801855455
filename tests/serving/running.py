"""The service as its users have it: a real process on a real port, stopped by its id."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from flights.config import Settings
from serving.app import create_service
from serving.service import Service

ROOT = Path(__file__).parents[2]


@dataclass
class Server:
    """A running service."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def ready(self) -> bool:
        """Whether it says that it can predict."""
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=1).status_code == 200
        except httpx.TransportError:
            return False

    def wait(self, path: str = "/health/ready", status: int = 200, seconds: float = 40) -> None:
        """Wait until a page answers with a status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(self.url + path, timeout=1).status_code == status:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"{path} never answered {status}: {self.log.read_text()[-2000:]}")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(data_dir: Path, **settings: str) -> Server:
    """Start a service and wait until it is alive."""
    port = free_port()
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path, "DATA_DIR": str(data_dir), "PORT": str(port)} | settings
    log = data_dir / f"server-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "serving.app"], env=environment, cwd=ROOT, stderr=output)
    server = Server(f"http://127.0.0.1:{port}", process, log)
    try:
        server.wait("/health/live", seconds=60)
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return server


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Server]:
    """A service for the time of a block."""
    server = start(data_dir, **settings)
    try:
        yield server
    finally:
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(30)


@contextmanager
def served(folder: Path) -> Iterator[tuple[Service, str]]:
    """The service on a real port, in a thread, so that a test can plant failures."""
    port = free_port()
    service = create_service(Settings(data_dir=folder, port=port, follow_seconds=0.05))
    config = uvicorn.Config(service.app, port=port, http=service.protocol, ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield service, f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)


def wait_for(holds: Callable[[], bool]) -> None:
    """Wait until something holds, a minute at most."""
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
