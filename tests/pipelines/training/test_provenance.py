"""The code's version is git's, or the image's, or unknown."""

import pytest

from flights.config import Settings
from pipelines.training import provenance


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
