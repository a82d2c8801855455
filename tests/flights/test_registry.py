"""A model folder that is not what was published is refused; of two promoters exactly one wins."""

import itertools
import json
import multiprocessing
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from flights import registry
from flights.model_files import write_manifest
from flights.registry import ModelRefused, PromotionRefused
from flights.rows import as_columns
from tests.declared import NUMBER


@pytest.fixture
def models(a_copy: Path) -> Path:
    """A models folder with champion 1, to be broken."""
    return a_copy / "3_models"


def publish_again(models: Path, version: int) -> None:
    """Publish version 1 once more, under another number."""
    source, target = registry.model_folder(models, 1), registry.model_folder(models, version)
    shutil.copytree(source, target)
    manifest = json.loads((target / "manifest.json").read_text())
    (target / "manifest.json").write_text(json.dumps(manifest | {"version": version}))


def test_a_published_model_loads(models):
    """What train and evaluate left verifies, and carries what the server needs."""
    model = registry.load(models, 1)
    assert model.version == 1
    assert 0 < model.threshold < 1
    assert len(model.digest) == 64
    golden = json.loads((model.folder / "golden.json").read_text())
    probabilities = model.score(as_columns(golden["inputs"]))
    np.testing.assert_allclose(probabilities, golden["probabilities"], atol=1e-9)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def pickled(path: Path) -> None:
    path.write_bytes(b"\x80\x04\x95.")


FAULTS = {
    "bit flip": flip,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "a pickle in its place": pickled,
}


@pytest.mark.parametrize("name", ["model.onnx", "encodings.json", "golden.json", "metrics.json", "gate.json"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_altered_file_is_refused(models, name, fault):
    """Whatever happens to whichever file, the version does not load."""
    fault(registry.model_folder(models, 1) / name)
    with pytest.raises(ModelRefused, match=name):
        registry.load(models, 1)


def test_an_extra_file_is_refused(models):
    """What the manifest does not know has no place in the folder."""
    (registry.model_folder(models, 1) / "model.pkl").write_bytes(b"")
    with pytest.raises(ModelRefused, match=r"model\.pkl: not in the manifest"):
        registry.load(models, 1)


def test_the_right_files_under_the_wrong_version_are_refused(models):
    """A folder that was moved is not that version."""
    shutil.copytree(registry.model_folder(models, 1), registry.model_folder(models, 2))
    with pytest.raises(ModelRefused, match="expected version 2"):
        registry.load(models, 2)


def test_no_flipped_bit_in_the_manifest_is_overlooked(models):
    """Injected: single flipped bits all over the manifest of a promoted version, its threshold's digits included."""
    manifest = registry.model_folder(models, 1) / "manifest.json"
    content = manifest.read_bytes()
    for position in range(0, len(content), 3):
        manifest.write_bytes(content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :])
        with pytest.raises(ModelRefused):
            registry.load(models, 1)
    manifest.write_bytes(content)
    assert registry.load(models, 1)


def test_a_version_promoted_by_an_earlier_release_still_loads(models):
    """An entry without the manifest's digest is an entry; a rollback to the version records the digest."""
    entry = models / "flights/history/000001.json"
    old = json.loads(entry.read_text())
    del old["manifest_digest"]
    entry.write_text(json.dumps(old))
    digest = registry.load(models, 1).digest
    publish_again(models, 2)
    registry.promote(models, 2, expected=1)
    assert registry.rollback(models).manifest_digest == digest


@pytest.mark.parametrize("threshold", ["0.2", None, float("nan"), 2, True], ids=str)
def test_a_threshold_that_is_none_is_refused(models, threshold):
    """Injected before the promotion: text, nothing, NaN, a number out of range and a truth value."""
    publish_again(models, 2)
    manifest = registry.model_folder(models, 2) / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"threshold": threshold}))
    with pytest.raises(ModelRefused, match="expected a number from 0 to 1 as threshold"):
        registry.promote(models, 2, expected=1)


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
@pytest.mark.parametrize("name", ["manifest.json", "golden.json", "model.onnx"])
def test_a_model_file_that_is_no_ordinary_one_is_refused_at_once(models, make, name):
    """Injected: a FIFO, a folder and a device without end in place of a file."""
    (registry.model_folder(models, 1) / name).unlink()
    make(registry.model_folder(models, 1) / name)
    with pytest.raises(ModelRefused, match=name):
        registry.load(models, 1)


def test_a_missing_version_names_the_next_command(models):
    """Nobody is left with a path alone."""
    with pytest.raises(ModelRefused, match="run `make train`"):
        registry.load(models, 99)


@pytest.mark.ml_test_score(
    "D7", injects="Files that verify are not enough: if the features changed, the golden predictions tell"
)
def test_changed_feature_code_is_refused(models, monkeypatch):
    """Files that verify are not enough: if the features changed, the golden predictions tell."""
    from flights import portable

    honest = portable.build_features

    def changed(columns):
        features = honest(columns)
        return features | {NUMBER.name: features[NUMBER.name] * 1.609}

    monkeypatch.setattr(portable, "build_features", changed)
    with pytest.raises(ModelRefused, match="expected the trained model's probabilities"):
        registry.load(models, 1)


