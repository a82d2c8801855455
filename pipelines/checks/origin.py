"""Gate check: it is known what the candidate was made from."""

import re
from collections.abc import Mapping
from typing import Any

from flights.contract import schema_digest
from pipelines.check import Criterion, Evidence
from pipelines.evaluation.inputs import EvaluationInputs


def properties(inputs: EvaluationInputs) -> dict[str, Any]:
    """Whether the data contract is today's, and why no commit holds the code, if REQUIRE_CLEAN_TREE asks for one."""
    return {
        "same_contract": inputs.training["schema_digest"] == schema_digest(),
        "uncommitted": uncommitted_reason(inputs.training) if inputs.settings.require_clean_tree else "",
    }


def uncommitted_reason(training: Mapping[str, Any]) -> str:
    """Why no commit holds the code of a training; empty if one does."""
    if "git_commit" not in training:
        return "no commit was recorded: restore pipelines/extras/provenance.py and run `make train`"
    if training["git_dirty"]:
        return "the working tree had uncommitted changes: commit them and run `make train`"
    if re.fullmatch("[0-9a-f]{40}", training["git_commit"]):
        return ""
    return f"expected a commit, got {training['git_commit']!r}: train in the repository, or set GIT_COMMIT in an image"


def same_contract(evidence: Evidence) -> str:
    """Fail a model that was trained under another data contract."""
    return "" if evidence.measured["same_contract"] else "the contract has changed since: run `make train`"


def committed(evidence: Evidence) -> str:
    """Fail a model whose code is in no commit."""
    return str(evidence.measured["uncommitted"])


CRITERIA = (
    Criterion("same_contract", "It was trained under the current data contract.", same_contract),
    Criterion("committed", "With REQUIRE_CLEAN_TREE, its code is in a commit.", committed),
)
