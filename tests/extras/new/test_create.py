"""A table becomes a project: files, words, one commit, and, for tables unlike the example, a model that serves."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from extras.new import create, project
from extras.new.roles import Rejected
from extras.new.words import FORBIDDEN
from tests.extras.new.tables import breast_cancer, payments, persons, rentals
from tests.forked import forks
from tests.serving.running import free_port
from tests.swap.swapped import installed_environment

TABLES = {
    "tumours": (breast_cancer, {"TIME": "examined on", "TARGET": "target"}),
    "payments": (payments, {"TIME": "paid at", "TARGET": "fraud", "DELAY_DAYS": "45"}),
    "rentals": (
        rentals,
        {"TIME": "start", "TARGET": "booked", "ZONE": "Asia/Kolkata", "QUERY": "SELECT * FROM rented"}
        | {"EXTRAS": "explain backtest claims drills gallery tune"},
    ),
    "snapshots": (persons, {"TIME": "Snapshot week", "TARGET": "label", "DELAY_DAYS": "7", "KEY": "E-Mail"}),
}
PAGES = ("openapi.json", "metrics", "", "docs", "model", "card", "health/ready")
WAIT_SECONDS = 60


def write_table(folder: Path, name: str) -> list[str]:
    """Write a table; returns the words of `make new` for it."""
    make, given = TABLES[name]
    path = folder / {"tumours": "tumours.parquet", "rentals": "shop.db"}.get(name, f"{name}.csv.gz")
    if name == "rentals":
        with closing(sqlite3.connect(path)) as database:
            make().to_sql("rented", database, index=False)
    else:
        make().to_parquet(path) if name == "tumours" else make().to_csv(path, index=False)
    source = f"sqlite:///{path}" if name == "rentals" else str(path)
    every = given | {"NAME": name, "FROM": source, "DEST": str(folder / "project")}
    return [word for option, value in every.items() for word in (f"--{option.lower().replace('_', '-')}", value)]


@pytest.fixture(scope="module", params=TABLES)
def written(request, tmp_path_factory):
    """A project for each of the tables."""
    folder = tmp_path_factory.mktemp(request.param)
    command = [sys.executable, "-m", "extras.new.create", *write_table(folder, request.param)]
    done = subprocess.run(command, cwd=project.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "project", done.stdout


def run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in the project, with the environment that runs the tests."""
    kept = {name: value for name, value in os.environ.items() if name not in ("AS_OF", "DATA_DIR")}
    environment = kept | {"PYTHONPATH": f"{folder / 'src'}:{folder}"} | variables
    return subprocess.run([*words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A target of the project."""
    return run(folder, "make", *words, f"VENV={installed_environment(folder.parent / 'venv')}", **variables)


def test_no_word_of_the_example_is_left(written):
    """In code, file names, texts, and the commands' help."""
    folder, _ = written
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.relative_to(folder).parts]
    texts = {
        str(path.relative_to(folder)): path.read_text(errors="replace")
        for path in files
        if "0_source" not in path.parts
    }
    helped = make(folder, "help-all")
    assert helped.returncode == 0, helped.stderr
    assert {"doctor", "review", "loop"} <= set(re.findall(r"make (\w+)", helped.stdout))
    more = {"backtest", "claims", "drill", "gallery", "tune"} & set(re.findall(r"make (\w+)", helped.stdout))
    assert len(more) == (5 if folder.parent.name.startswith("rentals") else 0)
    texts["make help-all"] = helped.stdout
    assert [f"{name}: {found[0]}" for name, text in texts.items() if (found := FORBIDDEN.search(name + text))] == []


def test_it_is_a_repository_with_one_commit_and_without_the_table(written):
    """The table is in the data folder, which git ignores."""
    folder, _ = written
    assert run(folder, "git", "rev-list", "--count", "HEAD").stdout == "1\n"
    assert run(folder, "git", "status", "--porcelain").stdout == ""
    tracked = run(folder, "git", "ls-files").stdout.split()
    assert not [name for name in tracked if "0_source" in name]
    assert list((folder / "data").rglob("0_source/*")) or "sqlite:///" in (folder / "pipelines/collect.py").read_text()


def test_every_guess_has_a_reason(written):
    """`make review` lists each with its place; the README tells how many."""
    folder, told = written
    listed = run(folder, sys.executable, "extras/project/review.py").stdout.splitlines()
    assert len(listed) > 30
    assert all(re.match(r"(src|pipelines|monitoring|serving)/\S+\.py:\d+: .*: .+", line) for line in listed[:-1])
    assert f"{len(listed) - 1} guesses to review" in told
    assert f"lists {len(listed) - 1} of them" in (folder / "README.md").read_text()


def test_the_project_is_formatted_and_passes_its_linter(written):
    """Names of another length move imports and lines."""
    folder, _ = written
    for words in (["check", "--no-cache", "."], ["format", "--check", "--no-cache", "."]):
        done = run(folder, sys.executable, "-m", "ruff", *words)
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def forked(tmp_path_factory):
    """Python in a project, in a fork of a process that has the libraries already."""
    with forks(tmp_path_factory.mktemp("forks")) as run:
        yield run


def test_every_part_imports_and_the_request_is_valid(written, forked):
    """The modules that the processes start from, and `request.json` against the request's model."""
    folder, _ = written
    code = (
        "import json, pathlib, pipelines.collect, pipelines.train, pipelines.evaluate, monitoring.monitor\n"
        "import serving.app\nfrom serving.request import Row\n"
        "Row.model_validate_json(pathlib.Path('request.json').read_bytes())"
    )
    ended, said = forked(folder, "-c", code)
    assert ended == 0, said


def test_mapped_names_are_printed(written):
    """Each column whose name had to change."""
    folder, told = written
    if folder.parent.name.startswith("rentals"):
        assert "'Wärme' is waerme" in told
        assert "'class' is class_value" in told


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path):
    """Planted: a file at the destination; and a failure leaves nothing behind."""
    words = write_table(tmp_path, "snapshots")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "mine.txt").write_text("mine")
    with pytest.raises(Rejected, match="exists and is not empty"):
        create.read_options(words)
    assert (tmp_path / "project" / "mine.txt").read_text() == "mine"


