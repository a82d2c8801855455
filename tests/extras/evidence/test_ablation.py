"""A feature earns its place by what is lost without it; a random one and a dear one are refused."""

import dataclasses
from contextlib import nullcontext

import numpy as np
import pytest

from extras.evidence import ablation, workers
from flights.artifacts import read_json
from flights.config import Settings
from flights.contract import as_arrays
from flights.feature_set import plan

pytestmark = pytest.mark.exhibit

RANDOM = "distance"  # made random; a column more would not fit the model's constraints


@pytest.fixture
def given(split_data):
    """What a few flights offer, with a planted column that is nothing but noise."""
    folder = Settings(data_dir=split_data).splits_dir
    real = ablation.material(folder, 4, seed=0)
    noise = np.random.default_rng(0).normal(size=len(real.X_train) + len(real.X_valid))
    X_train = real.X_train.assign(**{RANDOM: noise[: len(real.X_train)]})
    return dataclasses.replace(real, X_train=X_train, X_valid=real.X_valid.assign(**{RANDOM: noise[len(X_train) :]}))


@pytest.mark.ml_test_score(
    "D2",
    injects="Nothing is lost without the planted column, nor when it is shuffled: on a sample, it ends with an error",
)
def test_a_random_column_is_refused_and_a_useful_feature_is_not(given, split_data, monkeypatch):
    """Nothing is lost without the planted column, nor when it is shuffled: on a sample, it ends with an error."""
    monkeypatch.setattr(ablation, "SEEDS", 6)
    monkeypatch.setattr(
        ablation, "plan", lambda: [each for each in plan() if each[0] in (RANDOM, "schedule_shortfall")]
    )
    monkeypatch.setattr(ablation, "material", lambda *_: given)
    monkeypatch.setattr(ablation, "MAX_BYTES", 1000.0)  # among two features, no column is shared
    monkeypatch.setattr(workers, "WORKERS", 1)
    monkeypatch.setattr(ablation, "MAX_MICROSECONDS", 1000.0)  # a busy machine is none of its business
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["features", "--every", "4"])
    with pytest.raises(SystemExit) as refusal:
        ablation.main()
    assert str(refusal.value).startswith(f"{RANDOM} is rejected: no use on one flight in 4: run EVERY=1")
    assert "schedule_shortfall" not in str(refusal.value)
    places = {each["name"]: each for each in read_json(split_data / "5_reports" / "features.json", "")["features"]}
    assert places["schedule_shortfall"]["shuffled"] > 5 * abs(places[RANDOM]["shuffled"])


def test_seeds_that_agree_by_luck_are_not_believed():
    """Planted: two seeds with the same area; the noise is not taken for none."""
    assert ablation.seed_noise(areas_like([0.75, 0.75], [0.75, 0.75], 0.0)) == ablation.MIN_NOISE


def areas_like(whole: list[float], without: list[float], shuffled: float) -> dict:
    """Measured areas of two seeds, made up."""
    pairs = zip(whole, without, strict=True)
    found = {}
    for seed, (all_of_it, less) in enumerate(pairs):
        found[ablation.Task(seed, (), True)] = {"": all_of_it, "one": all_of_it - shuffled}
        found[ablation.Task(seed, ("one",))] = {"": less}
    return found


@pytest.mark.ml_test_score(
    "D3", injects="Lost without it, only when shuffled, neither, better without it, over either budget"
)
@pytest.mark.parametrize(
    ("without", "shuffled", "microseconds", "size", "verdict"),
    [
        ([0.70, 0.701], 0.05, 1.0, 10.0, "earns its place"),
        ([0.75, 0.751], 0.05, 1.0, 10.0, "shares its place"),
        ([0.75, 0.751], 0.0005, 1.0, 10.0, "rejected: no use"),
        ([0.77, 0.771], 0.0, 1.0, 10.0, "rejected: no use"),
        ([0.70, 0.701], 0.05, 11.0, 10.0, "rejected: too expensive"),
        ([0.70, 0.701], 0.05, 1.0, 51.0, "rejected: too expensive"),
    ],
)
def test_the_verdict(without, shuffled, microseconds, size, verdict, monkeypatch):
    """Lost without it, only when shuffled, neither, better without it, over either budget."""
    monkeypatch.setattr(ablation, "SEEDS", 2)
    areas = areas_like([0.75, 0.751], without, shuffled)
    noise = ablation.seed_noise(areas)
    assert noise == pytest.approx(0.001 / np.sqrt(2))
    assert ablation.worth_of("one", areas, noise, microseconds, size).verdict == verdict


