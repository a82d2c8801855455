"""The model card: generated from what was measured; a claim whose number is missing cannot be rendered."""

from collections.abc import Mapping
from typing import Any

from flights.config import ALERT_BUDGET, MISS_COST, NAME
from flights.dataset import INPUTS, POSITIVE, PREDICTION_LEAD_HOURS, QUESTION, ROWS, SCOPE
from flights.evaluation import FALSE_ALARM_COST

TEMPLATE = """# Model card: {name}, version {version}

**{question}** The probability, and an alert where it is at least {threshold:.3f}: the threshold with the lowest cost
on validation, when a miss costs as much as {miss:g} false alarms.

The gate **{verdict}** it. {reasons}

## Scope

{scope} Asked {lead} hours before the event, with {inputs} inputs that are known by then; not for other lead times.

## How good it is

Holdout: {rows:,} {rows_name} from {first} to {last}, {late:.1%} {positive}, after everything that training and
validation saw; 95 % intervals by resampled days.

{metrics}

The candidate's margin over each (positive is better):

{margins}

![Holdout](holdout.png)

## When it is wrong

Two figures are worth knowing before acting on it. Of the riskiest {budget:.0%} of {rows_name}, {precision:.0%} were
{positive}: one alert in {wrong:.1f} is wrong. And its probabilities were off by {calibration:.3f} on average, because
the share that is {positive} moves with the season. Outcomes are compared with predictions as they arrive, and `make
monitor` says when to act. The way back is `make rollback`.

## Where it comes from

{provenance}
"""


def model_card(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Render the card as Markdown.

    Raises
    ------
    KeyError
        Something that the card claims was not measured.
    """
    holdout, ours = report["holdout"], report["metrics"]["candidate"]
    objections = [each["objection"] for each in report["checks"] if each["objection"]]
    precision = ours["precision_at_budget"]["value"]
    return TEMPLATE.format(
        name=NAME,
        version=version,
        question=QUESTION,
        scope=SCOPE,
        rows_name=ROWS,
        positive=POSITIVE,
        threshold=training["threshold"],
        miss=MISS_COST / FALSE_ALARM_COST,
        verdict="passed" if report["passed"] else "refused",
        reasons=" ".join(f"{each}." for each in objections) or f"All {len(report['checks'])} criteria are met.",
        lead=PREDICTION_LEAD_HOURS,
        inputs=len(INPUTS),
        rows=holdout["rows"],
        first=holdout["first"][:10],
        last=holdout["last"][:10],
        late=holdout["late"],
        metrics=table(report["metrics"]),
        margins=table(report["margins"]),
        budget=ALERT_BUDGET,
        precision=precision,
        wrong=1 / (1 - precision),
        calibration=ours["calibration_error"]["value"],
        provenance="\n".join(f"- {key}: `{training[key]}`" for key in PROVENANCE),
    )


PROVENANCE = ("as_of", "seed", "git_commit", "git_dirty", "data_digest", "schema_digest", "lock_digest", "python")


def table(models: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Models by metrics, as a Markdown table."""
    names = list(next(iter(models.values())))
    lines = ["| model | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for model, figures in models.items():
        cells = [f"{f['value']:.3f} [{f['low']:.3f}, {f['high']:.3f}]" for f in (figures[name] for name in names)]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
