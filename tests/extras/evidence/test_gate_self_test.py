"""The gate blocks every bad candidate by its own criterion and passes the good ones; if not, the self-test fails."""

import pytest

from extras.evidence import gate_fixture, gate_self_test
from extras.evidence.bad_candidates import BAD, GOOD
from flights import registry
from pipelines import gate
from pipelines.evaluation import holdout

pytestmark = pytest.mark.exhibit


@pytest.mark.parametrize("name", {**GOOD, **BAD})
def test_the_gate_is_right_about_each_candidate(fixture, name):
    """A bad one is blocked by its criterion, and not promoted; a good one passes and is promoted."""
    verdict = gate_self_test.gate_verdict(fixture, name, {**GOOD, **BAD}[name])
    assert verdict.is_right, verdict
    assert verdict.promoted is (name in GOOD)


def test_a_promotion_without_the_gate_is_found(fixture, monkeypatch):
    """Injected: promotion no longer reads the gate's report. The candidate becomes champion in the copy."""
    monkeypatch.setattr(
        registry,
        "promote",
        lambda models, version, *, expected: registry._append(models, "promote", expected, version, ""),
    )
    verdict = gate_self_test.gate_verdict(fixture, "constant", BAD["constant"])
    assert "beats_heuristic" in verdict.blocked_by
    assert not verdict.is_right


def test_a_gate_that_passes_a_bad_candidate_fails_the_self_test(trained, monkeypatch, capsys):
    """Injected: the criterion for sizes is gone. The exit code says so and names the candidate; the champion stays."""
    monkeypatch.setenv("DATA_DIR", str(trained))
    monkeypatch.setattr(gate_fixture, "SAMPLE_EVERY", 1)
    monkeypatch.setattr(holdout, "log_access", lambda *_, **__: None)
    asked = tuple(each for each in gate.criteria() if each.name != "small")
    monkeypatch.setattr(gate, "criteria", lambda: asked)
    few = ("constant", "too large")
    monkeypatch.setattr(gate_self_test, "BAD", {name: BAD[name] for name in few})
    monkeypatch.setattr(gate_self_test, "GOOD", {})
    with pytest.raises(SystemExit, match="wrong about too large"):
        gate_self_test.main()
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 became champion there; champion 1, as before: True" in printed
    assert registry.champion(trained / "3_models") == 1
