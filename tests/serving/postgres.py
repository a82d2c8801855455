"""A real PostgreSQL for a block, from the system's own binaries, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.serving.running import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
PARTS = BINARIES and find_spec("psycopg") and find_spec("serving.extras.postgresql")
MISSING = "" if PARTS else "PostgreSQL, its driver or our plug-in for it is not installed"
# It refuses to run as root, and its package has made a user for it.
OWNER = pwd.getpwnam("postgres") if BINARIES and os.geteuid() == 0 else pwd.getpwuid(os.geteuid())


class Postgres:
    """One server's folder and port; it can be stopped and started again."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.url = f"postgresql+psycopg://loop@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self) -> None:
        """Stop it at once, without asking its clients."""
        self._run("pg_ctl", "stop", "-m", "immediate")

    def create(self) -> None:
        """Make its files."""
        self._run("initdb", "-U", "loop", "-A", "trust")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(BINARIES[-1] / program), "-D", str(self.folder / "data"), *arguments]
        user = {"user": OWNER.pw_uid, "group": OWNER.pw_gid} if os.geteuid() == 0 else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **user)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    os.chown(folder, OWNER.pw_uid, OWNER.pw_gid)
    server = Postgres(folder)
    try:
        server.create()
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
