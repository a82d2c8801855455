"""Each supply-chain tool is called so that it finds what is planted, and says so when it could not look."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, tool
from tests.swap.swapped import mark_installed

pytestmark = pytest.mark.heavy

NOBODY = "http://127.0.0.1:9/v1/query"  # the discard port: no advisory service answers there
ADVISORY = {
    "id": "PLANTED-1",
    "summary": "A directory traversal.",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "starlette"}, "versions": ["0.26.1"]}],
}


def make(target: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a target in this repository."""
    tool("python")
    command = ["make", "--no-print-directory", target, *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False)


@pytest.fixture
def advisories() -> Iterator[str]:
    """Address of an advisory service that knows of one vulnerability."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            package = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"vulns": [ADVISORY]} if package == "starlette" else {}).encode())

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1/query"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("pin", "code"), [("starlette==0.26.1", 2), ("h11==0.16.0", 0)])
def test_a_vulnerable_pin_fails_the_audit(tmp_path: Path, advisories: str, pin: str, code: int):
    """Planted: a pin with a known vulnerability; a pin without one passes."""
    (lock := tmp_path / "planted.lock").write_text(f"{pin} \\\n    --hash=sha256:{'0' * 64}\n")
    done = make("audit", f"LOCKS={lock}", f"OSV_URL={advisories}")
    assert done.returncode == code, done.stderr
    assert ("PLANTED-1" in done.stdout) == bool(code)
    assert "NOT CHECKED" not in done.stderr
    assert ("no known vulnerability" in done.stdout) != bool(code)


@pytest.mark.parametrize("locks", ["deploy/serving.lock", "unpinned"])
def test_an_audit_without_answers_is_no_pass(tmp_path: Path, locks: str):
    """Planted: no service answers, and a requirement that no service can be asked about."""
    (unpinned := tmp_path / "unpinned.lock").write_text("starlette\n")
    done = make("audit", f"LOCKS={unpinned if locks == 'unpinned' else locks}", f"OSV_URL={NOBODY}")
    assert done.returncode == 2
    assert "audit: NOT CHECKED" in done.stderr


def scan(repository: Path) -> subprocess.CompletedProcess[str]:
    """Scan a repository's history."""
    tool("detect-secrets-hook")
    return subprocess.run([ROOT / "deploy" / "secrets", repository], capture_output=True, text=True, check=False)


def test_no_commit_of_ours_holds_a_secret():
    """Every added line of every commit, and every message."""
    done = scan(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "planted",
    ["AKIA" + "2E0A8F3B244C9986", "-----BEGIN RSA " + "PRIVATE KEY-----", 'password = "' + 'hunter-2-is-mine"'],
    ids=["cloud key", "private key", "password"],
)
def test_a_secret_that_was_deleted_again_is_found(tmp_path: Path, planted: str):
    """Planted in one commit and removed in the next: history still has it."""
    commit(tmp_path, f"settings = 1\n{planted}\n", "settings = 1\n")
    done = scan(tmp_path)
    assert done.returncode == 1
    assert located(tmp_path, done.stdout) == [("settings.py", planted)]


def test_a_value_made_up_for_a_test_hides_no_secret_beside_it(tmp_path: Path):
    """One line of the same file is exempt; the planted one is found."""
    exempt = 'password = "known-to-' + 'the-test"'
    commit(tmp_path, f"{exempt}\n")
    assert scan(tmp_path).returncode == 0
    planted = 'password = "' + 'hunter-2-is-mine"'
    commit(tmp_path, f"{exempt}\n{planted}\n")
    done = scan(tmp_path)
    assert done.returncode == 1
    assert located(tmp_path, done.stdout) == [("settings.py", planted)]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("settings.py", "", "  # pragma: allowlist " + "secret"),
        ("drawing.svg", "", ""),
        ("poetry.lock", "", ""),
        ("large.py", "# 0123456789\n" * 100_000, ""),
        ("latin.py", "# \xe9\n", ""),
    ],
)
def test_neither_name_nor_size_nor_comment_hides_a_secret(tmp_path: Path, name: str, before: str, after: str):
    """Planted where detect-secrets by itself does not look, and in a file of over a megabyte."""
    planted = 'password = "' + f'hunter-2-is-mine"{after}'
    commit(tmp_path, f"{before}{planted}\n", name=name)
    done = scan(tmp_path)
    assert done.returncode == 1, done.stdout
    assert located(tmp_path, done.stdout) == [(name, planted)]


