"""A drill whose guard sleeps fails."""

import pytest

from extras.drills.drill_helpers import GuardDidNotFire, copied, expect, refusal

pytestmark = pytest.mark.exhibit


def test_a_guard_that_does_not_refuse_fails_the_drill():
    """Planted: a call that lets everything pass."""
    with pytest.raises(GuardDidNotFire, match="nothing was rejected"):
        refusal(ValueError, lambda: None)
    with pytest.raises(GuardDidNotFire, match="expected an alarm"):
        expect(False, "an alarm")


def test_a_refusal_is_quoted():
    """What the guard said, on one line."""
    assert refusal(ValueError, lambda: int("a\nb")) == "invalid literal for int() with base 10: 'a\\nb'"


@pytest.mark.heavy
def test_the_copy_is_gone_after_a_failure(trained):
    """A drill that breaks leaves nothing, either."""
    seen = []

    def broken() -> None:
        with copied(trained) as settings:
            seen.append(settings.data_dir)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert not seen[0].exists()
