from collections import Counter

import numpy as np
import pandas as pd
import pytest

from monitoring import distances


def test_distances_are_evidently_s(evidently: None):
    """Wasserstein and Jensen-Shannon agree with Evidently's own functions to 1e-9."""
    from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test

    random = np.random.default_rng(0)
    past, current = random.gamma(2, 10, 900), random.gamma(3, 10, 350).round()
    theirs = wasserstein_stat_test(pd.Series(past), pd.Series(current), "num", 0.1).drift_score
    assert distances.distance(past, current, past.std()) == pytest.approx(theirs, abs=1e-9)
    texts = [random.choice(list(letters), 500).astype(object) for letters in ("abcd", "bcdex")]
    theirs = jensenshannon_stat_test(pd.Series(texts[0]), pd.Series(texts[1]), "cat", 0.1).drift_score
    assert distances.distance(*texts) == pytest.approx(theirs, abs=1e-9)


def test_distances_of_known_samples():
    """Equal samples are at 0, a shift counts in standard deviations, texts without overlap are at the most."""
    values = np.arange(100.0)
    assert distances.distance(values, values) == 0
    assert distances.distance(np.array([0.0, 0, 1]), np.array([1.0, 0, 1])) == pytest.approx(1 / 3)  # equal values
    assert distances.distance(values, values + values.std(), values.std()) == pytest.approx(1)
    assert distances.jensen_shannon(Counter("a"), Counter("b")) == pytest.approx(np.sqrt(np.log(2)))
