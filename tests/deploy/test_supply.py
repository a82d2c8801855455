"""What we ship is known: no pin with a known vulnerability, no secret in any commit, everything listed and licensed."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.deploy.conftest import ROOT, tool

pytestmark = pytest.mark.heavy

NOBODY = "http://127.0.0.1:9/v1/query"  # the discard port: no advisory service answers there
OLD_PIN = f"starlette==0.26.1 \\\n    --hash=sha256:{'0' * 64}\n"


def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run one of deploy's scripts in the tools' environment."""
    command = [tool("python"), ROOT / "deploy" / script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_our_pins_have_no_known_vulnerability():
    """The locks as they are, against the snapshot: what was looked up, and in what, is said."""
    done = run("audit.py", "--service", NOBODY)
    assert done.returncode == 0, done.stderr
    assert "pins of requirements.lock, held against" in done.stdout
    assert "no service answers" in done.stdout


def test_an_old_pin_is_refused(tmp_path: Path):
    """Planted: a Starlette with a directory traversal; the line says which version is fixed."""
    lock = tmp_path / "planted.lock"
    lock.write_text((ROOT / "requirements-serving.lock").read_text().replace("starlette==", "starlett-e==") + OLD_PIN)
    done = run("audit.py", "--service", NOBODY, lock)
    assert done.returncode == 1
    assert "starlette 0.26.1 has PYSEC-2023-83" in done.stderr
    assert "fixed in 0.27.0" in done.stderr


def test_a_pin_without_a_hash_is_no_verdict(tmp_path: Path):
    """Strict: what cannot be audited does not pass."""
    lock = tmp_path / "planted.lock"
    lock.write_text("starlette\n")
    done = run("audit.py", "--service", NOBODY, lock)
    assert done.returncode == 1
    assert "gave no verdict" in done.stderr


def test_a_snapshot_can_be_renewed_from_a_service(tmp_path: Path):
    """A service in OSV's words gives the same advisories back, with the day on which it was asked."""
    script = (
        "import json, sys; sys.path.insert(0, 'deploy'); import audit; from pathlib import Path\n"
        "known = json.loads(audit.SNAPSHOT.read_text())['advisories']\n"
        "with audit.answering(known) as service: audit.write_snapshot(Path(sys.argv[1]), service, audit.LOCKS)"
    )
    target = tmp_path / "renewed.json"
    subprocess.run([tool("python"), "-c", script, target], cwd=ROOT, check=True)
    renewed, snapshot = (json.loads(path.read_text()) for path in (target, ROOT / "deploy" / "advisories.json"))
    assert {each["id"] for each in renewed["advisories"]} == {each["id"] for each in snapshot["advisories"]}
    assert renewed["as_of"] > snapshot["as_of"]
    planted = tmp_path / "planted.lock"
    planted.write_text(OLD_PIN)
    assert run("audit.py", "--service", NOBODY, "--snapshot", target, planted).returncode == 1


def test_no_commit_of_ours_holds_a_secret():
    """Every version of every file that git keeps."""
    done = run("secret_scan.py")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "planted",
    ["AKIA" + "2E0A8F3B244C9986", "-----BEGIN RSA " + "PRIVATE KEY-----", 'password = "' + 'hunter-2-is-mine"'],
    ids=["cloud key", "private key", "password"],
)
def test_a_secret_that_was_deleted_again_is_found(tmp_path: Path, planted: str):
    """Planted in one commit and removed in the next: history still has it."""
    commit(tmp_path, f"settings = 1\n{planted}\n", "settings = 1\n")
    done = run("secret_scan.py", tmp_path)
    assert done.returncode == 1
    assert "settings.py" in done.stderr
    assert "line 2" in done.stderr


def test_a_value_made_up_for_a_test_hides_no_secret_beside_it(tmp_path: Path):
    """One line of the same file is exempt; the planted one is found."""
    exempt = 'password = "known-to-' + 'the-test"\n'
    commit(tmp_path, exempt)
    assert run("secret_scan.py", tmp_path).returncode == 0
    commit(tmp_path, exempt + 'password = "' + 'hunter-2-is-mine"\n')
    done = run("secret_scan.py", tmp_path)
    assert done.returncode == 1
    assert "line 2" in done.stderr
    assert "line 1" not in done.stderr


def commit(repository: Path, *versions: str) -> None:
    """Commit a file's versions, one after the other."""
    git = ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    for text in versions:
        (repository / "settings.py").write_text(text)
        subprocess.run([*git, "add", "settings.py"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)


def test_the_image_is_listed_with_its_model_and_licences(image: str, tmp_path: Path):
    """A valid CycloneDX document with the Python packages of the serving lock, the system's, and the model's files."""
    target = tmp_path / "sbom.json"
    done = run("sbom.py", image, target)
    assert done.returncode == 0, done.stderr
    components = {each["name"]: each for each in json.loads(target.read_text())["components"]}
    assert {"python", "fastapi", "onnxruntime", "libc6"} <= set(components)
    assert components["fastapi"]["licenses"] == [{"license": {"name": "MIT"}}]
    assert "model.onnx" in {file["name"] for file in components["flights"]["components"]}


@pytest.mark.parametrize("words", ["AGPL-3.0-only", "GNU General Public License v3 (GPLv3)", ""])
def test_a_binding_or_missing_licence_is_refused(words: str):
    """Planted: a package under the GPL, and one that does not say."""
    script = (
        "import sys; sys.path.insert(0, 'deploy'); import sbom\n"
        "package = {'Name': 'planted', 'License-Expression': sys.argv[1], 'License': None, 'Classifiers': []}\n"
        "print(sbom.refused([package]), sbom.refused([package | {'License-Expression': 'LGPL-3.0-only'}]))"
    )
    done = subprocess.run([tool("python"), "-c", script, words], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == f"['planted: {words or 'no licence'}'] []\n"
