"""The candidates of the gate self-test: bad in one way each, with the criterion that must block it, and good ones."""

import time
from dataclasses import replace

import numpy as np

from extras.evidence.gate_fixture import (
    LEAK,
    Fixture,
    at_one_place,
    good_scores,
    named,
    noisy,
    reread,
    trained_on,
    with_champion,
    with_measured,
    with_probabilities,
    with_properties,
    with_record,
    with_rows,
    with_tables,
)
from flights import model, portable
from flights.columns import Columns
from flights.contract import as_arrays
from flights.dataset import INPUTS, KEY, targets
from flights.ranking import Vector
from pipelines import check
from pipelines.evaluation.inputs import EvaluationInputs
from pipelines.training.recalibration import expit, logit

SLOW_SECONDS = 0.05  # to score one row
FEW_ROWS = 50  # too few for any slice


def constant(fixture: Fixture) -> EvaluationInputs:
    """Gives the same probability for every row."""
    return with_probabilities(fixture.good, np.full(len(fixture.good.rows), float(targets(fixture.train).mean())))


def not_finite(fixture: Fixture) -> EvaluationInputs:
    """Returns NaN for one row in 100."""
    return with_probabilities(
        fixture.good, np.where(np.arange(len(good_scores(fixture))) % 100 == 0, np.nan, good_scores(fixture))
    )


def shuffled_labels(fixture: Fixture) -> EvaluationInputs:
    """Trained on shuffled labels."""
    y_train = np.random.default_rng(fixture.seed).permutation(targets(fixture.train))
    return with_probabilities(fixture.good, trained_on(fixture, fixture.train, y_train)(fixture.good.rows))


def leaky(fixture: Fixture) -> EvaluationInputs:
    """Trained with a column that is known only with the outcome."""
    return with_probabilities(
        fixture.good, trained_on(fixture, fixture.train, targets(fixture.train), LEAK)(fixture.good.rows)
    )


def trained_on_the_holdout(fixture: Fixture) -> EvaluationInputs:
    """Trained on the holdout's rows under other keys."""
    rows = fixture.good.rows
    renamed = rows.assign(**{KEY: rows[KEY] + "9"})
    inputs = reread(fixture, lambda folder: with_record(folder, **check.record(folder, fixture.train, renamed)))
    return with_probabilities(inputs, trained_on(fixture, renamed, fixture.good.y_true)(rows))


def random_split(fixture: Fixture) -> EvaluationInputs:
    """Trained on other rows of the holdout's days."""
    rows, trained_rows = fixture.good.rows, np.random.default_rng(fixture.seed).random(len(fixture.good.rows)) < 0.5
    probabilities = trained_on(fixture, rows[trained_rows], fixture.good.y_true[trained_rows])(rows)
    rest = replace(fixture, good=with_rows(fixture.good, ~trained_rows))
    inputs = reread(rest, lambda folder: with_record(folder, **check.record(folder, rows[trained_rows])))
    return with_probabilities(inputs, probabilities[~trained_rows])


def miscalibrated(fixture: Fixture) -> EvaluationInputs:
    """Ranks as well, but its probabilities are about twice too high."""
    return with_probabilities(fixture.good, expit(logit(good_scores(fixture)) + 1.2))


def sign_flipped(fixture: Fixture) -> EvaluationInputs:
    """Returns the probability of the other outcome."""
    return with_probabilities(fixture.good, 1 - good_scores(fixture))


def heuristic_copy(fixture: Fixture) -> EvaluationInputs:
    """Is the heuristic under another name."""
    return with_probabilities(fixture.good, fixture.good.scores[model.RULE].probabilities)


def simpler_copy(fixture: Fixture) -> EvaluationInputs:
    """Is no better than the logistic regression."""
    return with_probabilities(fixture.good, fixture.good.scores["logistic"].probabilities)


def bad_on_one_slice(fixture: Fixture) -> EvaluationInputs:
    """Ranks at random at one place, and well elsewhere."""
    random = np.random.default_rng(fixture.seed)
    return with_probabilities(fixture.good, at_one_place(fixture, random.permutation(good_scores(fixture))))


def worse_than_champion(fixture: Fixture) -> EvaluationInputs:
    """Is a noisy copy of the champion."""
    return with_champion(with_probabilities(fixture.good, noisy(fixture, 0.7)), fixture.good.scores[model.CANDIDATE])


def worse_on_one_slice(fixture: Fixture) -> EvaluationInputs:
    """Is the champion, but noisy at one place."""
    return with_champion(
        with_probabilities(fixture.good, at_one_place(fixture, noisy(fixture, 0.7))),
        fixture.good.scores[model.CANDIDATE],
    )


def too_slow(fixture: Fixture) -> EvaluationInputs:
    """Sleeps before it scores a row."""

    def score(columns: Columns) -> Vector:
        time.sleep(SLOW_SECONDS)
        return np.zeros(1)

    return with_measured(fixture.good, "exported", rows=fixture.good.rows.head(3), score=score)


