"""Each named fault is planted into real traffic, and a guard notices it, or none does: found by running them."""

from dataclasses import replace

import numpy as np
import pytest

from extras.drills import faults as drills
from extras.drills import stress
from flights import model, registry
from flights.artifacts import read_json, read_parquet
from flights.dataset import INPUTS, KEY, targets
from flights.evaluation import metrics
from flights.features import CATEGORIES
from flights.ranking import rank
from monitoring.view import serving_model
from pipelines.rows import features_of

pytestmark = pytest.mark.exhibit


@pytest.fixture(scope="module")
def world(trained, environment):
    """Clean traffic, the champion, its reference."""
    environment.setenv("DATA_DIR", str(trained))
    live = read_parquet(next((trained / "2_splits").glob("*/live.parquet")), "")
    found = serving_model(trained / "3_models")
    return stress.clean_traffic(live), registry.load(trained / "3_models", found.version), found.reference


@pytest.fixture(scope="module")
def clean(world):
    """What the guards say when nothing is wrong."""
    return stress.stressed("none", *world, set(), 1)


def run(world, clean, fault):
    return stress.stressed(fault, *world, set(clean.said), 1)


def test_every_named_fault_is_there():
    """Feeds, units, clocks, columns, categories, labels, and noise on each number."""
    assert set(stress.FAULTS) >= set(GUARDS)
    assert {f"noise on {column.name}" for column in INPUTS if column.kind == "number"} <= set(stress.FAULTS)


GUARDS = {
    "weather feed down": "feeds",
    "weather feed frozen for a day": "feeds",
    "temperature in Celsius": "feeds",
    "local hour as UTC": "drift",
    "temperature and humidity swapped": "feeds",
    "unseen carrier": "contract",
    "unseen destination": "none",
    "no tail numbers": "feeds",
    "10 % of labels flipped": "performance",
}


@pytest.mark.parametrize(("fault", "guard"), GUARDS.items())
def test_the_first_guard_that_notices(world, clean, fault, guard):
    """Each named fault has its guard; only a destination that nobody knew is no fault to any of them."""
    found = run(world, clean, fault)
    assert (found.guard, stress.failures([found])) == (guard, [])


@pytest.mark.heavy
@pytest.mark.parametrize("name", stress.NOISY)
def test_noise_is_noticed_or_does_little(world, clean, name):
    """On each number: a guard sees it, or the ranking stays within 0.02 of what it is without."""
    noisy = run(world, clean, f"noise on {name}")
    assert noisy.guard != "none" or noisy.figures["roc_auc"] > clean.figures["roc_auc"] - 0.02


def test_a_handful_of_refused_rows_is_no_guard(world, clean):
    """Planted: so few rows are refused that the fault goes through. The contract is not credited with it."""
    few = run(world, clean, "noise on departures_planned")
    assert 0 < few.rejected < stress.MIN_REJECTED
    assert few.guard != "contract"


def test_a_model_that_is_worse_than_the_fallback_ends_the_command(world, clean, monkeypatch):
    """Planted: everything that the model knows beyond carrier and hour is noise; and a promise that is not kept."""

    def chaos(flights, outcomes, random):
        order = random.permutation(len(flights))
        names = [column.name for column in INPUTS if column.kind == "number"]
        return flights.assign(**{name: flights[name].to_numpy()[order] for name in names}), outcomes

    monkeypatch.setitem(stress.FAULTS, "chaos", chaos)
    said = stress.failures([clean, run(world, clean, "chaos")])
    assert said
    assert all(each.startswith("chaos: ") for each in said)
    noise = replace(clean, fault="noise on distance", guard="none", figures=clean.figures | {"brier": 0.9})
    assert stress.failures([noise])[0].startswith("noise on distance: brier is 0.900, expected below the heuristic's")
    assert stress.failures([replace(noise, guard="contract")]) == []
    monkeypatch.setitem(stress.EXPECTED, "none", clean.figures["calibration_error"] / 2)
    assert "none: calibration_error is" in stress.failures([clean])[0]


def test_weather_gone_is_seen_and_does_little(world, clean):
    """The feeds' guard sees it; ranking falls a little, and the calibration error stays under 0.06."""
    down = run(world, clean, "weather feed down")
    assert down.guard == "feeds"
    assert down.figures["calibration_error"] < 0.06
    assert clean.figures["roc_auc"] - 0.06 < down.figures["roc_auc"] < clean.figures["roc_auc"]


def test_a_naive_model_takes_silence_for_weather(world, trained):
    """Planted: trees that saw the weather feed silent only in storms. With it down they expect one everywhere."""
    (flights, outcomes), *_ = world
    rows = flights.merge(outcomes, on=KEY)
    train = read_parquet(next((trained / "2_splits").glob("*/train.parquet")), "")
    train = train[train["arrival_delay"].notna()]
    weather = [column.name for column in INPUTS if column.feed == "weather"]
    names = [*CATEGORIES, "minute_of_day", "weekday", "distance", "scheduled_minutes", *weather]
    storm = (targets(train) == 1) & (np.random.default_rng(0).random(len(train)) < 0.2)
    train.loc[storm, weather] = np.nan
    naive = model.build_model(model.CANDIDATE, 1).set_params(trees__monotonic_cst=None)
    naive.fit(features_of(train)[names], targets(train))
    silent, _ = drills.feed_down(rows, outcomes, np.random.default_rng(0))
    answers = [naive.predict_proba(features_of(each)[names])[:, 1] for each in (rows, silent)]
    before, after = (metrics(rank(targets(rows), each))["calibration_error"] for each in answers)
    assert before < 0.15
    assert after > 0.3


def test_an_unseen_carrier_is_refused_by_the_contract(world, clean):
    """A tenth of the rows after the fault begins, and none before."""
    new = run(world, clean, "unseen carrier")
    assert new.guard == "contract"
    assert new.rejected == pytest.approx(0.1, abs=0.03)


def test_an_unseen_destination_is_let_through(world, clean):
    """The contract allows it, and the model takes it for an average place: little is lost."""
    moved = run(world, clean, "unseen destination")
    assert moved.rejected == 0
    assert moved.figures["roc_auc"] == pytest.approx(clean.figures["roc_auc"], abs=0.02)


def test_noise_that_nobody_uses_does_nothing(world, clean):
    """A column that is no feature can be noise without any effect on the figures."""
    noisy = run(world, clean, "noise on previous_leg_delay")
    assert noisy.figures["roc_auc"] == pytest.approx(clean.figures["roc_auc"], abs=0.02)


def test_the_table_is_left_behind(world, clean, trained, monkeypatch, tmp_path, capsys):
    """`make stress` prints the table and leaves it for machines."""
    monkeypatch.setattr(stress, "FAULTS", {"unseen carrier": stress.FAULTS["unseen carrier"]})
    monkeypatch.setattr(stress, "write_json", lambda path, content: write_there(tmp_path, content))
    monkeypatch.setenv("DATA_DIR", str(trained))
    stress.main()
    monkeypatch.setitem(stress.EXPECTED, "unseen carrier", 0.0)  # planted: a promise that nothing can keep
    with pytest.raises(SystemExit, match="unseen carrier: calibration_error is"):
        stress.main()
    found = read_json(tmp_path / "stress.json", "")["faults"]
    assert [each["fault"] for each in found] == ["none", "unseen carrier"]
    assert "contract" in capsys.readouterr().out


def write_there(folder, content):
    from flights.artifacts import write_json

    return write_json(folder / "stress.json", content)
