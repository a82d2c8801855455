"""The gate self-test: shows the gate candidates that are bad on purpose, and good ones; fails if it decides wrongly.

Each bad candidate has one real failure: it was trained on shuffled labels, on the holdout, or with a leaking column, or
a file of its copy was damaged and read again. Each is then published into a copy of the registry and promoted there.
"""

import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from extras.evidence.bad_candidates import BAD, GOOD
from extras.evidence.gate_fixture import BadCandidate, Fixture, read_fixture
from flights import portable, registry
from flights.artifacts import new_folder, sha256, write_json
from flights.config import NAME, Settings
from flights.files import GATE_FILE, GOLDEN_FILE
from flights.model_files import write_manifest
from flights.plugins import hooks
from pipelines.evaluation.report import evaluation_report, model_metrics


@dataclass(frozen=True)
class Verdict:
    """What the gate decided on a candidate, and what was expected."""

    name: str
    candidate: BadCandidate
    blocked_by: tuple[str, ...]
    promoted: bool  # in a copy of the registry

    @property
    def is_right(self) -> bool:
        """Whether a bad one was blocked by its criterion and not promoted, or a good one passed and was."""
        expected = self.candidate.criterion
        blocked = expected in self.blocked_by if expected else bool(self.blocked_by)
        return blocked == bool(expected) and self.promoted != bool(expected)


def main() -> None:
    """Show every candidate to the gate; exit code 1 if it decides wrongly about one."""
    settings = Settings.read()
    before = registry.history(settings.models_dir)
    fixture = read_fixture(settings)
    candidates = track({**GOOD, **BAD}.items(), "gate self-test", transient=True)
    verdicts = [gate_verdict(fixture, name, candidate) for name, candidate in candidates]
    Console(width=130).print(as_table(verdicts))
    wrong = [each.name for each in verdicts if not each.is_right]
    unchanged = registry.history(settings.models_dir) == before
    version = registry.champion(settings.models_dir)
    print(
        f"gallery   {len(BAD)} bad candidates, {len(GOOD)} good ones, each published into a copy of the registry: "
        f"{sum(each.promoted for each in verdicts)} became champion there; champion {version}, as before: {unchanged}"
    )
    if wrong or not unchanged:
        sys.exit(f"the gate is wrong about {', '.join(wrong) or 'no candidate, but the champion has changed'}")


def gate_verdict(fixture: Fixture, name: str, candidate: BadCandidate) -> Verdict:
    """Check one candidate against the gate's criteria, and try to promote it."""
    inputs = candidate.build(fixture)
    report = evaluation_report(inputs, model_metrics(inputs))
    blocked_by = tuple(check["name"] for check in report["checks"] if check["failure"])
    return Verdict(name, candidate, blocked_by, is_promoted(fixture, report))


def is_promoted(fixture: Fixture, report: Mapping[str, Any]) -> bool:
    """Whether a version with this report becomes champion in a copy of the registry with its history."""
    models = fixture.settings.models_dir
    before = registry.champion(models)
    version = (before or 0) + 1
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        if before is not None:
            shutil.copytree(models / NAME / "history", copy / NAME / "history")
        with new_folder(registry.model_folder(copy, version)) as folder:
            for file in (portable.TREES, portable.TABLES, GOLDEN_FILE):
                shutil.copy(fixture.folder / file, folder)
            digest = sha256(folder / portable.TREES)
            write_json(folder / GATE_FILE, {**report, "model_digest": digest})
            manifest = write_manifest(folder, version, fixture.good.training)
            for published in hooks("flights.extras", "published"):
                published(manifest)
        try:
            registry.promote(copy, version, expected=before)
        except registry.PromotionRefused:
            return False
        return registry.champion(copy) == version


def as_table(verdicts: list[Verdict]) -> Table:
    """The verdicts for a terminal."""
    table = Table(title="The gate's verdicts on candidates that are good, and bad on purpose")
    for heading in ("candidate", "what is wrong with it", "blocked by", "right"):
        table.add_column(heading)
    for each in verdicts:
        expected = each.candidate.criterion
        blocked = ", ".join(sorted(each.blocked_by, key=lambda name: name != expected)) or "nothing: it may serve"
        table.add_row(each.name, each.candidate.description, blocked, "yes" if each.is_right else "NO")
    return table


if __name__ == "__main__":
    main()