@pytest.mark.parametrize("where", ["commit", "tag"])
def test_a_secret_in_a_message_is_found(tmp_path: Path, where: str):
    """Planted: a key in the words of a commit, or of a tag."""
    words = "it is AKIA" + "2E0A8F3B244C9986"
    commit(tmp_path, "settings = 1\n", message=words if where == "commit" else "x")
    if where == "tag":
        subprocess.run([*git(tmp_path), "tag", "-a", "v1", "-m", words], check=True)
    assert scan(tmp_path).returncode == 1


def test_a_shallow_clone_is_no_verdict(tmp_path: Path):
    """Planted: a clone that lacks the commit with the secret."""
    commit(tmp_path / "whole", 'password = "' + 'hunter-2-is-mine"\n', "settings = 1\n")
    clone = ["git", "clone", "-q", "--depth", "1", f"file://{tmp_path / 'whole'}", tmp_path / "shallow"]
    subprocess.run(clone, check=True)
    done = scan(tmp_path / "shallow")
    assert (done.returncode, "the clone is shallow" in done.stderr) == (1, True)


def located(repository: Path, printed: str) -> list[tuple[str, str]]:
    """File and text of each finding, read from the history as the message says."""
    lines = (repository / "build" / "history.txt").read_text().splitlines()
    numbers = [int(line.rsplit(":", 1)[1]) for line in printed.splitlines() if line.startswith("Location:")]
    files = [next(line[6:] for line in lines[number - 1 :: -1] if line.startswith("+++ b/")) for number in numbers]
    return [(file, lines[number - 1][1:]) for file, number in zip(files, numbers, strict=True)]


def git(repository: Path) -> list[str]:
    """Git in a repository, as a user of the test's own."""
    return ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]


def commit(repository: Path, *versions: str, name: str = "settings.py", message: str = "x") -> None:
    """Commit a file's versions, one after the other."""
    repository.mkdir(exist_ok=True)
    subprocess.run([*git(repository), "init", "-q"], check=True)
    for text in versions:
        (repository / name).write_text(text, encoding="latin-1")
        subprocess.run([*git(repository), "add", name], check=True)
        subprocess.run([*git(repository), "commit", "-q", "-m", message], check=True)


def test_what_the_image_installs_is_listed(tmp_path: Path):
    """A valid CycloneDX document with every package of the serving lock and its hashes."""
    done = make("sbom", DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    content = json.loads((tmp_path / "5_reports" / "sbom.json").read_text())
    found = {each["name"]: each for each in content["components"]}
    assert (content["bomFormat"], content["metadata"]["component"]["name"]) == ("CycloneDX", "ml-loop")
    assert {"fastapi", "onnxruntime", "uvicorn"} <= set(found)
    assert found["fastapi"]["externalReferences"][0]["hashes"]


@pytest.mark.parametrize(
    ("licence", "code"),
    [
        ("MIT", 0),
        ("LGPL-3.0-only", 0),
        ("AGPL-3.0-only", 2),
        ("GNU General Public License v3 (GPLv3)", 2),
        ("", 2),
    ],
)
def test_a_package_of_the_image_under_another_licence_fails(tmp_path: Path, licence: str, code: int):
    """Planted in an environment: h11 under the AGPL, the GPL, or without a licence; under MIT or LGPL it passes."""
    (folder := tmp_path / "h11-0.16.0.dist-info").mkdir()
    mark_installed(tmp_path)
    (python := tmp_path / "bin" / "python").parent.mkdir()
    python.write_text(f"#!{sys.executable}\nprint('{tmp_path}')\n")
    python.chmod(0o755)
    said = f"License: {licence}\n" if licence else ""
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: h11\nVersion: 0.16.0\n{said}")
    done = make("licences", VENV=str(tmp_path))
    assert done.returncode == code, done.stdout + done.stderr
    assert ("h11" in done.stderr) == bool(code)


def test_an_environment_without_the_image_s_packages_is_no_verdict(tmp_path: Path):
    """Planted: an environment in which none of them is installed."""
    mark_installed(tmp_path)
    (python := tmp_path / "bin" / "python").parent.mkdir()
    python.write_text(f"#!{sys.executable}\nprint('{tmp_path}')\n")
    python.chmod(0o755)
    done = make("licences", VENV=str(tmp_path))
    assert done.returncode == 2
    assert "run make install" in done.stderr
