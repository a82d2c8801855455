"""What we ship is known: no pin with a known vulnerability, no secret in any commit, everything listed and licensed."""

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
    assert "of them: no service answers" in done.stdout
    assert "WARNING: requirements.lock: the snapshot is" in done.stderr


def advisories(path: Path, affected: dict[str, Any], as_of: str) -> Path:
    """A snapshot with one advisory about Starlette, which says nothing in words."""
    package = {"ecosystem": "PyPI", "name": "starlette"}
    known = [{"id": "PLANTED-1", "affected": [{"package": package, **affected}]}]
    path.write_text(json.dumps({"as_of": as_of, "advisories": known}))
    return path


@pytest.mark.parametrize(("days", "strict", "code"), [(29, True, 0), (31, True, 1), (31, False, 0)])
def test_an_old_snapshot_is_no_assurance(tmp_path: Path, days: int, strict: bool, code: int):
    """Planted: one of a month ago. It is said aloud, and refused where that is asked for."""
    (lock := tmp_path / "planted.lock").write_text(OLD_PIN)
    as_of = str(datetime.now(UTC).date() - timedelta(days))
    snapshot = advisories(tmp_path / "snapshot.json", {"versions": ["0.1"]}, as_of)
    done = run("audit.py", "--service", NOBODY, "--snapshot", snapshot, *(["--strict"] * strict), lock)
    assert done.returncode == code
    assert (f"the snapshot is {days} days old" in done.stderr) == (days > 30)
    assert f"read 1 pins of planted.lock, held against the snapshot of {as_of}, which names 1 of them" in done.stdout


@pytest.mark.parametrize(
    ("affected", "found"),
    [
        ({"versions": ["0.26.1"]}, True),
        ({"versions": ["0.26.0"]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "0.26.1"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"last_affected": "0.26.0"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"fixed": "0.25"}, {"introduced": "0"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0.26"}, {"fixed": "0.27"}]}]}, True),
    ],
)
def test_every_way_of_naming_versions_is_understood(tmp_path: Path, affected: dict[str, Any], found: bool):
    """Advisories list versions, or the last one affected, or ranges in any order; a renewed snapshot keeps them all."""
    (lock := tmp_path / "planted.lock").write_text(OLD_PIN)
    script = (
        "import json, sys; sys.path.insert(0, 'deploy'); import audit; from pathlib import Path\n"
        "known = json.loads(Path(sys.argv[1]).read_text())['advisories']\n"
        "with audit.answering(known) as service: audit.write_snapshot(Path(sys.argv[1]), service, [Path(sys.argv[2])])"
    )
    snapshot = advisories(tmp_path / "snapshot.json", affected, "2026-01-01")
    subprocess.run([tool("python"), "-c", script, snapshot, lock], cwd=ROOT, check=True)
    done = run("audit.py", "--service", NOBODY, "--snapshot", snapshot, lock)
    assert done.returncode == found, done.stderr
    assert ("starlette 0.26.1 has PLANTED-1 (without a description)" in done.stderr) == found


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
    commit(tmp_path, f'{before}password = "' + f'hunter-2-is-mine"{after}\n', name=name)
    done = run("secret_scan.py", tmp_path)
    assert done.returncode == 1, done.stdout
    assert f"{name} (" in done.stderr


@pytest.mark.parametrize("where", ["commit", "tag"])
def test_a_secret_in_a_message_is_found(tmp_path: Path, where: str):
    """Planted: a key in the words of a commit, or of a tag."""
    words = "it is AKIA" + "2E0A8F3B244C9986"
    commit(tmp_path, "settings = 1\n", message=words if where == "commit" else "x")
    if where == "tag":
        subprocess.run([*git(tmp_path), "tag", "-a", "v1", "-m", words], check=True)
    done = run("secret_scan.py", tmp_path)
    assert done.returncode == 1
    assert f"{where}.message" in done.stderr


def test_a_shallow_clone_is_no_verdict(tmp_path: Path):
    """Planted: a clone that lacks the commit with the secret."""
    commit(tmp_path / "whole", 'password = "' + 'hunter-2-is-mine"\n', "settings = 1\n")
    clone = ["git", "clone", "-q", "--depth", "1", f"file://{tmp_path / 'whole'}", tmp_path / "shallow"]
    subprocess.run(clone, check=True)
    done = run("secret_scan.py", tmp_path / "shallow")
    assert (done.returncode, "got a shallow clone" in done.stderr) == (1, True)


def git(repository: Path) -> list[str]:
    """Git in a repository, as somebody."""
    return ["git", "-C", str(repository), "-c", "user.name=a", "-c", "user.email=a@example.org"]


def commit(repository: Path, *versions: str, name: str = "settings.py", message: str = "x") -> None:
    """Commit a file's versions, one after the other."""
    repository.mkdir(exist_ok=True)
    subprocess.run([*git(repository), "init", "-q"], check=True)
    for text in versions:
        (repository / name).write_text(text, encoding="latin-1")
        subprocess.run([*git(repository), "add", name], check=True)
        subprocess.run([*git(repository), "commit", "-q", "-m", message], check=True)


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


@pytest.mark.parametrize(("words", "code"), [("MIT", 0), ("AGPL-3.0-only", 1), ("", 1)])
def test_the_licences_of_what_is_shipped_are_asked_for(tmp_path: Path, words: str, code: int):
    """Planted in an environment: a package of the image's lock under the AGPL, or without a word; others may be."""
    for name, licence in (("planted", words), ("a-trainer", "AGPL-3.0-only")):
        (folder := tmp_path / f"{name}-1.0.dist-info").mkdir()
        said = f"License-Expression: {licence}\n" if licence else ""
        (folder / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{said}")
    (lock := tmp_path / "image.lock").write_text(f"planted==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    done = run("licences.py", tmp_path, lock)
    assert done.returncode == code
    assert done.stdout == "licences  read 1 packages that the image ships\n"
    assert ("planted: " in done.stderr) == bool(code)
