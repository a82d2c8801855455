"""The image as its users build it, with a small champion inside, and the container as they run it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from flights.registry import Model
from tests.serving.published import publish_champion
from tests.serving.running import free_port

ROOT = Path(__file__).parents[2]
IMAGE, BATCH_IMAGE = "ml-loop-test", "ml-loop-batch-test"


def absent(what: str) -> None:
    """Skip where a person lacks something; CI must have it."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"needs {what}")


def tool(name: str) -> Path:
    """A program of the tools' environment."""
    path = ROOT / ".venv-tools" / "bin" / name
    if not path.exists():
        absent("the tools: run `make tools`")
    return path


def docker(*arguments: str, check: bool = True) -> str:
    """What the engine says."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert not (check and done.returncode), done.stderr
    return done.stdout.strip()


@dataclass
class Container:
    """A running container of the service."""

    url: str
    name: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """The champion that the image carries."""
    return publish_champion(tmp_path_factory.mktemp("shipped") / "3_models", 1, seed=1)


@pytest.fixture(scope="session")
def image(served: Model) -> Iterator[str]:
    """The name of the image, built by `make image`."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode
    ):
        absent("a Docker engine")
    make("image", served.folder.parents[2])
    yield IMAGE
    docker("volume", "rm", "-f", f"{IMAGE}-log")
    docker("image", "rm", "-f", IMAGE)


@pytest.fixture(scope="session")
def batch_image(image: str, served: Model) -> Iterator[str]:
    """The image that jobs run in, built by `make image-batch`."""
    make("image-batch", served.folder.parents[2])
    yield BATCH_IMAGE
    docker("image", "rm", "-f", BATCH_IMAGE)


def make(target: str, data_dir: Path) -> None:
    """Run a make target on the test's image and data."""
    environment = os.environ | {"DATA_DIR": str(data_dir), "IMAGE": IMAGE, "BATCH_IMAGE": BATCH_IMAGE}
    subprocess.run(["make", "--no-print-directory", target], cwd=ROOT, env=environment, check=True)


@contextmanager
def serving(data_dir: Path) -> Iterator[Container]:
    """`make serve-docker` for the time of a block."""
    port = free_port()
    environment = os.environ | {"DATA_DIR": str(data_dir), "IMAGE": IMAGE, "PORT": str(port)}
    process = subprocess.Popen(["make", "--no-print-directory", "serve-docker"], cwd=ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(url, process)
        yield Container(url, docker("ps", "-q", "--filter", f"publish={port}"))
    finally:
        process.terminate()  # docker passes it on
        process.wait(30)


def wait_until_ready(url: str, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until the service can predict."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and (process is None or process.poll() is None):
        try:
            if httpx.get(f"{url}/health/ready", timeout=1).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{url} never got ready")


@pytest.fixture(scope="session")
def container(image: str, served: Model) -> Iterator[Container]:
    """A container that tests talk to and leave as it is."""
    with serving(served.folder.parents[2]) as running:
        yield running
