"""The gate gallery: candidates that are bad on purpose, each with the criterion that refuses it, and good ones.

An exhibit takes what evaluation gathered about the newest candidate and spoils one thing for real: a model is fitted to
shuffled labels, on the holdout, or with a column that knows the outcome; a file of a copy of the candidate is damaged
and read again as evaluation reads it. Each is then published into a copy of the registry, and asks to be promoted.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from flights import model, portable, registry
from flights.artifacts import new_folder, read_json, sha256, write_json
from flights.columns import Columns
from flights.config import NAME, Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, KEY, LOCATION, OUTCOMES, targets
from flights.files import GATE_FILE, GOLDEN_FILE, TRAIN_FIRST, TRAINING_FILE
from flights.model_files import write_manifest
from flights.ranking import Vector
from flights.signature import sign
from pipelines import calibration, evaluate, holdout
from pipelines.evaluate import CHAMPION, Answers, Case
from pipelines.gate import SLOWEST_ROW_MS
from pipelines.slices import FEWEST
from pipelines.split import labelled
from pipelines.train import features_of

EVERY = 4  # of the rows one is enough to show a fault
LEAK = next(column.name for column in OUTCOMES if column.kind == "number")


@dataclass(frozen=True)
class Hall:
    """What exhibits are made of: the honest case and its folder, rows to learn from, and the settings."""

    honest: Case
    folder: Path
    train: pd.DataFrame
    settings: Settings

    @property
    def seed(self) -> int:
        """Seed of everything random."""
        return self.settings.seed


@dataclass(frozen=True)
class Verdict:
    """What the gate said of an exhibit, and what it should have said; nothing means: let it pass."""

    name: str
    what: str
    expected: str
    refused_by: tuple[str, ...]
    promoted: bool  # in a copy of the registry

    @property
    def right(self) -> bool:
        """Whether a bad one was refused for its own reason and is no champion, a good one let through and is."""
        refused = self.expected in self.refused_by if self.expected else bool(self.refused_by)
        return refused == bool(self.expected) and self.promoted != bool(self.expected)


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
    print(
        f"gallery   {len(BAD)} bad candidates, {len(GOOD)} good ones, each published into a copy of the registry: "
        f"{sum(each.promoted for each in verdicts)} became champion there; champion {version}, as before: {unchanged}"
    )
    if wrong or not unchanged:
        sys.exit(f"the gate is wrong about {', '.join(wrong) or 'nothing, but the champion has changed'}")


def opened(settings: Settings) -> Hall:
    """Gather the newest candidate's case on a part of the holdout, on record."""
    folder = evaluate.candidate_folder(settings)
    rows = holdout.opened(settings, "gallery", folder.name, sha256(folder / TRAINING_FILE))
    case = evaluate.gathered(settings, folder, rows.iloc[::EVERY].reset_index(drop=True))
    answers = {name: answer for name, answer in case.answers.items() if name != CHAMPION}
    honest = with_traits(replace(case, champion=None, answers=answers), champion_unloadable="")
    return Hall(honest, folder, labelled(settings, "train")[::EVERY], settings)


def judged(hall: Hall, name: str, exhibit: Exhibit, expected: str) -> Verdict:
    """Ask the gate about one exhibit."""
    case = exhibit(hall)
    report = evaluate.evaluation(case, evaluate.measurements(case))
    refused_by = tuple(check["name"] for check in report["checks"] if check["objection"])
    return Verdict(name, (exhibit.__doc__ or "").splitlines()[0], expected, refused_by, promoted(hall, report))


def promoted(hall: Hall, report: Mapping[str, Any]) -> bool:
    """Whether a version with this report becomes champion: tried in a copy of the registry, with its history."""
    models = hall.settings.models_dir
    before = registry.champion(models)
    version = (before or 0) + 1
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary)
        if before is not None:
            shutil.copytree(models / NAME / "history", copy / NAME / "history")
        with new_folder(registry.model_folder(copy, version)) as folder:
            for file in (portable.TREES, portable.TABLES, GOLDEN_FILE):
                shutil.copy(hall.folder / file, folder)
            digest = sha256(folder / portable.TREES)
            write_json(folder / GATE_FILE, {**report, "model_digest": digest})
            manifest = write_manifest(folder, version, hall.honest.training)
            if hall.settings.model_signing_key:
                sign(manifest, hall.settings.model_signing_key)
        try:
            registry.promote(copy, version, expected=before)
        except registry.PromotionRefused:
            return False
        return registry.champion(copy) == version


