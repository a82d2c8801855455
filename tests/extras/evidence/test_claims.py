"""Ways to judge that flatter do flatter, and the honest one is the evaluation's."""

import pytest

from extras.evidence import claims
from flights.artifacts import read_json
from flights.config import Settings
from pipelines.evaluation import holdout

pytestmark = pytest.mark.exhibit


def test_what_could_have_been_claimed(a_copy, capsys):
    """A random split looks better than later months, the date more so, and a leak best; the look is on record."""
    looks = holdout.access_counts(Settings())["accesses"]
    claims.main()
    found = read_json(Settings().reports_dir / "claims.json", "")
    honest, split, dated, later, leaky = (found[claim.words]["roc_auc"] for claim in claims.CLAIMS)
    evaluated = read_json(Settings().candidate_dir / "evaluation.json", "")["metrics"]["candidate"]["roc_auc"]["value"]
    assert honest == pytest.approx(evaluated, abs=0.03)
    assert leaky > 0.8 > split > honest
    assert dated > later
    assert holdout.access_counts(Settings())["accesses"] == looks + 1
    assert f"{honest:.3f}" in capsys.readouterr().out