def too_large(fixture: Fixture) -> EvaluationInputs:
    """Has a rate for half a million categories that do not occur."""
    names = {f"{number:07}": 0.2 for number in range(500_000)}
    return reread(fixture, lambda folder: with_tables(folder, lambda table: names | table))


def unrepeatable(fixture: Fixture) -> EvaluationInputs:
    """Adds noise to each probability."""
    random, score = np.random.default_rng(fixture.seed), portable.load(fixture.folder)

    def noisy_score(columns: Columns) -> Vector:
        probabilities = score(columns)
        return np.clip(probabilities + random.normal(0, 0.01, len(probabilities)), 0, 1)

    noisy_inputs = with_probabilities(fixture.good, noisy_score(as_arrays(fixture.good.rows)))
    found = check.properties(replace(noisy_inputs, score=noisy_score), ["repeatability"])
    return with_properties(fixture.good, **found)


def unrepeatable_training(fixture: Fixture) -> EvaluationInputs:
    """Trains with another seed each time."""
    seeds = iter(range(2))
    return with_measured(
        fixture.good, "repeatability", train=fixture.train, build=lambda name, _: model.build_model(name, next(seeds))
    )


def not_portable(fixture: Fixture) -> EvaluationInputs:
    """Was exported with rounded rates: the served model differs from the trained one."""
    return reread(
        fixture,
        lambda folder: with_tables(folder, lambda table: {name: round(rate, 2) for name, rate in table.items()}),
    )


def other_contract(fixture: Fixture) -> EvaluationInputs:
    """Was trained under another data contract."""
    return reread(fixture, lambda folder: with_record(folder, schema_digest="0" * 64))


def dirty_tree(fixture: Fixture) -> EvaluationInputs:
    """Was trained with uncommitted changes, with REQUIRE_CLEAN_TREE."""
    return reread(fixture, lambda folder: with_record(folder, git_dirty=True), require_clean_tree=True)


def no_commit(fixture: Fixture) -> EvaluationInputs:
    """Was trained without a known commit, with REQUIRE_CLEAN_TREE."""
    return reread(fixture, lambda folder: with_record(folder, git_commit="", git_dirty=False), require_clean_tree=True)


def naive_about_missing_feeds(fixture: Fixture) -> EvaluationInputs:
    """Has seen a feed missing only before late flights, and takes a missing feed for that."""
    feed, y_train = model.feeds()[-1], targets(fixture.train)
    columns = [column.name for column in INPUTS if column.feed == feed]
    hidden = (y_train == 1) & (np.random.default_rng(fixture.seed).random(len(y_train)) < 0.2)
    train = fixture.train.assign(**{name: fixture.train[name].mask(hidden) for name in columns})
    rows = fixture.good.rows
    missing = rows.assign(**{name: rows[name].mask(np.ones(len(rows), bool)) for name in columns})
    predict = trained_on(fixture, train, y_train)

    def score(asked: Columns) -> Vector:
        return predict(missing) if np.isnan(asked[columns[0]]).all() else fixture.good.score(asked)

    return replace(with_probabilities(fixture.good, predict(rows)), score=score)


def no_slices(fixture: Fixture) -> EvaluationInputs:
    """Has too few rows to measure any slice."""
    return with_rows(fixture.good, np.arange(len(fixture.good.rows)) < FEW_ROWS)


def as_it_is(fixture: Fixture) -> EvaluationInputs:
    """The newest candidate, without a champion."""
    return fixture.good


def equal_to_champion(fixture: Fixture) -> EvaluationInputs:
    """As good as the champion: the same model again."""
    return with_champion(fixture.good, fixture.good.scores[model.CANDIDATE])


def better_than_champion(fixture: Fixture) -> EvaluationInputs:
    """Better than its champion, the logistic regression."""
    return with_champion(fixture.good, fixture.good.scores["logistic"])


GOOD = named(dict.fromkeys((as_it_is, equal_to_champion, better_than_champion), ""))
BAD = named(
    {
        constant: "beats_heuristic",
        not_finite: "valid",
        shuffled_labels: "beats_heuristic",
        leaky: "not_too_good",
        trained_on_the_holdout: "clean_holdout",
        random_split: "clean_holdout",
        miscalibrated: "calibrated",
        sign_flipped: "beats_heuristic",
        heuristic_copy: "beats_heuristic",
        simpler_copy: "worth_it",
        bad_on_one_slice: "slices",
        worse_than_champion: "champion",
        worse_on_one_slice: "slices_champion",
        too_slow: "fast",
        too_large: "small",
        unrepeatable: "repeatable",
        unrepeatable_training: "repeatable",
        not_portable: "portable",
        other_contract: "same_contract",
        dirty_tree: "committed",
        no_commit: "committed",
        naive_about_missing_feeds: "missing_feeds",
        no_slices: "slices",
    }
)