def answering(case: Case, probabilities: Vector) -> Case:
    """The case of a candidate that answers something else."""
    ours = replace(case.answers[model.CANDIDATE], probabilities=probabilities)
    return replace(case, answers={**case.answers, model.CANDIDATE: ours}, plain=probabilities)


def with_traits(case: Case, **traits: Any) -> Case:
    """The case of a candidate with other traits."""
    return replace(case, traits={**case.traits, **traits})


def regathered(hall: Hall, spoil: Callable[[Path], object], *, require_clean_tree: bool = False) -> Case:
    """The case of a candidate whose files were spoiled, as evaluation reads them."""
    rows = hall.honest.rows
    columns = as_arrays(rows)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(hall.folder, Path(temporary) / "candidate"))
        spoil(folder)
        score = portable.load(folder)
        served = score(columns)
        trained = evaluate.fitted(folder, model.CANDIDATE).predict_proba(features_of(rows))[:, 1]
        traits = {
            **evaluate.answering_traits(score, rows, served, trained),
            **evaluate.folder_traits(folder, rows, require_clean_tree),
        }
    return with_traits(answering(hall.honest, served), **traits)


def with_record(folder: Path, **changes: Any) -> None:
    """Change what training left on record."""
    record = folder / TRAINING_FILE
    write_json(record, read_json(record, TRAIN_FIRST) | changes)


def with_tables(folder: Path, change: Callable[[dict[str, float]], dict[str, float]]) -> None:
    """Change the rates of the first category in what is served."""
    content = read_json(folder / portable.TABLES, TRAIN_FIRST)
    name = next(iter(content["tables"]))
    content["tables"][name] = change(content["tables"][name])
    write_json(folder / portable.TABLES, content)


def beside(case: Case, champion: Answers) -> Case:
    """The case of a candidate that has a champion to be compared with."""
    return replace(case, champion=1, answers={**case.answers, CHAMPION: champion})


def ours(hall: Hall) -> Vector:
    """What the honest candidate answers."""
    return hall.honest.answers[model.CANDIDATE].probabilities


def fitted(hall: Hall, rows: pd.DataFrame, truth: Vector, extra: str = "") -> Callable[[pd.DataFrame], Vector]:
    """What a candidate answers that learned from other rows, other labels, or one column more."""

    def view(each: pd.DataFrame) -> pd.DataFrame:
        return features_of(each).assign(**{extra: each[extra].to_numpy()} if extra else {})

    pipeline = model.build_model(model.CANDIDATE, hall.seed)
    pipeline.set_params(trees__monotonic_cst=None).fit(view(rows), truth)
    return lambda asked: np.asarray(pipeline.predict_proba(view(asked))[:, 1])


def noise(hall: Hall, size: float) -> Vector:
    """The honest log-odds, blurred."""
    random = np.random.default_rng(hall.seed)
    odds = calibration.logit(ours(hall))
    return calibration.expit(odds + random.normal(0, size, len(odds)))


def at_one_place(hall: Hall, probabilities: Vector) -> Vector:
    """The honest answers, but other ones at the most frequent place."""
    place = hall.honest.rows[LOCATION]
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
    return answering(hall.honest, fitted(hall, hall.train, truth)(hall.honest.rows))


def leaky(hall: Hall) -> Case:
    """Sees a column that is known only with the outcome."""
    return answering(hall.honest, fitted(hall, hall.train, targets(hall.train), LEAK)(hall.honest.rows))


def trained_on_the_holdout(hall: Hall) -> Case:
    """Learned the rows that it is judged by, under other names."""
    rows = hall.honest.rows
    renamed = rows.assign(**{KEY: rows[KEY] + "9"})
    case = regathered(hall, lambda folder: with_record(folder, **holdout.write_seen(folder, hall.train, renamed)))
    return answering(case, fitted(hall, renamed, hall.honest.truth)(rows))


def random_split(hall: Hall) -> Case:
    """Learned other rows of the days that it is judged by."""
    rows, mixed = hall.honest.rows, np.random.default_rng(hall.seed).random(len(hall.honest.rows)) < 0.5
    answers = fitted(hall, rows[mixed], hall.honest.truth[mixed])(rows)
    apart = replace(hall, honest=part(hall.honest, ~mixed))
    case = regathered(apart, lambda folder: with_record(folder, **holdout.write_seen(folder, rows[mixed])))
    return answering(case, answers[~mixed])


