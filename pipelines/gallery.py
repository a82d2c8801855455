"""The gate gallery: candidates that are bad on purpose, each with the criterion that refuses it, and good ones.

An exhibit takes what evaluation gathered about the newest candidate and spoils one thing, for real where that is quick:
a model is fitted to shuffled labels, on the holdout, or with a column that knows the outcome. Nothing is published.
"""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from flights import model, registry
from flights.artifacts import sha256
from flights.config import Settings
from flights.dataset import OUTCOMES, PLACE, targets
from flights.evaluation import Vector
from pipelines import calibration, evaluate, holdout
from pipelines.evaluate import CHAMPION, Answers, Case
from pipelines.gate import LARGEST_MODEL_MB, SLOWEST_ROW_MS
from pipelines.split import labelled
from pipelines.train import features_of

EVERY = 4  # of the rows one is enough to show a fault
LEAK = next(column.name for column in OUTCOMES if column.kind == "number")


@dataclass(frozen=True)
class Hall:
    """What exhibits are made of: the honest case, rows to learn from, and a seed."""

    honest: Case
    train: pd.DataFrame
    seed: int


@dataclass(frozen=True)
class Verdict:
    """What the gate said of an exhibit, and what it should have said; nothing means: let it pass."""

    name: str
    what: str
    expected: str
    refused_by: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Whether a bad one was refused for its own reason, a good one let through."""
        return self.expected in self.refused_by if self.expected else not self.refused_by


Exhibit = Callable[[Hall], Case]


def main() -> None:
    """Show every exhibit to the gate, and end with an error if it was wrong about one."""
    settings = Settings()
    before = registry.history(settings.models_dir)
    hall = opened(settings)
    shown = track({**GOOD, **BAD}.items(), "gallery", transient=True)
    verdicts = [judged(hall, name, *exhibit) for name, exhibit in shown]
    Console(width=130).print(as_table(verdicts))
    wrong = [each.name for each in verdicts if not each.right]
    unchanged = registry.history(settings.models_dir) == before
    version = registry.champion(settings.models_dir)
    print(f"gallery   {len(BAD)} bad candidates, {len(GOOD)} good ones; champion {version}, as before: {unchanged}")
    if wrong or not unchanged:
        sys.exit(f"the gate is wrong about {', '.join(wrong) or 'nothing, but the champion has changed'}")


def opened(settings: Settings) -> Hall:
    """Gather the newest candidate's case on a part of the holdout, on record."""
    folder = evaluate.candidate_folder(settings)
    rows = holdout.opened(settings, "gallery", folder.name, sha256(folder / "training.json"))
    case = evaluate.gathered(settings, folder, rows.iloc[::EVERY].reset_index(drop=True))
    answers = {name: answer for name, answer in case.answers.items() if name != CHAMPION}
    honest = with_traits(replace(case, champion=None, answers=answers), champion_unloadable="")
    return Hall(honest, labelled(settings, "train")[::EVERY], settings.seed)


def judged(hall: Hall, name: str, exhibit: Exhibit, expected: str) -> Verdict:
    """Ask the gate about one exhibit."""
    case = exhibit(hall)
    report = evaluate.evaluation(case, evaluate.measurements(case))
    refused_by = tuple(check["name"] for check in report["checks"] if check["objection"])
    return Verdict(name, (exhibit.__doc__ or "").splitlines()[0], expected, refused_by)


def answering(case: Case, probabilities: Vector) -> Case:
    """The case of a candidate that answers something else."""
    ours = replace(case.answers[model.CANDIDATE], probabilities=probabilities)
    return replace(case, answers={**case.answers, model.CANDIDATE: ours}, plain=probabilities)


def with_traits(case: Case, **traits: Any) -> Case:
    """The case of a candidate with other traits."""
    return replace(case, traits={**case.traits, **traits})


def beside(case: Case, champion: Answers) -> Case:
    """The case of a candidate that has a champion to be compared with."""
    return replace(case, champion=1, answers={**case.answers, CHAMPION: champion})