def test_a_listed_feature_stays_without_proof_and_any_other_is_refused(monkeypatch):
    """The same figures: on the list it is a finding, off it a refusal; no listed one is excused from its cost."""
    monkeypatch.setattr(ablation, "SEEDS", 2)
    areas = areas_like([0.75, 0.751], [0.75, 0.751], 0.0)
    assert ablation.worth_of("one", areas, 0.001, 1.0, 10.0).verdict == "rejected: no use"
    monkeypatch.setattr(ablation, "UNPROVEN", ("one",))
    assert ablation.worth_of("one", areas, 0.001, 1.0, 10.0).verdict == "no use found"
    assert ablation.worth_of("one", areas, 0.001, 11.0, 10.0).verdict == "rejected: too expensive"


def test_the_list_is_of_features():
    """None is listed twice, or is none; more than half have their proof."""
    assert set(ablation.UNPROVEN) <= {name for name, *_ in plan()}
    assert len(set(ablation.UNPROVEN)) == len(ablation.UNPROVEN) < len(plan()) / 2


PROOFS = {name: 0.0 if name in ablation.UNPROVEN else 0.05 for name, *_ in plan()}  # lost without each


@pytest.mark.ml_test_score(
    "D2", injects="a feature without use that nobody argued for; and on all rows, a listed one that has found its proof"
)
@pytest.mark.parametrize(
    ("change", "every", "said"),
    [
        ({}, "1", None),
        ({"distance": 0.0}, "1", "distance is rejected: no use: take it out of FEATURES, or argue for it in UNPROVEN"),
        ({"seats": 0.05}, "1", "seats earns its place: take it off UNPROVEN"),
        ({"seats": 0.05}, "8", None),
        ({"distance": 0.0, "seats": 0.05}, "8", "^distance is rejected: no use on one flight in 8: [^\n]*$"),
    ],
)
def test_a_useless_feature_that_is_not_listed_ends_the_command(split_data, monkeypatch, change, every, said):
    """Planted: a feature without use that nobody argued for; and on all rows, a listed one that has found its proof."""
    lost = PROOFS | change

    def areas(task: ablation.Task, _: ablation.Material) -> dict[str, float]:
        whole = 0.75 - max((lost[name] for name in task.without), default=0)
        return {"": whole, **({name: whole - each for name, each in lost.items()} if task.shuffle else {})}

    monkeypatch.setattr(ablation, "areas", areas)
    monkeypatch.setattr(ablation, "MAX_MICROSECONDS", 1000.0)  # a busy machine is none of its business
    monkeypatch.setattr(workers, "WORKERS", 1)
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["features", "--every", every])
    with pytest.raises(SystemExit, match=said) if said else nullcontext():
        ablation.main()


@pytest.mark.ml_test_score("D3")
def test_every_feature_is_within_the_budget(split_data):
    """No feature of ours takes more CPU time or more of a request than one may."""
    sample = as_arrays(workers.sampled_part(Settings(data_dir=split_data).splits_dir, "validation", 40))
    costs = {name: ablation.costs(name, sample) for name, *_ in plan()}
    assert all(time < ablation.MAX_MICROSECONDS and size < ablation.MAX_BYTES for time, size in costs.values())
    assert costs["minute_of_day"][0] > costs["temperature"][0]  # a computation, and a value passed on
    assert costs["minute_of_day"][1] == 0  # the day of the week needs the departure too


def test_a_dropped_feature_says_nothing(given):
    """It is the same for every flight; the others are untouched."""
    left = ablation.dropped(given.X_train, ("carrier", "seats"))
    assert left[["carrier", "seats"]].nunique().tolist() == [1, 1]
    others = given.X_train.columns.difference(["carrier", "seats"])
    assert left[others].equals(given.X_train[others])


@pytest.mark.ml_test_score("D2")
@pytest.mark.heavy
def test_the_command(split_data, monkeypatch, capsys):
    """Every feature has a verdict, a cost and a worth, as table and as JSON; what is refused ends it with an error."""
    monkeypatch.setattr(ablation, "SEEDS", 2)
    monkeypatch.setattr(workers, "WORKERS", 1)
    monkeypatch.setenv("DATA_DIR", str(split_data))
    monkeypatch.setattr("sys.argv", ["features", "--every", "8"])
    said = ""
    try:
        ablation.main()
    except SystemExit as refusal:  # on a sixty-fourth of the rows chance has a part
        said = str(refusal)
    report = read_json(split_data / "5_reports" / "features.json", "")
    refused = [each["name"] for each in report["features"] if each["verdict"] in ablation.REJECTED]
    assert [line.split()[0] for line in said.splitlines()] == refused
    assert [each["name"] for each in report["features"]] == [name for name, *_ in plan()]
    assert {each["verdict"] for each in report["features"]} <= set(ablation.VERDICTS)
    assert set(report["together"]) == {"weather", "network", "aircraft", "what shows no use"}
    assert "Lost without all of: weather" in " ".join(capsys.readouterr().out.split())