def part(case: Case, kept: Any) -> Case:
    """The case on some of its rows."""
    answers = {name: replace(each, probabilities=each.probabilities[kept]) for name, each in case.answers.items()}
    silent, corrupted = (
        {name: each[kept] for name, each in spoiled.items()} for spoiled in (case.silent, case.corrupted)
    )
    rows = case.rows[kept].reset_index(drop=True)
    return replace(case, rows=rows, answers=answers, plain=case.plain[kept], silent=silent, corrupted=corrupted)


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

    def score(columns: Columns) -> Vector:
        time.sleep(2 * SLOWEST_ROW_MS / 1000)
        return np.zeros(1)

    return with_traits(hall.honest, row_ms=evaluate.row_ms(score, hall.honest.rows.head(3)))


def too_large(hall: Hall) -> Case:
    """Keeps a rate for half a million names that nobody has."""
    names = {f"{number:07}": 0.2 for number in range(500_000)}
    return regathered(hall, lambda folder: with_tables(folder, lambda table: names | table))


def unrepeatable(hall: Hall) -> Case:
    """Rolls dice when it answers."""
    random, score = np.random.default_rng(hall.seed), portable.load(hall.folder)

    def dice(columns: Columns) -> Vector:
        answers = score(columns)
        return np.clip(answers + random.normal(0, 0.01, len(answers)), 0, 1)

    rows = hall.honest.rows
    repeat = evaluate.answering_traits(dice, rows, dice(as_arrays(rows)), ours(hall))["repeat"]
    return with_traits(hall.honest, repeat=repeat)


def unrepeatable_training(hall: Hall) -> Case:
    """Takes another seed each time that it is trained."""
    seeds = iter(range(2))
    rows = hall.train.head(evaluate.RETRAINED_ROWS)
    found = evaluate.retrained(rows, hall.seed, lambda name, _: model.build_model(name, next(seeds)))
    return with_traits(hall.honest, retrained=found)


def not_portable(hall: Hall) -> Case:
    """Was exported with rounded rates: another model serves than was trained."""

    def rounded(table: dict[str, float]) -> dict[str, float]:
        return {name: round(rate, 2) for name, rate in table.items()}

    return regathered(hall, lambda folder: with_tables(folder, rounded))


def other_contract(hall: Hall) -> Case:
    """Was trained when the columns meant something else."""
    return regathered(hall, lambda folder: with_record(folder, schema_digest="0" * 64))


def dirty_tree(hall: Hall) -> Case:
    """Was trained with changes that no commit holds, where REQUIRE_CLEAN_TREE is set."""
    return regathered(hall, lambda folder: with_record(folder, git_dirty=True), require_clean_tree=True)


def no_commit(hall: Hall) -> Case:
    """Was trained where nobody knew the commit, where REQUIRE_CLEAN_TREE is set."""
    return regathered(hall, lambda folder: with_record(folder, git_commit="", git_dirty=False), require_clean_tree=True)


def naive_about_silence(hall: Hall) -> Case:
    """Has known a feed to be silent only when it went badly, and takes silence for that."""
    feed, truth = model.feeds()[-1], targets(hall.train)
    fed = [column.name for column in INPUTS if column.feed == feed]
    storm = (truth == 1) & (np.random.default_rng(hall.seed).random(len(truth)) < 0.2)
    train = hall.train.assign(**{name: hall.train[name].mask(storm) for name in fed})
    silent = hall.honest.rows.assign(
        **{name: hall.honest.rows[name].mask(np.ones(len(hall.honest.rows), bool)) for name in fed}
    )
    naive = fitted(hall, train, truth)
    case = answering(hall.honest, naive(hall.honest.rows))
    return replace(case, silent={**case.silent, feed: naive(silent)})


def nothing_measured(hall: Hall) -> Case:
    """Was judged by too few rows for any slice to be measured."""
    return part(hall.honest, np.arange(len(hall.honest.rows)) < FEWEST)


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
        (unrepeatable_training, "repeatable"),
        (not_portable, "portable"),
        (other_contract, "same_contract"),
        (dirty_tree, "committed"),
        (no_commit, "committed"),
        (naive_about_silence, "silence"),
        (nothing_measured, "slices"),
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
