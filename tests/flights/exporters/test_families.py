"""Every family answers what its library answers, and what an export could lose is found by the parity check."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler

from flights import portable
from flights.exporters import _encode
from pipelines.training.recalibration import recalibrated
from tests.flights.exporters import families
from tests.flights.exporters.families import FAMILIES, odd, table

FRAME, TARGET = table()


@pytest.fixture(autouse=True)
def without_features(monkeypatch):
    """The columns of a table are its features."""
    monkeypatch.setattr(portable, "build_features", lambda columns: columns)


@pytest.fixture(scope="module")
def fitted():
    """A function that fits each family once."""
    found = {}

    def fit(name):
        if name not in found:
            found[name] = FAMILIES[name]().fit(FRAME, TARGET)
        return found[name]

    return fit


def parity(pipeline, folder, frame):
    """The largest difference on some rows; the parity check fails it above the family's tolerance."""
    ours = portable.load(folder)({name: frame[name].to_numpy() for name in frame})
    return portable.check_parity(ours, pipeline.predict_proba(frame)[:, 1], portable.tolerance(folder))


def exported(pipeline, folder):
    """The folder with the exported pipeline."""
    portable.export(pipeline, folder)
    return folder


def thresholds(folder, pipeline):
    """Rows whose numbers are exactly the thresholds of the exported trees, and their neighbours in both precisions."""
    (trees,) = [node for node in onnx.load(folder / portable.TREES).graph.node if node.op_type == "TreeEnsemble"]
    values = {each.name: onnx.helper.get_attribute_value(each) for each in trees.attribute}
    splits = np.unique(numpy_helper.to_array(values["nodes_splits"]))
    splits = splits[np.isfinite(splits)]  # an infinite one divides missing values from all others
    near = [splits, np.nextafter(splits, np.inf), np.nextafter(splits, -np.inf)]
    near += [np.nextafter(splits.astype(np.float32), np.float32(limit)).astype(float) for limit in (np.inf, -np.inf)]
    numbers = np.concatenate(near)
    rows = FRAME.iloc[np.arange(len(numbers) * 3) % len(FRAME)].reset_index(drop=True)
    for place, name in enumerate(families.NUMBERS):
        rows.loc[place * len(numbers) : (place + 1) * len(numbers) - 1, name] = numbers
    return rows


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_agrees(name, fitted, tmp_path):
    """On known rows, and on rows with unseen and missing values, zeros and huge numbers."""
    folder = exported(fitted(name), tmp_path)
    limit = 1e-6 if "xgboost" in name else 1e-12
    assert max(parity(fitted(name), folder, rows) for rows in (FRAME, odd(FRAME))) <= limit


@pytest.mark.parametrize("name", ["boosted trees", "tree", "forest", "lightgbm", "lightgbm, dart", "xgboost"])
def test_a_value_at_a_threshold_goes_the_same_way(name, fitted, tmp_path):
    """Numbers that are the thresholds themselves, or their neighbours in single and in double precision."""
    folder = exported(fitted(name), tmp_path)
    parity(fitted(name), folder, thresholds(folder, fitted(name)))


@pytest.mark.parametrize("name", ["logistic", "boosted trees", "lightgbm", "xgboost"])
def test_recalibration_is_exported(name, fitted, tmp_path):
    """Slope and shift follow the log-odds, in every family that has them."""
    again = recalibrated(fitted(name), FRAME, ~TARGET)
    parity(again, exported(again, tmp_path), FRAME)


def changed(folder, change):
    """Change the constants of an exported model: by their names, as writable arrays."""
    model = onnx.load(folder / portable.TREES)
    for constant in model.graph.initializer:
        values = numpy_helper.to_array(constant).copy()
        constant.CopyFrom(numpy_helper.from_array(change(model.graph, constant.name, values), constant.name))
    (folder / portable.TREES).write_bytes(model.SerializeToString())


def used_by(graph, name, kind):
    """Whether a constant is an input of an operator of a kind."""
    return any(node.op_type == kind and name in node.input for node in graph.node)


def scaler_left_outside(folder):
    """The weights meet numbers that nobody scaled."""
    changed(folder, lambda graph, name, values: np.ones_like(values) if used_by(graph, name, "Div") else values)


def trees_attribute(folder, name, change):
    """Change an attribute of the exported trees."""
    model = onnx.load(folder / portable.TREES)
    (trees,) = [node for node in model.graph.node if node.op_type == "TreeEnsemble"]
    (attribute,) = [each for each in trees.attribute if each.name == name]
    value = change(onnx.helper.get_attribute_value(attribute))
    attribute.CopyFrom(onnx.helper.make_attribute(name, value))
    (folder / portable.TREES).write_bytes(model.SerializeToString())


def float32_thresholds(folder):
    """The thresholds as the usual converters write them."""

    def rounded(splits):
        values = numpy_helper.to_array(splits).astype(np.float32).astype(float)
        return numpy_helper.from_array(values, "splits")

    trees_attribute(folder, "nodes_splits", rounded)


def missing_to_the_right(folder):
    """Missing values always go to the same side."""
    trees_attribute(folder, "nodes_missing_value_tracks_true", lambda values: [0] * len(values))


def equal_to_the_right(folder):
    """Strictly below in place of at most, or the other way round."""

    def other(modes):
        return numpy_helper.from_array(1 - numpy_helper.to_array(modes), "modes")

    trees_attribute(folder, "nodes_modes", other)


def base_score_lost(folder):
    """The trees add up from zero."""
    changed(folder, lambda _graph, name, values: values * 0 if name == "start" else values)


def tables_file(folder, change):
    """Change the tables."""
    path = folder / portable.TABLES
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def columns_in_another_order(folder):
    """The last two columns are swapped."""
    tables_file(folder, lambda content: content["order"].append(content["order"].pop(-2)))


