"""The model card: generated from what was measured; a claim whose number is missing cannot be rendered."""

from collections.abc import Mapping, Sequence
from typing import Any

from flights import dataset
from flights.config import ALERT_BUDGET, MIN_SLICE_ROC_AUC, MISS_COST, NAME
from flights.dataset import INPUTS, POSITIVE, PREDICTION_LEAD_HOURS, ROWS
from flights.model import RULE
from flights.ranking import FALSE_ALARM_COST

TEMPLATE = """# Model card: {name}, version {version}

**{question}** The probability, and an alert where it is at least {threshold:.3f}: the threshold with the lowest cost
on validation, when a miss costs as much as {miss:g} false alarms.

The gate **{verdict}** it. {reasons}

## Scope

{scope} Asked {lead} hours before the event, with {inputs} inputs that are known by then; not for other lead times.

## What it learned from

Source: {source}. Whatever has no outcome has no target and is left out.

{data}

{labels}

## How good it is

On the holdout, after everything that training and validation saw; 95 % intervals by resampled days. Looks at any of its
days so far, by all commands: {looks}, for {candidates} candidates; the best of many would look a little better than it
is.

{metrics}

The candidate's margin over each (positive is better):

{margins}

![Holdout](holdout.png)

## What an alert is worth

Of the riskiest {budget:.0%} of {rows_name}, {precision:.0%} were {positive}, {lift:.1f} times as many as of all: one
alert in {wrong:.1f} is wrong. Deciding by the threshold cost {cost:.0f} false alarms per 1,000 {rows_name}; by the
heuristic {heuristic_cost:.0f}.

## Slices

The intervals hold for all slices at once, so none is low or high by the luck of the many. The gate refuses a candidate
with a slice that is surely below {floor}, or surely worse than with the champion.

{slices}

![Slices](slices.png)

## Whether 30 % means 30 %

Calibration error {calibration}. Brier's parts: reliability {reliability:.4f} (lower is better), resolution
{resolution:.4f} (higher is better), uncertainty {uncertainty:.4f} (the data's own), within the bins
{within_bins:+.4f}. Recalibration, on days of validation that it was not fitted on and then on the holdout (positive
is better):

{recalibration}

Platt's was **{kept}**: it is where the Brier score on validation improves by more than chance. Isotonic is tried beside
it and never kept: its steps make equal what the model ranks apart.

## When a feed falls silent

With any of them gone it must do no worse than the heuristic, which would answer in its place:

{silent}

## When what comes in is wrong

{corrupted}

`make stress` plants these and more faults into live traffic, and tells which guard notices each.

## When it is wrong

{failures}

## What it costs

One row takes {row_ms:.2f} ms (median, one thread), and a fresh process that loads the model and scores with it needs
{memory_mb:.1f} MB at its peak. The files that are served have {model_mb:.2f} MB, {features} features of {inputs}
inputs. It was fitted in {fit_seconds:.1f} s.

## How it is watched, and the way back

`make monitor` compares the columns of the traffic with the {rows:,} {rows_name} of the holdout, which lie beside this
card, and what became of the predictions with a ROC-AUC of {promised_auc:.3f} and a calibration error of
{promised_error:.3f}. {age} days after {as_of} it asks for a new model. The way back is `make rollback`: {way_back}.

## Where it comes from

{provenance}
"""

MEASURED_FAILURES = """
- **An alert is a bet.** {wrong_alerts:.0%} of the alerts within the budget were wrong; whoever acts on one must be able
  to afford that.
- **Some are harder than others.** The weakest slice is {weakest}: ROC-AUC {weakest_auc:.2f}.
- **The season moves the rate.** The probabilities were off by {calibration:.3f} on average; the budget of alerts goes
  by rank and stays right, the threshold is a level and drifts.
- **Silence hurts, stillness more.** With the {worst} feed silent the calibration error is {silent_error:.3f}; a feed
  that is stuck shows no gap at all: the monitor's feed checks are there for that.
- **Outcomes can be wrong**, and the model learns what it is told: `make labels` looks for those that are.
""".strip()


class ClaimWithoutNumber(ValueError):
    """The card says something that nobody measured."""


