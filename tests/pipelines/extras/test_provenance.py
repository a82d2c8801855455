"""The code's version is git's, or the image's, or unknown."""

import subprocess
from pathlib import Path

import pytest

from flights.config import Settings
from pipelines.extras import provenance


@pytest.fixture
def settings(trained, monkeypatch):
    """Settings of the session's training."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    return Settings()


def test_an_image_without_git_says_its_commit(settings, monkeypatch):
    """Where git is not there, GIT_COMMIT is on record; in a repository git's own word is."""
    told = settings.model_copy(update={"git_commit": "f" * 40})
    here = provenance.provenance(told)["git_commit"]
    assert here == provenance.git("rev-parse", "HEAD") != "f" * 40
    monkeypatch.setenv("PATH", "")
    assert provenance.provenance(told)["git_commit"] == "f" * 40
    assert provenance.provenance(settings)["git_commit"] == ""


@pytest.mark.parametrize(
    ("baked", "commit", "dirty"),
    [("abc123", "abc123", False), ("abc123-dirty", "abc123", True), ("", "", True), (None, "", True)],
)
def test_a_container_says_which_code_it_has(baked, commit, dirty, trained, monkeypatch):
    """Without git the image's GIT_COMMIT answers; where nobody says, the code does not count as committed."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("GIT_COMMIT", raising=False)
    if baked is not None:
        monkeypatch.setenv("GIT_COMMIT", baked)
    origin = provenance.provenance(Settings(data_dir=trained))
    assert (origin["git_commit"], origin["git_dirty"]) == (commit, dirty)


@pytest.fixture
def unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our code's folder inside the tree of another repository, which has a commit."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    who = ["-c", "user.name=a test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, "commit", "-qm", "another", "--allow-empty"], cwd=tmp_path, check=True)
    (tmp_path / "ours").mkdir()
    monkeypatch.setattr(provenance, "ROOT", tmp_path / "ours")
    monkeypatch.delenv("GIT_COMMIT", raising=False)
    provenance.warn.cache_clear()
    return tmp_path


@pytest.mark.parametrize("planted", ["a tarball", "an empty .git", "GIT_DIR"])
def test_the_commit_of_another_repository_is_not_ours(unpacked, monkeypatch, planted):
    """Injected: our files in another repository's tree, in three ways. There is no commit, and the tree is dirty."""
    if planted == "an empty .git":
        (unpacked / "ours" / ".git").mkdir()
    if planted == "GIT_DIR":  # as a git hook exports it
        monkeypatch.setenv("GIT_DIR", str(unpacked / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(unpacked))
    assert provenance.code_version(Settings()) == {"git_commit": "", "git_dirty": True}


@pytest.mark.parametrize("command", ["status", "rev-parse"])
def test_a_checkout_of_another_owner_is_said_once(unpacked, monkeypatch, capsys, command):
    """Injected: git refuses the repository as another user's. One line says so, and the tree is dirty."""
    monkeypatch.setattr(provenance, "ROOT", unpacked)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert provenance.code_version(Settings()) == {"git_commit": "", "git_dirty": True}
    provenance.git(command)
    said = capsys.readouterr().err
    assert "dubious ownership" in said
    assert len(said.splitlines()) == 1