def test_before_the_first_promotion_there_is_no_champion(tmp_path):
    """An empty registry is a state, not an error."""
    assert registry.champion(tmp_path) is None
    assert registry.history(tmp_path) == []
    with pytest.raises(PromotionRefused, match="there is none"):
        registry.rollback(tmp_path)


def test_promotion_needs_the_champion_that_the_gate_saw(models):
    """If the champion has changed since evaluation, the comparison no longer holds."""
    publish_again(models, 2)
    with pytest.raises(PromotionRefused, match="expected champion None, got 1"):
        registry.promote(models, 2, expected=None)
    assert registry.champion(models) == 1


def test_a_version_that_does_not_verify_is_never_champion(models):
    """Promotion loads what it promotes."""
    publish_again(models, 2)
    flip(registry.model_folder(models, 2) / "model.onnx")
    with pytest.raises(ModelRefused):
        registry.promote(models, 2, expected=1)
    assert registry.champion(models) == 1


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ({"passed": False}, "the gate did not pass version 2"),
        ({"passed": "true"}, "the gate did not pass version 2"),
        ({"passed": True}, "of another model"),
        ({"passed": True, "model_digest": "0" * 64}, "of another model"),
        (None, "the gate did not pass version 2"),
    ],
)
def test_only_what_the_gate_passed_is_promoted(models, report, said):
    """Planted: a report that refuses, that says it in other words, that is of another model, and none at all."""
    publish_again(models, 2)
    folder = registry.model_folder(models, 2)
    (folder / "gate.json").unlink()
    if report is not None:
        (folder / "gate.json").write_text(json.dumps(report))
    (folder / "manifest.json").unlink()
    write_manifest(folder, 2, {"threshold": 0.2})
    with pytest.raises(PromotionRefused, match=said):
        registry.promote(models, 2, expected=1)
    assert registry.champion(models) == 1


@pytest.mark.ml_test_score("I7")
def test_rollback_goes_back_step_by_step(models):
    """After promotions of 2 and 3, two rollbacks lead to 2 and to 1; a third is refused; the history keeps all."""
    for version in (2, 3):
        publish_again(models, version)
        registry.promote(models, version, expected=version - 1)
    assert registry.rollback(models).champion == 2
    assert registry.rollback(models).champion == 1
    with pytest.raises(PromotionRefused):
        registry.rollback(models)
    entries = registry.history(models)
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry.champion for entry in entries] == [1, 2, 3, 2, 1]
    assert all(later.previous == earlier.champion for earlier, later in itertools.pairwise(entries))


@pytest.mark.ml_test_score("I7", injects="Going back to a broken model would be worse than staying")
def test_rollback_refuses_a_predecessor_that_no_longer_verifies(models):
    """Going back to a broken model would be worse than staying."""
    publish_again(models, 2)
    registry.promote(models, 2, expected=1)
    flip(registry.model_folder(models, 1) / "model.onnx")
    with pytest.raises(ModelRefused):
        registry.rollback(models)
    assert registry.champion(models) == 2


def promoter(models: Path, version: int, start, answers) -> None:
    start.wait()
    try:
        registry.promote(models, version, expected=1)
        answers.put(version)
    except PromotionRefused:
        answers.put(None)


def test_of_many_promoters_exactly_one_wins(models):
    """Six processes promote at the same moment: one entry is written, five are told."""
    versions = range(2, 8)
    for version in versions:
        publish_again(models, version)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # the libraries are imported once, not six times
    start, answers = context.Barrier(len(versions)), context.Queue()
    processes = [context.Process(target=promoter, args=(models, version, start, answers)) for version in versions]
    for process in processes:
        process.start()
    winners = [answer for answer in (answers.get(timeout=60) for _ in processes) if answer]
    for process in processes:
        process.join()
    assert winners == [registry.champion(models)]
    assert len(registry.history(models)) == 2


@pytest.mark.parametrize("action", ["the last entry", "an earlier one", "both"])
def test_an_entry_that_names_another_promoted_version_is_refused(models, action):
    """Injected: one digit of `champion` is another, and both versions were promoted. The entry's file is named."""
    for version in (2, 3):
        publish_again(models, version)
        registry.promote(models, version, expected=version - 1)
    damaged = {"the last entry": [3], "an earlier one": [1], "both": [1, 3]}[action]
    for number in damaged:
        entry = models / f"flights/history/{number:06}.json"
        entry.write_text(json.dumps(json.loads(entry.read_text()) | {"champion": 2}))
    with pytest.raises(ModelRefused, match=rf"history/{damaged[0]:06}\.json: altered after it was promoted"):
        registry.load(models, 2)