@contextmanager
def serving(folder: Path) -> Iterator[tuple[httpx.Client, str]]:
    """A client of the project's service, and its port."""
    port = str(free_port())
    variables = os.environ | {"PYTHONPATH": f"{folder / 'src'}:{folder}", "PORT": port, "DATA_DIR": "data"}
    url, server_command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "serving.app"]
    with subprocess.Popen(server_command, cwd=folder, env=variables, stderr=subprocess.DEVNULL) as server:
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), base_url=url, timeout=WAIT_SECONDS) as client:
                client.get("/health/ready").raise_for_status()
                yield client, port
        finally:
            server.terminate()


@pytest.mark.heavy
@pytest.mark.parametrize("written", ["rentals"], indirect=True)
def test_a_table_goes_all_the_way_round(written):
    """Tests, training, a prediction over HTTP, two months of replay, a decision, and no word of the example."""
    folder, _ = written
    tested = run(folder, sys.executable, "-m", "pytest", "-q", "-m", "not heavy", "-n", "0")
    assert tested.returncode == 0, tested.stdout[-3000:]
    trained = make(folder, "train")
    assert "doctor    0 problems" in trained.stdout
    card = folder / "data" / "3_models" / "rentals" / "1" / "card.md"
    assert not FORBIDDEN.search(card.read_text() + trained.stdout)
    assert "The gate passed version 1" in trained.stdout, trained.stdout[-3000:] + trained.stderr[-3000:]
    with serving(folder) as (client, port):
        answered = client.post("/predict", json=json.loads((folder / "request.json").read_text()))
        assert 0 < answered.json()["probability"] < 1
        pages = {name: client.get(f"/{name}").text for name in PAGES}
        assert [name for name, text in pages.items() if FORBIDDEN.search(text)] == []
        replay(folder, port)
    drilled = run(folder, sys.executable, "-m", "extras.drills.run", "split-leaks")
    assert "the gate blocks nothing" in drilled.stdout, drilled.stdout + drilled.stderr
    monitored = nobody_is_called(folder)
    assert not FORBIDDEN.search(monitored + (folder / "data/5_reports/index.html").read_text())


