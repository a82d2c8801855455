"""What one run of the monitor finds: every check, the decision, and what the checks add for machines."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from flights.artifacts import read_json
from flights.config import Settings
from flights.files import MANIFEST_FILE, TRAIN_FIRST
from flights.plugins import hooks, load_plugins
from flights.registry import history, model_folder
from monitoring.check import Check, all_alarms
from monitoring.decide import WINDOW_DAYS, Decision, ModelAge, action_of, decide
from monitoring.outcomes import label_status_counts
from monitoring.view import Moment, View, read_view

CHECKS = "monitoring.checks"  # the package of the plug-ins


@dataclass(frozen=True)
class Findings:
    """One run: what it looked at, every check, what the checks add, and the decision."""

    view: View
    checks: list[Check]
    details: dict[str, Any]
    champion_changes: dict[Moment, int]  # the day on which another version took over -> that version
    decision: Decision

    @property
    def counts(self) -> dict[str, int]:
        """Predictions by state, and how many were unreadable, skipped or older than the window."""
        view = self.view
        unreadable = {"unreadable": len(view.rows) - len(view.inputs), "skipped": view.skipped, "older": view.older}
        return label_status_counts(view.rows) | unreadable | {"one_in": view.sample_every}

    def for_machines(self) -> dict[str, Any]:
        """The content of `decision.json`."""
        alarms = [
            {
                "check": alarm.check.name,
                "cause": alarm.check.cause,
                "action": action_of(alarm.check.cause),
                "first": f"{alarm.first:%F}",
                "last": f"{alarm.last:%F}",
            }
            for alarm in all_alarms(self.checks)
        ]
        run = {"now": self.view.now.isoformat(), "champion": self.view.model.version, "counts": self.counts}
        return {**asdict(self.decision), **run, **self.details, "alarms": alarms}


def findings(settings: Settings, now: Moment | None = None) -> Findings:
    """Check the log's last weeks up to a moment, and decide; `view.read_view` says which moment by default."""
    view = read_view(settings, now)
    checks, changes = all_checks(view), champion_changes(view.rows)
    details: dict[str, Any] = {}
    for add in hooks(CHECKS, "details"):
        details.update(add(view))
    model = ModelAge(
        replaced_on=max(changes, default=None),
        is_newer=history(settings.models_dir)[-1].action == "promote",
        age_days=(view.today - training_cutoff(view.model.manifest)).days,
        trainings=recent_trainings(settings, view.today),
    )
    return Findings(view, checks, details, changes, decide(checks, model))


def all_checks(view: View, families: Collection[str] | None = None) -> list[Check]:
    """The checks of every plug-in, or of the named ones."""
    modules = {module.__name__.rpartition(".")[2]: module for module in load_plugins(CHECKS)}
    chosen = [module for name, module in modules.items() if families is None or name in families]
    return [check for module in chosen if hasattr(module, "checks") for check in module.checks(view)]


def champion_changes(rows: pd.DataFrame) -> dict[Moment, int]:
    """The days on which another version took over; the first version of the log replaced none."""
    served = rows[rows["served_by"] == "champion"].groupby("day")["model_version"].agg(lambda used: used.iloc[-1])
    new = served[served.diff().fillna(0) != 0]
    return {pd.Timestamp(str(day)): int(version) for day, version in new.items()}


def recent_trainings(settings: Settings, today: Moment) -> int:
    """On how many training cutoffs of the last weeks a version was published, promoted or not."""
    manifests = model_folder(settings.models_dir, 1).parent.glob(f"[0-9]*/{MANIFEST_FILE}")
    cutoffs = {training_cutoff(read_json(path, TRAIN_FIRST)) for path in manifests}
    return sum(today - pd.Timedelta(days=WINDOW_DAYS) < day <= today for day in cutoffs)


def training_cutoff(manifest: dict[str, Any]) -> Moment:
    """The day up to which a version learned or, with the trees of an earlier one, was recalibrated."""
    return pd.Timestamp(manifest.get("recalibrated_as_of", manifest["as_of"]))
