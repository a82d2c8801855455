"""The model card's tables, as Markdown."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from flights.dataset import POSITIVE, ROWS, ZONE
from pipelines.step import interval_text


def table(models: Mapping[str, Mapping[str, Mapping[str, float]]], head: str = "model", digits: int = 3) -> str:
    """Models by metrics, as a Markdown table."""
    names = list(next(iter(models.values())))
    lines = [[model, *(interval_text(figures[name], digits) for name in names)] for model, figures in models.items()]
    return markdown([head, *names], lines)


def slice_table(slices: Sequence[Mapping[str, Any]]) -> str:
    """Slices by figures."""
    if not slices:
        return "No part of the holdout has enough rows of both classes to be measured."
    gains = [f"{name}, margin over the champion" for name in slices[0]["margins"]]
    lines = [
        [
            f"{each['kind']} {each['name']}",
            f"{each['rows']:,}",
            f"{each['positive']:.1%}",
            *(interval_text(figure) for kind in ("figures", "margins") for figure in each[kind].values()),
        ]
        for each in slices
    ]
    return markdown(["slice", ROWS, POSITIVE, *slices[0]["figures"], *gains], lines)


def recalibration_table(record: Mapping[str, Any]) -> str:
    """What recalibration gained, and where."""
    gains = {"on validation": record["gains_on_validation"], "on the holdout": record["gains_on_holdout"]}
    return table(gains, "recalibration", 4)


def degraded_table(head: str, degraded: Mapping[str, Mapping[str, float]], ours: Mapping[str, float]) -> str:
    """The candidate's metrics with each feed missing, or with wrong inputs."""
    if not degraded:
        return "None is declared."
    names = list(next(iter(degraded.values())))
    every = {"none": ours} | dict(degraded)
    return markdown([head, *names], [[what, *(f"{each[name]:.3f}" for name in names)] for what, each in every.items()])


def data_table(parts: Mapping[str, Mapping[str, Any]], training: Mapping[str, Any]) -> str:
    """Reach, size and share of positive rows of each part, and the age of the training data on the first live day."""
    lines = [
        [name, local_day(each["first"]), local_day(each["last"]), f"{each['rows']:,}", f"{each['late']:.1%}"]
        for name, each in parts.items()
    ]
    as_of, newest = training["as_of"], parts["validation" if training.get("refit") else "train"]["last"]
    age = (date.fromisoformat(as_of) - date.fromisoformat(local_day(newest))).days
    described = markdown(["part", "first day", "last day", ROWS, POSITIVE], lines)
    return f"{described}\n\nOn {as_of}, the first live day, the newest {ROWS} to train on are {age} days old."


def local_day(moment: str) -> str:
    """The day of a moment in the data's time zone: the last hours of a day are the next day in UTC."""
    return f"{pd.Timestamp(moment).tz_convert(ZONE):%F}"


def label_audit(found: Mapping[str, Any] | None) -> str:
    """Result of the label audit, if it was run."""
    if found is None:
        return "The recorded outcomes were not audited when this card was made: run `make labels`."
    rules = "; ".join(f"{rule}: {count:,}" for rule, count in found["by_rule"].items())
    trial = found["trials"][found["winner"]]
    return (
        f"Label audit: {found['suspects']:,} of {found['flights']:,} recorded outcomes are suspect ({rules}). Of "
        f"planted mistakes it finds {trial['recall']:.0%} at a precision of {trial['precision']:.0%}. Suspect ones "
        "stay in training: which of their cells is wrong is not known."
    )


def markdown(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