def replay(folder: Path, port: str) -> None:
    """Two live months: predictions, and at least some of their outcomes."""
    live = pd.read_parquet(next(folder.glob("data/2_splits/*/live.parquet")))
    first = str(live.select_dtypes("datetimetz").min().min())[:7]
    last = str(pd.Period(first) + 1)
    done = run(folder, sys.executable, "-m", "monitoring.replay", FROM=first, TO=last, PORT=port)
    assert re.search(r"sent [\d,]+ predictions and [1-9][\d,]* outcomes; ", done.stdout), done.stdout + done.stderr


def nobody_is_called(folder: Path) -> str:
    """What the monitor says of clean months: a decision that calls nobody."""
    monitored = run(folder, sys.executable, "-m", "monitoring.monitor")
    assert monitored.returncode == 0, monitored.stdout + monitored.stderr
    decision = json.loads((folder / "data" / "5_reports" / "decision.json").read_text())
    assert decision["action"] in ("ok", "watch"), monitored.stdout
    return monitored.stdout + json.dumps(decision)


@pytest.mark.heavy
@pytest.mark.parametrize("written", ["tumours", "snapshots"], indirect=True)
def test_a_small_table_goes_round(written):
    """569 rows with leaks left out, and 1,500 weekly rows of seven texts: gate, prediction, replay and decision."""
    folder, _ = written
    trained = make(folder, "train")
    assert "The gate passed version 1" in trained.stdout, trained.stdout[-3000:] + trained.stderr[-3000:]
    assert re.search("means? little below", trained.stdout)  # so few rows
    with serving(folder) as (client, port):
        answered = client.post("/predict", json=json.loads((folder / "request.json").read_text()))
        assert 0 <= answered.json()["probability"] <= 1
        replay(folder, port)
    nobody_is_called(folder)
    if folder.parent.name.startswith("snapshots"):
        a_person_is_forgotten(folder)


def a_person_is_forgotten(folder: Path) -> None:
    """The log has no address of the table; erased by the address, the person is left in its source alone."""
    log = (folder / "data/4_predictions/predictions.db").read_bytes()
    assert b"@example.org" not in log
    live = pd.read_parquet(next(folder.glob("data/2_splits/*/live.parquet")))
    subject = live["row_id"].iloc[0]
    gone = run(folder, sys.executable, "-m", "extras.privacy.forget_log", subject)
    assert "forgot 1 predictions and their outcomes; 0 left" in gone.stdout, gone.stdout + gone.stderr
    told = run(folder, sys.executable, "-m", "extras.privacy.forget", subject)
    left = [line for line in told.stdout.splitlines() if "left:" in line]
    assert [line.partition("left: ")[2] for line in left] == ["data/0_source/table.csv.gz, unpacked"], told.stdout
    assert subject not in set(pd.read_parquet(next(folder.glob("data/2_splits/*/live.parquet")))["row_id"])


@pytest.mark.heavy
@pytest.mark.parametrize("written", ["payments"], indirect=True)
def test_rare_positives_pass_the_gate_and_shuffled_labels_do_not(written):
    """1 % positives, labels 45 days late, 5,000 levels: a good model is served; planted: labels in the wrong order."""
    folder, _ = written
    trained = make(folder, "train")
    assert "The gate passed version 1" in trained.stdout, trained.stdout[-3000:] + trained.stderr[-3000:]
    assert "better than the heuristic by a standard error in average precision." in trained.stdout
    with serving(folder) as (client, port):
        answered = client.post("/predict", json=json.loads((folder / "request.json").read_text()))
        assert 0 < answered.json()["probability"] < 1
        replay(folder, port)
    nobody_is_called(folder)
    source = folder / "data" / "0_source" / "table.csv.gz"
    rows = pd.read_csv(source)
    early = rows["paid at"] < "2023-05-01"  # before the holdout
    rows.loc[early, "fraud"] = np.random.default_rng(0).permutation(rows.loc[early, "fraud"])
    rows.to_csv(source, index=False)
    blocked = make(folder, "train")
    assert blocked.returncode != 0
    assert re.search(r"blocked version 2.*average precision\. But the margin", blocked.stderr, re.DOTALL), (
        blocked.stderr
    )
