"""The gate self-test's fixture, shared by its tests."""

import pytest

from extras.evidence import gate_fixture
from flights.config import Settings
from pipelines.evaluation import holdout


@pytest.fixture(scope="module")
def fixture(trained, environment):
    """The session's candidate, on all of its small holdout."""
    environment.setenv("DATA_DIR", str(trained))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate_fixture, "SAMPLE_EVERY", 1)
        patch.setattr(holdout, "log_access", lambda *_, **__: None)  # the session's access log is read by other tests
        return gate_fixture.read_fixture(Settings())