def unseen_is_the_last(folder):
    """An unseen category counts as the known one with the largest number."""
    tables_file(folder, lambda content: content.update(unknown=max(content["tables"]["town"].values())))


def missing_filled_with_zero(folder):
    """Missing numbers become zero in place of the median."""

    def zero(graph, name, values):
        return values * 0 if used_by(graph, name, "Where") and values.dtype == float else values

    changed(folder, zero)


PLANTED = {
    "scaler left outside": (scaler_left_outside, ["logistic", "logistic, sparse", "logistic, scaled again"]),
    "float32 thresholds": (float32_thresholds, ["boosted trees", "lightgbm", "lightgbm, dart"]),
    "columns in another order": (
        columns_in_another_order,
        ["logistic", "boosted trees", "forest", "lightgbm", "xgboost"],
    ),
    "base score lost": (base_score_lost, ["logistic", "boosted trees", "xgboost", "xgboost, by depth"]),
    "unseen category": (unseen_is_the_last, ["logistic", "boosted trees", "forest", "lightgbm", "xgboost"]),
    "NaN handled differently": (missing_to_the_right, ["boosted trees", "forest", "lightgbm", "xgboost"]),
    "NaN filled differently": (missing_filled_with_zero, ["logistic", "logistic, sparse", "logistic, scaled again"]),
    "threshold equal to a value": (equal_to_the_right, ["boosted trees", "tree", "forest", "lightgbm", "xgboost"]),
}
CASES = [(fault, name) for fault, (_, names) in PLANTED.items() for name in names]


@pytest.mark.parametrize(("fault", "name"), CASES, ids=[": ".join(each) for each in CASES])
def test_what_an_export_could_lose_is_found(fault, name, fitted, tmp_path):
    """Injected into the exported files: each is blocked by the parity check."""
    folder = exported(fitted(name), tmp_path)
    rows = thresholds(folder, fitted(name)) if "threshold" in fault else odd(FRAME)
    parity(fitted(name), folder, rows)
    PLANTED[fault][0](folder)
    with pytest.raises(portable.ParityError, match="a difference of"):
        parity(fitted(name), folder, rows)


REJECTED = {
    "a step without a converter": (
        lambda: Pipeline([("a", MaxAbsScaler()), ("b", LogisticRegression())]),
        "MaxAbsScaler",
    ),
    "an encoder that fails on new values": (
        lambda: families.on_indicators(LogisticRegression(), handle_unknown="error"),
        "handle_unknown is 'error'",
    ),
    "an encoder that drops": (
        lambda: families.on_indicators(LogisticRegression(), handle_unknown="ignore", drop="first"),
        "OneHotEncoder with drop",
    ),
    "zero as missing": (lambda: families.on_codes(families.lightgbm(zero_as_missing=True)), "NaN as missing"),
    "another objective of LightGBM": (
        lambda: families.on_codes(families.lightgbm(objective="cross_entropy")),
        "expected LightGBM's objective",
    ),
    "another booster of XGBoost": (lambda: families.on_codes(families.xgboost(booster="dart")), "gbtree"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_what_has_no_portable_form_is_rejected_by_name(name, tmp_path):
    """Rather than exported with another meaning."""
    make, message = REJECTED[name]
    frame = FRAME if "converter" not in name else FRAME[families.NUMBERS].fillna(0)
    with pytest.raises(ValueError, match=message):
        portable.export(make().fit(frame, TARGET), tmp_path)


def test_lightgbms_own_categories_are_rejected(tmp_path):
    """A split by a set of codes has no threshold."""
    model = families.on_codes(families.lightgbm()).fit(FRAME, TARGET, last__categorical_feature=[0])
    with pytest.raises(ValueError, match="purely numeric splits"):
        portable.export(model, tmp_path)


def test_a_recalibrated_forest_is_rejected(fitted, tmp_path):
    """It answers with probabilities: there are no log-odds to recalibrate."""
    with pytest.raises(ValueError, match="a recalibrated forest"):
        portable.export(recalibrated(fitted("forest"), FRAME, TARGET), tmp_path)


def test_two_encoders_with_other_numbers_for_unseen_values_are_rejected(tmp_path):
    """The tables have one number for them."""
    tables = _encode.Tables(["a", "b"])
    tables.add("a", {"x": 0.2}, 0.1)
    with pytest.raises(ValueError, match="expected one encoder for all categories"):
        tables.add("b", {"x": 0.2}, 0.3)


def test_a_family_cannot_allow_itself_any_difference(fitted, tmp_path):
    """Injected: a declared tolerance of 1; the largest that counts is 1e-6."""
    folder = exported(fitted("tree"), tmp_path)
    tables_file(folder, lambda content: content.update(tolerance=1))
    assert portable.tolerance(folder) == portable.MAX_TOLERANCE == 1e-6


def test_thousands_of_categories_are_numbers_and_not_columns(tmp_path):
    """A logistic regression of 5,000 values: a lookup for each row."""
    frame = table(6000)[0].assign(code=[str(place % 5000) for place in range(6000)])
    model = families.on_indicators(LogisticRegression(), sparse_output=True).fit(frame, np.arange(6000) % 3 == 0)
    folder = exported(model, tmp_path)
    assert parity(model, folder, frame) <= 1e-12
    assert (folder / portable.TREES).stat().st_size < 100_000


def test_the_families_are_unfitted_when_train_asks():
    """Whether there is an exporter is known before anything is fitted."""
    for make in FAMILIES.values():
        assert portable.exporter(make()).TOLERANCE <= portable.MAX_TOLERANCE
    assert portable.exporter(families.on_codes(RandomForestClassifier())).__name__.endswith("sklearn_trees")