def ours(hall: Hall) -> Vector:
    """What the honest candidate answers."""
    return hall.honest.answers[model.CANDIDATE].probabilities


def fitted(hall: Hall, rows: pd.DataFrame, truth: Vector, extra: str = "") -> Vector:
    """What a candidate answers that learned from other rows, other labels, or one column more."""

    def view(each: pd.DataFrame) -> pd.DataFrame:
        return features_of(each).assign(**{extra: each[extra].to_numpy()} if extra else {})

    pipeline = model.build_model(model.CANDIDATE, hall.seed)
    pipeline.set_params(trees__monotonic_cst=None)
    answers: Vector = pipeline.fit(view(rows), truth).predict_proba(view(hall.honest.rows))[:, 1]
    return answers


def noise(hall: Hall, size: float) -> Vector:
    """The honest log-odds, blurred."""
    random = np.random.default_rng(hall.seed)
    odds = calibration.logit(ours(hall))
    return calibration.expit(odds + random.normal(0, size, len(odds)))


def at_one_place(hall: Hall, probabilities: Vector) -> Vector:
    """The honest answers, but other ones at the most frequent place."""
    place = hall.honest.rows[PLACE]
    return np.where(place == place.mode()[0], probabilities, ours(hall))


def constant(hall: Hall) -> Case:
    """Says the same of every row."""
    return answering(hall.honest, np.full(len(hall.honest.rows), float(targets(hall.train).mean())))


def not_finite(hall: Hall) -> Case:
    """Answers NaN now and then."""
    return answering(hall.honest, np.where(np.arange(len(ours(hall))) % 100 == 0, np.nan, ours(hall)))


def shuffled_labels(hall: Hall) -> Case:
    """Learned from labels in another order."""
    truth = np.random.default_rng(hall.seed).permutation(targets(hall.train))
    return answering(hall.honest, fitted(hall, hall.train, truth))


def leaky(hall: Hall) -> Case:
    """Sees a column that is known only with the outcome."""
    return answering(hall.honest, fitted(hall, hall.train, targets(hall.train), LEAK))


def trained_on_the_holdout(hall: Hall) -> Case:
    """Learned the rows that it is judged by, under other names."""
    case = answering(hall.honest, fitted(hall, hall.honest.rows, hall.honest.truth))
    return with_traits(case, rows_seen_in_training=len(hall.honest.rows))


def random_split(hall: Hall) -> Case:
    """Learned other rows of the days that it is judged by."""
    rows, mixed = hall.honest.rows, np.random.default_rng(hall.seed).random(len(hall.honest.rows)) < 0.5
    case = answering(hall.honest, fitted(hall, rows[mixed], hall.honest.truth[mixed]))
    return with_traits(case, days_after_training=-59.0)


def miscalibrated(hall: Hall) -> Case:
    """Ranks as well as ever and says twice the risk."""
    return answering(hall.honest, calibration.expit(calibration.logit(ours(hall)) + 1.2))


def sign_flipped(hall: Hall) -> Case:
    """Gives the probability of the other answer."""
    return answering(hall.honest, 1 - ours(hall))


def heuristic_copy(hall: Hall) -> Case:
    """Is the heuristic under another name."""
    return answering(hall.honest, hall.honest.answers[model.RULE].probabilities)


def simpler_copy(hall: Hall) -> Case:
    """Is no better than the logistic regression."""
    return answering(hall.honest, hall.honest.answers["logistic"].probabilities)


def bad_on_one_slice(hall: Hall) -> Case:
    """Ranks at random at one place, and well elsewhere."""
    random = np.random.default_rng(hall.seed)
    return answering(hall.honest, at_one_place(hall, random.permutation(ours(hall))))


def worse_than_champion(hall: Hall) -> Case:
    """Is a blurred copy of the champion."""
    return beside(answering(hall.honest, noise(hall, 0.7)), hall.honest.answers[model.CANDIDATE])


