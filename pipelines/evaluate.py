"""Evaluate: compare the candidate with every baseline and the champion on the holdout, and check the gate's criteria.

Reads the holdout once, and logs that access. Publishes the candidate as an immutable, numbered version with its
metrics and the gate's verdict; `promote` decides whether it serves.
"""

from flights.config import Settings
from flights.dataset import ROWS
from pipelines import check
from pipelines.evaluation import holdout
from pipelines.evaluation.inputs import candidate_folder, collect_evidence
from pipelines.evaluation.publish import plugin_measurements, publish, reference_rows, write_evaluation
from pipelines.evaluation.report import evaluation_report, model_metrics
from pipelines.step import step


def main() -> None:
    """Evaluate the candidate and publish it with the verdict."""
    settings = Settings.read()
    with step("evaluate") as summary:
        folder = candidate_folder(settings)
        rows = holdout.read_holdout(settings, "evaluate", folder, seen=False)
        inputs = collect_evidence(settings, folder, rows)
        metrics = model_metrics(inputs)
        access = holdout.access_counts(settings, newest=True)
        report = {
            "as_of": str(settings.as_of),
            **evaluation_report(inputs, metrics),
            **plugin_measurements(inputs, metrics),
            "holdout_access": access,
        }
        version = publish(settings, folder, report, inputs.training, metrics, reference_rows(inputs))
        holdout.log_version(settings, folder.name, version)
        write_evaluation(settings, report, version)
        summary.read = f"{len(rows):,} {ROWS} of the holdout (access {access['accesses']}), {len(metrics)} models"
        checks = ", ".join(check.families()) or "none"
        summary.wrote = (
            f"version {version}, which the gate {'passed' if report['passed'] else 'blocked'} (checks: {checks})"
        )


if __name__ == "__main__":
    main()
