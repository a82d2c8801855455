"""A column that ranks too well, or reads like personal data, is found."""

import numpy as np
import pandas as pd

from extras.new.suspects import leak_reason, personal_reason


def test_a_leak_and_personal_data_are_found_and_noise_is_not():
    """Planted: the target with a little noise, and phone numbers."""
    random = np.random.default_rng(0)
    targets = pd.Series((random.random(900) < 0.3).astype(float))
    assert "ROC-AUC" in leak_reason(targets + 0.1 * random.normal(size=900), targets)
    assert leak_reason(pd.Series(random.normal(size=900)), targets) == ""
    assert "phone numbers" in personal_reason("contact", pd.Series(["+49 170 1234567"] * 9, dtype="str"))
    assert personal_reason("colour", pd.Series(["red"] * 9, dtype="str")) == ""