def model_card(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Render the card as Markdown.

    Raises
    ------
    ClaimWithoutNumber
        Something that the card claims was not measured.
    """
    if "candidate" not in report["metrics"]:
        return unmeasured(version, training, report)
    try:
        return rendered(version, training, report)
    except KeyError as missing:
        raise ClaimWithoutNumber(
            f"the card claims {missing}; expected it in the training's record or the evaluation's report, got none: "
            "run `make train`"
        ) from missing


def rendered(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """The template with every number in its place."""
    holdout, ours = report["holdout"], {name: each["value"] for name, each in report["metrics"]["candidate"].items()}
    return TEMPLATE.format(
        name=NAME,
        version=version,
        question=dataset.QUESTION,
        scope=dataset.SCOPE,
        rows_name=ROWS,
        positive=POSITIVE,
        threshold=training["threshold"],
        miss=MISS_COST / FALSE_ALARM_COST,
        **verdict(report),
        lead=PREDICTION_LEAD_HOURS,
        inputs=len(INPUTS),
        source=training["data"]["source"],
        data=data_table(
            {name: training["data"][name] for name in ("train", "validation")}
            | {name: part for name, part in training["data"].items() if name == "recalibration"}
            | {"holdout": holdout}
        ),
        labels=label_audit(report["labels"]),
        rows=holdout["rows"],
        **report["ledger"],
        metrics=table(report["metrics"]),
        margins=table(report["margins"]),
        budget=ALERT_BUDGET,
        precision=ours["precision_at_budget"],
        lift=ours["lift_at_budget"],
        wrong=1 / (1 - ours["precision_at_budget"]),
        cost=ours["cost_per_1000"],
        heuristic_cost=report["metrics"][RULE]["cost_per_1000"]["value"],
        floor=MIN_SLICE_ROC_AUC,
        slices=slice_table(report["slices"]),
        calibration=cell(report["metrics"]["candidate"]["calibration_error"]),
        **report["calibration"]["brier_parts"],
        recalibration=recalibration_table(report["calibration"]),
        kept="kept" if report["calibration"]["kept"] else "not kept",
        silent=spoiled_table("silent", report["silent"], ours),
        corrupted=spoiled_table("sent wrong", report["corrupted"], ours),
        promised_auc=ours["roc_auc"],
        promised_error=ours["calibration_error"],
        age=report["greatest_age_days"],
        as_of=training["as_of"],
        way_back=way_back(report["champion"]),
        failures=failures(report, ours),
        row_ms=report["traits"]["row_ms"],
        model_mb=report["traits"]["model_mb"],
        memory_mb=report["traits"]["memory_mb"],
        features=training["features"],
        fit_seconds=training["fit_seconds"],
        provenance=provenance(training),
    )


PROVENANCE = ("as_of", "seed", "git_commit", "git_dirty", "data_digest", "schema_digest", "lock_digest", "python")
RECALIBRATED = ("recalibrated_as_of", "recalibrated_from")  # of a version that is an earlier one's trees


def unmeasured(version: int, training: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """The card of a candidate without valid probabilities: there is nothing to claim."""
    said = verdict(report)
    return (
        f"# Model card: {NAME}, version {version}\n\nThe gate **{said['verdict']}** it. {said['reasons']}\n\n"
        f"## Where it comes from\n\n{provenance(training)}\n"
    )


def verdict(report: Mapping[str, Any]) -> dict[str, str]:
    """What the gate said, and why."""
    objections = list(dict.fromkeys(each["objection"] for each in report["checks"] if each["objection"]))
    met = [f"All {len(report['checks'])} criteria are met"] if not objections else []
    return {
        "verdict": "passed" if report["passed"] else "refused",
        "reasons": " ".join(f"{each}." for each in [*objections, *met, *uncompared(report)]),
    }


def uncompared(report: Mapping[str, Any]) -> list[str]:
    """That it was taken without the comparison with the champion, if it was, and why."""
    traits = report["traits"]
    if not (traits["champion_unloadable"] and traits["replace_champion"]):
        return []
    why = traits["champion_unloadable"]
    return [
        f"By REPLACE_CHAMPION it was not compared with champion {report['champion']}, which cannot be loaded ({why})"
    ]


def provenance(training: Mapping[str, Any]) -> str:
    """Everything that decided what the model became."""
    keys = [*PROVENANCE, *(key for key in RECALIBRATED if key in training)]
    return "\n".join(f"- {key}: `{training[key]}`" for key in keys)


def failures(report: Mapping[str, Any], ours: Mapping[str, float]) -> str:
    """The known ways to be wrong: those that are declared, and those that were measured."""
    weakest = min(report["slices"], key=lambda each: float(each["figures"]["roc_auc"]["value"]))
    errors = {feed: figures["calibration_error"] for feed, figures in report["silent"].items()}
    worst = max(errors, key=errors.__getitem__)
    measured = MEASURED_FAILURES.format(
        wrong_alerts=1 - ours["precision_at_budget"],
        weakest=f"{weakest['kind']} {weakest['name']}",
        weakest_auc=weakest["figures"]["roc_auc"]["value"],
        calibration=ours["calibration_error"],
        worst=worst,
        silent_error=errors[worst],
    )
    return "\n".join([measured, *(f"- {each}" for each in dataset.FAILURES)])


def table(models: Mapping[str, Mapping[str, Mapping[str, float]]], head: str = "model", digits: int = 3) -> str:
    """Models by metrics, as a Markdown table."""
    names = list(next(iter(models.values())))
    lines = [[model, *(cell(figures[name], digits) for name in names)] for model, figures in models.items()]
    return markdown([head, *names], lines)


def slice_table(slices: Sequence[Mapping[str, Any]]) -> str:
    """Slices by figures."""
    gains = [f"{name}, margin over the champion" for name in slices[0]["margins"]]
    lines = [
        [
            f"{each['kind']} {each['name']}",
            f"{each['rows']:,}",
            f"{each['positive']:.1%}",
            *(cell(figure) for kind in ("figures", "margins") for figure in each[kind].values()),
        ]
        for each in slices
    ]
    return markdown(["slice", ROWS, POSITIVE, *slices[0]["figures"], *gains], lines)


def recalibration_table(record: Mapping[str, Any]) -> str:
    """What each way of recalibration gained, and where."""
    every = {f"{name}, validation": gains for name, gains in record["gains_on_validation"].items()}
    every["platt, holdout"] = record["platt_on_holdout"]
    return table(every, "recalibration", 4)


def spoiled_table(head: str, spoiled: Mapping[str, Mapping[str, float]], ours: Mapping[str, float]) -> str:
    """The candidate's figures with each feed silent, or with something sent wrong."""
    names = list(next(iter(spoiled.values())))
    every = {"none": ours} | dict(spoiled)
    return markdown([head, *names], [[what, *(f"{each[name]:.3f}" for name in names)] for what, each in every.items()])


def data_table(parts: Mapping[str, Mapping[str, Any]]) -> str:
    """Reach, size and share of positive rows of each part."""
    lines = [
        [name, each["first"][:10], each["last"][:10], f"{each['rows']:,}", f"{each['late']:.1%}"]
        for name, each in parts.items()
    ]
    return markdown(["part", "first day", "last day", ROWS, POSITIVE], lines)


def label_audit(found: Mapping[str, Any] | None) -> str:
    """What the audit of the recorded outcomes found, if it was made."""
    if found is None:
        return "The recorded outcomes were not audited when this card was made: `make labels` does it."
    rules = "; ".join(f"{rule}: {count:,}" for rule, count in found["by_rule"].items())
    trial = found["trials"][found["winner"]]
    return (
        f"Label audit: {found['suspects']:,} of {found['flights']:,} recorded outcomes are doubtful ({rules}). Of "
        f"planted mistakes it finds {trial['recall']:.0%} at a precision of {trial['precision']:.0%}. Doubtful ones "
        "stay in training: nobody knows which of their cells is wrong."
    )


def way_back(champion: int | None) -> str:
    """Which version a rollback would bring back."""
    return "no version served before this one" if champion is None else f"version {champion} served before this one"


def cell(figure: Mapping[str, float], digits: int = 3) -> str:
    """A value with its interval."""
    return f"{figure['value']:.{digits}f} [{figure['low']:.{digits}f}, {figure['high']:.{digits}f}]"


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
