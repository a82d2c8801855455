"""A next version with reversed labels is complete, champion, and ranks the wrong way round."""

import numpy as np
import pytest

from extras.drills.bad_version import reversed_version
from extras.drills.drill_helpers import part, ranking, serving
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import targets
from flights.registry import champion

pytestmark = pytest.mark.exhibit


@pytest.mark.heavy
def test_the_next_version_ranks_the_wrong_way_round(a_copy):
    """It verifies on load, it is champion, and its ROC-AUC mirrors that of the model before."""
    settings = Settings()
    good = serving(settings)
    bad = reversed_version(settings, good)
    assert champion(settings.models_dir) == bad.version == good.version + 1
    rows = part(settings, "holdout")
    scores = [ranking(targets(rows), model.score(as_arrays(rows))) for model in (good, bad)]
    assert scores[1] == pytest.approx(1 - scores[0], abs=0.02)
    assert np.isfinite(scores).all()
