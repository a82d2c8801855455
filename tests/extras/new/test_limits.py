"""Limits follow from the data, each with its reason."""

from extras.new.dates import split_dates
from extras.new.limits import limits, rounded_down, rounded_up
from tests.extras.new.tables import snapshots
from tests.extras.new.test_infer import found_in


def test_limits_follow_from_the_label_delay(tmp_path):
    """Forty days more of delay move the watermark, the label delay and the look-back."""
    found = [found_in(tmp_path, snapshots(), DELAY_DAYS=days) for days in ("10", "50")]
    early, late = ({each.name: each for each in limits(one, split_dates(one))} for one in found)
    for name, step in (("WATERMARK_HOURS", 960), ("MAX_DELAY_HOURS", 960), ("GAP_DAYS", 40)):
        assert float(late[name].value) - float(early[name].value) == step
    assert int(late["LOOK_BACK_DAYS"].value) > int(early["LOOK_BACK_DAYS"].value)
    assert all(each.why for each in early.values())


def test_rounding_never_tightens_a_limit():
    """Two digits, outwards."""
    assert (rounded_up(0.0721), rounded_down(0.0729)) == (0.073, 0.072)
