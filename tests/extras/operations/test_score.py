"""Scores are the champion's, of valid rows only, the same bytes however they were made, and never half a partition."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extras.operations import score
from flights.artifacts import read_parquet, sha256, write_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import INPUTS, KEY
from flights.registry import load

ROOT = Path(__file__).parents[3]
PARTS = 6
LOW = next(column for column in INPUTS if column.kind in {"integer", "number"} and column.minimum is not None)
CHOICE = next(column for column in INPUTS if column.categories)
HIVE = f"{CHOICE.name}={CHOICE.categories[0]}"
NULLABLE = next(column.name for column in INPUTS if column.nullable)


@pytest.fixture(scope="module")
def dataset(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Live flights in six partitions."""
    folder = tmp_path_factory.mktemp("dataset")
    rows = read_parquet(Settings(data_dir=trained).splits_dir / "live.parquet", "")
    for place, part in enumerate(np.array_split(np.arange(len(rows)), PARTS)):
        write_parquet(folder / f"part-{place}.parquet", rows.iloc[part].reset_index(drop=True))
    return folder


def command(data_dir: Path, source: Path, target: Path, *words: str) -> subprocess.Popen[str]:
    """Start the step as `make score` does."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "DATA_DIR": str(data_dir)}
    arguments = [sys.executable, "-m", "extras.operations.score", "--input", source, "--output", target, *words]
    return subprocess.Popen(
        arguments, env=environment, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run(data_dir: Path, source: Path, target: Path, *words: str) -> tuple[int, str, str]:
    """Exit code and what was said; Dask's workers need a process of their own, and one process needs no other."""
    if words:
        process = command(data_dir, source, target, *words)
        said, complained = process.communicate(timeout=300)
        return process.returncode, said, complained
    out, err, code = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("DATA_DIR", str(data_dir))
        patch.setattr(sys, "argv", ["score", "--input", str(source), "--output", str(target)])
        try:
            score.main()
        except SystemExit as stop:  # as Python ends: words go to the standard error
            code = int(bool(stop.code))
            print(stop.code or "", end="\n" * code, file=err)
    return code, out.getvalue(), err.getvalue()


def wait_for(partitions: int, target: Path) -> None:
    """Wait until this many partitions are scored."""
    deadline = time.monotonic() + 120
    while len(list(target.glob("[!.]*.parquet"))) != partitions:
        assert time.monotonic() < deadline, "the run never came this far"
        time.sleep(0.05)


def digests(target: Path) -> dict[str, str]:
    """The scores, by partition."""
    return {path.name: sha256(path) for path in sorted(target.glob("[!.]*.parquet"))}