def worse_on_one_slice(hall: Hall) -> Case:
    """Is the champion, but for one place where it is blurred."""
    return beside(answering(hall.honest, at_one_place(hall, noise(hall, 0.7))), hall.honest.answers[model.CANDIDATE])


def too_slow(hall: Hall) -> Case:
    """Thinks about every row."""

    def score(columns: Mapping[str, Any]) -> Vector:
        time.sleep(2 * SLOWEST_ROW_MS / 1000)
        return np.zeros(1)

    return with_traits(hall.honest, row_ms=evaluate.row_ms(score, hall.honest.rows.head(3)))


def too_large(hall: Hall) -> Case:
    """Would not fit where it is to serve."""
    return with_traits(hall.honest, model_mb=2 * LARGEST_MODEL_MB)


def unrepeatable(hall: Hall) -> Case:
    """Rolls dice."""
    return with_traits(hall.honest, repeat=float(np.max(np.abs(noise(hall, 0.1) - ours(hall)))))


def not_portable(hall: Hall) -> Case:
    """Was exported wrongly: another model serves than was trained."""
    return with_traits(hall.honest, parity=float(np.max(np.abs(np.float32(ours(hall)) - ours(hall)))))


def other_contract(hall: Hall) -> Case:
    """Was trained when the columns meant something else."""
    return with_traits(hall.honest, same_contract=False)


def dirty_tree(hall: Hall) -> Case:
    """Was trained from code that no commit holds, where REQUIRE_CLEAN_TREE is set."""
    return with_traits(hall.honest, uncommitted=True)


def naive_about_silence(hall: Hall) -> Case:
    """Takes a silent feed for a storm."""
    feed, answers = next(iter(hall.honest.silent.items()))
    return replace(hall.honest, silent={**hall.honest.silent, feed: np.clip(answers + 0.3, 0, 1)})


def as_it_is(hall: Hall) -> Case:
    """The newest candidate, without a champion."""
    return hall.honest


def beside_itself(hall: Hall) -> Case:
    """As good as the champion: the same model again."""
    return beside(hall.honest, hall.honest.answers[model.CANDIDATE])


def beside_a_weaker_one(hall: Hall) -> Case:
    """Better than its champion, the logistic regression."""
    return beside(hall.honest, hall.honest.answers["logistic"])


GOOD: dict[str, tuple[Exhibit, str]] = {
    exhibit.__name__.replace("_", " "): (exhibit, "") for exhibit in (as_it_is, beside_itself, beside_a_weaker_one)
}
BAD: dict[str, tuple[Exhibit, str]] = {
    exhibit.__name__.replace("_", " "): (exhibit, criterion)
    for exhibit, criterion in (
        (constant, "beats_heuristic"),
        (not_finite, "valid"),
        (shuffled_labels, "beats_heuristic"),
        (leaky, "not_too_good"),
        (trained_on_the_holdout, "clean_holdout"),
        (random_split, "clean_holdout"),
        (miscalibrated, "calibrated"),
        (sign_flipped, "beats_heuristic"),
        (heuristic_copy, "beats_heuristic"),
        (simpler_copy, "worth_it"),
        (bad_on_one_slice, "slices"),
        (worse_than_champion, "champion"),
        (worse_on_one_slice, "slices_champion"),
        (too_slow, "fast"),
        (too_large, "small"),
        (unrepeatable, "repeatable"),
        (not_portable, "portable"),
        (other_contract, "same_contract"),
        (dirty_tree, "committed"),
        (naive_about_silence, "silence"),
    )
}


def as_table(verdicts: list[Verdict]) -> Table:
    """The gallery for a terminal."""
    table = Table(title="What the gate says of candidates that are good, and bad on purpose")
    for heading in ("candidate", "what is planted", "refused by", "right"):
        table.add_column(heading)
    for each in verdicts:
        refused = ", ".join(sorted(each.refused_by, key=lambda name: name != each.expected)) or "nobody: it may serve"
        table.add_row(each.name, each.what, refused, "yes" if each.right else "NO")
    return table


if __name__ == "__main__":
    main()