@pytest.fixture(scope="module")
def scores(trained: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset's scores, by one process."""
    target = tmp_path_factory.mktemp("scores")
    process = command(trained, dataset, target)
    said, complained = process.communicate(timeout=300)
    assert process.returncode == 0, complained
    assert f"wrote {PARTS} partitions" in said
    return target


def test_scores_are_the_champions(trained: Path, dataset: Path, scores: Path):
    """Every row has its key, the champion's probability to the last bit, and the alert that follows."""
    model = load(trained / "3_models", 1)
    for name in digests(scores):
        rows, scored = (read_parquet(folder / name, "") for folder in (dataset, scores))
        assert scored[KEY].tolist() == rows[KEY].tolist()
        np.testing.assert_array_equal(scored["probability"], model.score(as_arrays(rows)))
        assert (scored["alert"] == (scored["probability"] >= model.threshold)).all()
        assert (scored["model_version"] == 1).all()


def test_what_is_there_is_left_alone_until_its_input_changes(trained: Path, dataset: Path, tmp_path: Path):
    """A second run writes nothing; a partition with other rows is scored again, and only that one."""
    source, target = tmp_path / "source", tmp_path / "target"
    rows = [read_parquet(dataset / f"part-{place}.parquet", "").head(500) for place in range(3)]
    for place, part in enumerate(rows):
        write_parquet(source / f"part-{place}.parquet", part)
    assert "wrote 3 partitions" in run(trained, source, target)[1]
    before = {path.name: path.stat().st_mtime_ns for path in target.glob("*.parquet")}
    assert "wrote 0 partitions" in run(trained, source, target)[1]
    write_parquet(source / "part-1.parquet", rows[0])
    assert "wrote 1 partitions" in run(trained, source, target)[1]
    after = {path.name: path.stat().st_mtime_ns for path in target.glob("*.parquet")}
    assert [name for name in before if before[name] != after[name]] == ["part-1.parquet"]


@pytest.mark.parametrize("way", ["the same folder", "by a link", "its file", "a hidden file", "what was refused"])
def test_the_source_is_never_overwritten(trained: Path, dataset: Path, tmp_path: Path, way: str):
    """Planted: an OUTPUT in which the INPUT is. Refused before anything is written or removed."""
    source = target = tmp_path / "source"
    shutil.copytree(dataset, source)
    (source / ".part-9.parquet").write_bytes((source / "part-0.parquet").read_bytes())
    if way == "by a link":
        target = tmp_path / "link"
        target.symlink_to(source)
    elif way == "its file":
        source = source / "part-0.parquet"
    elif way == "a hidden file":
        source = source / ".part-9.parquet"
    elif way == "what was refused":
        target = tmp_path
        source = source.rename(tmp_path / "refused")
    before = {path: sha256(path) for path in tmp_path.rglob("*.parquet")}
    code, _, complained = run(trained, source, target)
    assert (code, "refused: expected an OUTPUT apart from the INPUT" in complained) == (1, True), complained
    assert {path: sha256(path) for path in tmp_path.rglob("*.parquet")} == before


def test_hidden_files_of_others_are_left_alone(trained: Path, dataset: Path, tmp_path: Path):
    """Planted: somebody's hidden Parquet file in OUTPUT, next to what a killed run of ours left there."""
    for name in (".notes.parquet", ".part-0.parquet.half.parquet"):
        (tmp_path / name).write_text("planted")
    assert run(trained, dataset / "part-0.parquet", tmp_path)[0] == 0
    assert [path.name for path in tmp_path.glob(".*")] == [".notes.parquet"]


def test_a_killed_run_is_taken_up_where_it_was(trained: Path, dataset: Path, scores: Path, tmp_path: Path):
    """SIGKILL in the middle: what has a final name is whole, and the next run adds the rest to the same bytes."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(dataset, source)
    slow = source / "part-3.parquet"
    slow.unlink()
    os.mkfifo(slow)  # nobody writes into it: here the run stays until it is killed
    process = command(trained, source, target)
    wait_for(3, target)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert digests(target).items() < digests(scores).items()
    slow.unlink()
    shutil.copy(dataset / slow.name, slow)
    (target / ".part-3.parquet.half.parquet").write_text("what a killed run may leave")
    assert f"wrote {PARTS - 3} partitions" in run(trained, source, target)[1]
    assert digests(target) == digests(scores)
    assert list(target.glob(".*")) == []


def test_a_second_run_leaves_a_live_one_alone(trained: Path, dataset: Path, scores: Path, tmp_path: Path):
    """Planted: two runs into one OUTPUT. The second is refused, what the first has not finished stays, and it ends."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(dataset, source)
    slow = source / f"part-{PARTS - 1}.parquet"
    slow.unlink()
    os.mkfifo(slow)
    process = command(trained, source, target)
    wait_for(PARTS - 1, target)
    unfinished = target / f".{slow.name}.half.parquet"
    unfinished.write_text("what the first run has on its way")
    code, _, complained = run(trained, source, target)
    assert (code, "refused: another run scores into" in complained) == (1, True), complained
    assert unfinished.exists()
    with slow.open("wb") as pipe:  # the first run goes on
        slow.unlink()
        shutil.copy(dataset / slow.name, slow)
        pipe.write(slow.read_bytes())
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert digests(target) == digests(scores)


def test_progress_is_shown_to_who_watches(trained: Path, dataset: Path, tmp_path: Path):
    """On a terminal a bar moves to its end; in a file there is one line."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "DATA_DIR": str(trained), "TERM": "xterm"}
    words = [sys.executable, "-m", "extras.operations.score", "--input", dataset, "--output", tmp_path / "target"]
    screen, terminal = os.openpty()
    with subprocess.Popen(words, env=environment, cwd=ROOT, stdout=terminal) as process:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # Linux' word for the end
            while more := os.read(screen, 4096):
                shown += more
    os.close(screen)
    assert process.returncode == 0
    assert b"100%" in shown
    assert b"%" not in run(trained, dataset, tmp_path / "target")[1].encode()


@pytest.mark.exhibit
def test_refused_rows_are_kept_apart_with_their_reasons(trained: Path, dataset: Path, tmp_path: Path):
    """Planted: one carrier and one temperature that the contract does not allow."""
    rows = read_parquet(dataset / "part-0.parquet", "")
    rows.loc[5, "carrier"], rows.loc[7, "temperature"] = "ZZ", 400.0
    write_parquet(tmp_path / "source" / "part-0.parquet", rows)
    code, said, _ = run(trained, tmp_path / "source", tmp_path / "target")
    assert (code, "2 rows refused" in said) == (0, True)
    refused = read_parquet(tmp_path / "target" / "refused" / "part-0.parquet", "")
    assert refused["reasons"].str.extract(r"^(\w+)")[0].tolist() == ["carrier", "temperature"]
    scored = read_parquet(tmp_path / "target" / "part-0.parquet", "")
    assert set(rows[KEY]) - set(scored[KEY]) == set(refused[KEY])


@pytest.mark.exhibit
@pytest.mark.parametrize("fault", ["too many bad rows", "a missing column", "a flipped bit", "no Parquet at all"])
def test_a_bad_partition_is_refused_and_the_others_are_scored(trained: Path, dataset: Path, tmp_path: Path, fault: str):
    """It leaves nothing under a final name, is named with the reason, and the exit code is 1."""
    source, target = tmp_path / "source", tmp_path / "target"
    good = read_parquet(dataset / "part-0.parquet", "").head(1000)
    for name in ("a", "b", "c"):
        write_parquet(source / f"{name}.parquet", good)
    planted = source / "b.parquet"
    if fault == "too many bad rows":
        write_parquet(planted, good.assign(distance=-1.0))
    elif fault == "a missing column":
        write_parquet(planted, good.drop(columns="origin"))
    elif fault == "a flipped bit":
        content = bytearray(planted.read_bytes())
        content[len(content) // 2] ^= 1
        planted.write_bytes(content)
    else:
        planted.write_text("not Parquet")
    code, _, complained = run(trained, source, target)
    assert code == 1
    assert f"refused: {planted}" in complained
    assert sorted(digests(target)) == ["a.parquet", "c.parquet"]


def nested(rows: pd.DataFrame, source: Path, layout: str) -> list[str]:
    """Write rows in a layout that other tools leave; returns the partitions' places."""
    places = {
        "a folder next to a file": ["a.parquet/part-0.parquet", "b.parquet"],
        "hive folders": [f"{HIVE}/region=x%20y/0.parquet", f"{HIVE}/region=z/0.parquet"],
        "other endings": ["a.pq", "b.PARQUET"],
    }.get(layout, ["a.parquet", "b.parquet"])
    for place, part in zip(places, (rows.iloc[:300], rows.iloc[300:]), strict=True):
        (source / place).parent.mkdir(parents=True, exist_ok=True)
        written = part.reset_index(drop=True)
        if layout == "hive folders":
            written = written.drop(columns=CHOICE.name)
        elif layout == "a feed that is down":
            written = written.assign(**{NULLABLE: None})  # Parquet's null type
        elif layout == "the key in the index":
            written = written.set_index(KEY)
        written.to_parquet(source / place)
    (source / "_SUCCESS").touch()
    return places


@pytest.mark.parametrize(
    "layout",
    ["a folder next to a file", "hive folders", "other endings", "the key in the index", "a feed that is down"],
)
def test_a_dataset_as_other_tools_write_it_is_scored(trained: Path, dataset: Path, tmp_path: Path, layout: str):
    """Injected: folders within folders, other endings, the key as pandas' index, a column of the null type."""
    rows = read_parquet(dataset / "part-0.parquet", "").head(600)
    places = nested(rows, tmp_path / "source", layout)
    code, said, complained = run(trained, tmp_path / "source", tmp_path / "target")
    assert (code, "wrote 2 partitions" in said) == (0, True), complained
    scored = pd.concat([read_parquet(tmp_path / "target" / place, "") for place in places])
    assert scored[KEY].tolist() == rows[KEY].tolist()


FAULTS = ["one bad row of 50", "a missing value", "a bad key", "a key twice", "no key", "a type"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refused_partition_names_column_value_and_rule(trained: Path, dataset: Path, tmp_path: Path, fault: str):
    """Injected: six ways to violate the contract. The reasons are next to the result, and the other file is scored."""
    good = read_parquet(dataset / "part-0.parquet", "").head(50)
    bad = good.copy()
    if fault == "one bad row of 50":
        bad[LOW.name] = bad[LOW.name].mask(bad.index == 7, LOW.minimum - 1).astype(bad[LOW.name].dtype)
    elif fault == "a missing value":
        bad[LOW.name] = bad[LOW.name].astype("float64").mask(bad.index == 7)
    elif fault == "a bad key":
        bad.loc[7, KEY] = "?"
    elif fault == "a key twice":
        bad.loc[7, KEY] = bad.loc[8, KEY]
    elif fault == "no key":
        bad = bad.drop(columns=KEY)
    else:
        bad[LOW.name] = bad[LOW.name].astype("str")
    column = LOW.name if fault in {"one bad row of 50", "a missing value", "a type"} else KEY
    source, target = tmp_path / "source", tmp_path / "target"
    write_parquet(source / "a.parquet", bad)
    write_parquet(source / "b.parquet", good)
    code, _, complained = run(trained, source, target)
    assert (code, sorted(digests(target))) == (1, ["b.parquet"])
    assert complained.startswith(f"refused: {source / 'a.parquet'}: ")
    assert f"{column}: " in complained
    assert " got " in complained
    assert "object at" not in complained
    if fault not in {"no key", "a type"}:
        refused = target / "refused" / "a.parquet"
        assert read_parquet(refused, "")["reasons"].str.startswith(f"{column}: ").all()
        assert str(refused) in complained


def test_a_tampered_champion_scores_nothing(a_copy: Path, dataset: Path, tmp_path: Path):
    """Planted: one byte of the model. One line says so, and nothing is scored."""
    trees = a_copy / "3_models" / "flights" / "1" / "model.onnx"
    trees.write_bytes(trees.read_bytes()[:-1] + b"\0")
    code, _, complained = run(a_copy, dataset, tmp_path / "target")
    assert code == 1
    assert complained.startswith("refused: ")
    assert complained.endswith("altered after it was published\n")
    assert digests(tmp_path / "target") == {}


def test_without_a_champion_it_says_what_to_do(tmp_path: Path, dataset: Path):
    """No model: one line with the command that makes it."""
    code, _, complained = run(tmp_path, dataset, tmp_path / "target")
    assert (code, complained.strip()) == (1, "no champion yet: run `make train`")


@pytest.mark.heavy
def test_every_engine_writes_the_same_bytes(trained: Path, dataset: Path, scores: Path, tmp_path: Path):
    """Dask with workers of its own, and a scheduler that runs already: byte for byte what one process writes."""
    import distributed

    assert run(trained, dataset, tmp_path / "own", "--engine", "dask")[0] == 0
    assert digests(tmp_path / "own") == digests(scores)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        words = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
        code, said, complained = run(trained, dataset, tmp_path / "theirs", *words)
    assert (code, f"wrote {PARTS} partitions" in said) == (0, True), complained
    assert digests(tmp_path / "theirs") == digests(scores)


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Two workers, of which one may take down this many others before its work is given up."""
    import dask
    import distributed

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": getattr(request, "param", 3)}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as running,
    ):
        yield running


@pytest.mark.heavy
@pytest.mark.parametrize("cluster", [3, 0], indirect=True, ids=["tried again", "given up"])
def test_a_dead_worker_costs_at_most_its_partition(
    cluster: Any, request: pytest.FixtureRequest, trained: Path, dataset: Path, scores: Path, tmp_path: Path
):
    """SIGKILL in the middle of a partition: another worker does it; where that is not allowed it alone is refused.

    The next run adds what is missing, to the same bytes.
    """
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(dataset, source)
    slow = source / "part-3.parquet"
    slow.unlink()
    os.mkfifo(slow)
    words = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
    process = command(trained, source, target, *words)
    wait_for(PARTS - 1, target)
    slow.unlink()
    shutil.copy(dataset / slow.name, slow)
    busy = [worker.nanny for worker in cluster.scheduler.workers.values() if worker.processing]
    for nanny in cluster.workers.values():
        if nanny.address in busy:
            os.kill(nanny.pid, signal.SIGKILL)
    _, complained = process.communicate(timeout=300)
    given_up = "given up" in request.node.name
    assert process.returncode == given_up, complained
    assert (f"refused: {slow}: KilledWorker" in complained) == given_up
    assert set(digests(target)) == set(digests(scores)) - ({slow.name} if given_up else set())
    code, said, complained = run(trained, source, target, *words)
    assert (code, f"wrote {int(given_up)} partitions" in said) == (0, True), complained
    assert digests(target) == digests(scores)


@pytest.mark.heavy
def test_a_cluster_refuses_what_one_process_refuses(cluster: Any, trained: Path, dataset: Path, tmp_path: Path):
    """Planted: a partition that is no Parquet; it is named, leaves nothing, and the others are scored."""
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(dataset, source)
    planted = source / "part-2.parquet"
    planted.write_text("not Parquet")
    words = ("--engine", "dask", "--scheduler", cluster.scheduler_address)
    code, _, complained = run(trained, source, target, *words)
    assert (code, f"refused: {planted}" in complained) == (1, True), complained
    assert sorted(digests(target)) == sorted({path.name for path in source.iterdir()} - {planted.name})


@pytest.mark.ml_test_score("O6")
@pytest.mark.heavy
@pytest.mark.parametrize("engine", ["one", "dask"])
def test_time_is_linear_and_memory_flat(trained: Path, collected: Path, tmp_path: Path, engine: str):
    """Ten times the rows take no more than ten times as long (a third for noise) and hardly more memory."""
    benchmark = pytest.importorskip("extras.benchmarks.score")

    rows = read_parquet(collected / "1_raw" / "valid.parquet", "").head(50_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR", str(trained))
        patch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}")
        for times in (2, 20):
            benchmark.repeat(rows, times, tmp_path / str(times))
        few, many = (benchmark.figure(engine, times, tmp_path, len(rows)) for times in (2, 20))
    assert many.seconds < 10 * few.seconds * 4 / 3
    assert many.memory < 1.2 * few.memory


def test_workers_load_the_champion_once(trained: Path):
    """Verifying a model costs as much as scoring thousands of rows."""
    assert score.loaded(trained / "3_models", 1) is score.loaded(trained / "3_models", 1)
