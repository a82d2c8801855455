"""The Makefile is the loop's table of contents: it lists itself, and names the next command when something is off."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.swap.swapped import mark_installed

ROOT = Path(__file__).parents[1]
CORE = (
    "train serve replay monitor retrain rollback mlflow test lint format docs install clean".split()  # noqa: SIM905
)
FILES = [
    ROOT / "Makefile",
    *sorted(ROOT.glob("*/targets.mk")),
    *sorted(ROOT.glob("*/*/targets.mk")),
    *sorted(ROOT.glob("*/*/*/targets.mk")),
]
RECIPES = "\n".join(path.read_text() for path in FILES)


def make(*words: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *words], cwd=cwd, env=environment | variables, capture_output=True, text=True, check=False
    )


def listed(*words: str) -> list[str]:
    """The targets that make prints."""
    return re.findall(r"^  make ([a-z-]+) +\S", make(*words).stdout, re.MULTILINE)


def test_help_is_the_default_and_lists_the_core():
    """`make` lists the 13 targets of the core, and names the command for the rest."""
    assert listed() == CORE
    assert "make help-all" in make().stdout


def test_help_all_lists_every_target():
    """Every target with a comment appears, the extras' too; there is no list to forget."""
    targets = re.findall(r"^([a-z-]+):.*#[#-] ", RECIPES, re.MULTILINE)
    assert len(targets) > 40
    assert sorted(listed("help-all")) == sorted(targets)


def test_the_list_is_aligned():
    """Every explanation begins in the same column, however long the target's name is."""
    lines = [line for line in make("help-all").stdout.splitlines() if line.startswith("  make ")]
    assert len({re.match(r"  make [a-z-]+ +", line).end() for line in lines}) == 1


def test_every_target_is_explained():
    """No public target without a line about it; other lines may add what it needs."""
    lines = re.findall(r"^([a-z-]+):(?!=)(.*)$", RECIPES, re.MULTILINE)
    explained = {name for name, rest in lines if "## " in rest or "#- " in rest} | {"help"}
    assert {name for name, _ in lines} - explained == set()


@pytest.fixture
def trained_folder(tmp_path: Path) -> list[str]:
    """Words for `make` with a data folder and an environment in which everything is up to date."""
    return up_to_date(tmp_path)


def up_to_date(folder: Path, data: str = "") -> list[str]:
    """Make a folder look like one in which everything was done."""
    made = ("1_raw/manifest.json", "1_raw/valid.parquet", "2_splits/2013-11-01/manifest.json")
    models = (f"3_models/candidates/2013-11-01/{name}.json" for name in ("candidate", "evaluation", "promotion"))
    mark_installed(folder)
    for name in (*made, *models, "3_models/flights/history/000001.json"):
        path = folder / data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return [f"DATA_DIR={folder / data}", f"VENV={folder}", "AS_OF=2013-11-01"]


@pytest.mark.parametrize(
    ("edited", "first"),
    [
        ("src/flights/config.py", "split"),
        ("src/flights/dataset.py", "collect"),
        ("src/flights/features.py", "train"),
        ("src/flights/heuristic.py", "train"),
        ("pipelines/training/recalibration.py", "train"),
        ("src/flights/exporters/hist_gradient_boosting.py", "train"),
        ("pipelines/gate.py", "evaluate"),
        ("pipelines/evaluation/holdout.py", "evaluate"),
        ("pipelines/checks/slices.py", "evaluate"),
        ("pipelines/collection/timetable.py", "collect"),
        ("src/flights/extras/feature_views/views.py", "collect"),
        ("pipelines/rows.py", "split"),
        ("README.md", "summary"),
    ],
)
def test_what_was_edited_is_done_again(trained_folder, edited, first):
    """`make train` starts at the first step that the edited file decides; a file that decides nothing starts none."""
    steps = re.findall(r"-m pipelines\.(?:extras\.)?(\w+)", make("-n", "-W", edited, "train", *trained_folder).stdout)
    assert steps[0] == first


def test_a_verdict_is_asked_for_again_when_somebody_answers_for_it(trained_folder):
    """With REPLACE_CHAMPION evaluation is done again, though nothing was edited; without, it is not."""
    for words, steps in ((["REPLACE_CHAMPION=true"], ["evaluate", "promote", "summary"]), ([], ["summary"])):
        printed = make("-n", "train", *trained_folder, *words).stdout
        assert re.findall(r"-m pipelines\.(?:extras\.)?(\w+)", printed) == steps


def test_another_family_is_trained_again(trained_folder):
    """With ESTIMATOR training is done again, though nothing was edited."""
    printed = make("-n", "train", *trained_folder, "ESTIMATOR=logistic").stdout
    assert re.findall(r"-m pipelines\.(?:extras\.)?(\w+)", printed) == ["train", "evaluate", "promote", "summary"]


@pytest.mark.parametrize("name", ["my data", "100%25", "a#b", "a:b", "it's $HOME", "größe"])
def test_a_data_folder_of_any_name_is_up_to_date(tmp_path, name):
    """Planted: names that make cannot write in a rule. What is done is not done again."""
    printed = make("-n", "train", *up_to_date(tmp_path, name)).stdout
    assert re.findall(r"-m pipelines\.(?:extras\.)?(\w+)", printed) == ["summary"]


def test_an_old_python_is_refused_with_the_way_out(tmp_path):
    """Planted: a Python that says it is 3.10."""
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 1); $2"\n')
    python.chmod(0o755)
    answer = make("install", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}")
    assert answer.returncode != 0
    assert "PYTHON=python3.12" in answer.stderr
    assert not (tmp_path / "venv").exists()


# What `make clean` may delete


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The Makefile in a folder of its own: what it deletes there is no loss."""
    folder = tmp_path / "clone"
    (folder / "data" / "1_raw").mkdir(parents=True)
    (folder / "data" / ".ml-loop").touch()
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def test_clean_removes_what_the_loop_made_and_nothing_else(clone):
    """Data and environments go; the datasheet, the marker and a file of the user stay."""
    for name in ("data/README.md", "data/mine.csv", "data/4_predictions/predictions.db", ".venv/installed", "notes.md"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).touch()
    assert make("clean", cwd=clone).returncode == 0
    left = sorted(str(path.relative_to(clone)) for path in clone.rglob("*") if path.is_file())
    assert left == ["Makefile", "data/.ml-loop", "data/README.md", "data/mine.csv", "notes.md"]


@pytest.mark.parametrize("name", ["theirs", "my data", "100%25", "-rf"])
@pytest.mark.parametrize("way", ["environment", "command line"])
def test_clean_refuses_a_folder_that_it_did_not_make(clone, name, way):
    """Planted: a folder of others, named by an inherited variable or by hand. Nothing is deleted, there or here."""
    theirs = clone / name
    (theirs / "1_raw").mkdir(parents=True)
    (theirs / "thesis.tex").touch()
    done = make("clean", cwd=clone, DATA_DIR=str(theirs)) if way == "environment" else make(
        "clean", f"DATA_DIR={theirs}", cwd=clone
    )  # fmt: skip
    assert done.returncode != 0
    assert f"{theirs} has no marker .ml-loop" in done.stderr
    assert (theirs / "1_raw").is_dir()
    assert (theirs / "thesis.tex").exists()
    assert (clone / "data" / "1_raw").is_dir()


@pytest.mark.parametrize("name", ["my data", "100%25", "big"])
def test_clean_removes_a_folder_of_any_name_that_it_made(clone, name):
    """A space in the name splits nothing, and another folder with the same beginning stays."""
    for folder in (name, "my"):
        (clone / folder / "1_raw").mkdir(parents=True)
    (clone / name / ".ml-loop").touch()
    assert make("clean", f"DATA_DIR={clone / name}", cwd=clone).returncode == 0
    assert not (clone / name / "1_raw").exists()
    assert (clone / "my" / "1_raw").is_dir()
    assert (clone / "data" / "1_raw").is_dir()


def test_clean_follows_a_data_folder_that_is_a_link(clone):
    """Planted: `data` is on another disk. What is in there goes, the link stays."""
    disk = clone.parent / "disk"
    (clone / "data").rename(disk)
    (clone / "data").symlink_to(disk)
    assert make("clean", cwd=clone).returncode == 0
    assert not (disk / "1_raw").exists()
    assert (clone / "data").is_symlink()


@pytest.mark.parametrize("value", ["", "   "])
def test_clean_without_a_folder_is_about_data(clone, value):
    """Planted: DATA_DIR is set to nothing, with which a path would begin at the root."""
    done = make("-n", "clean", cwd=clone, DATA_DIR=value)
    assert '"/1_raw"' not in done.stdout
    assert make("clean", cwd=clone, DATA_DIR="").returncode == 0
    assert not (clone / "data" / "1_raw").exists()


def test_clean_leaves_an_environment_elsewhere(clone):
    """Planted: VENV in the environment is another project's."""
    theirs = clone.parent / "their-venv"
    (theirs / "bin").mkdir(parents=True)
    assert make("clean", cwd=clone, VENV=str(theirs)).returncode == 0
    assert (theirs / "bin").is_dir()


def test_only_a_new_folder_gets_the_marker(tmp_path):
    """Planted: a folder with somebody's file. The step that fills it does not make it ours."""
    (tmp_path / "venv").mkdir()
    mark_installed(tmp_path / "venv")
    (python := tmp_path / "venv" / "bin" / "python").parent.mkdir()
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    (theirs := tmp_path / "theirs").mkdir()
    (theirs / "thesis.tex").touch()
    for folder, marked in ((theirs, False), (tmp_path / "a new one", True)):
        make("collect", f"DATA_DIR={folder}", f"VENV={tmp_path / 'venv'}")
        assert (folder / ".ml-loop").exists() == marked


# Arguments


@pytest.mark.parametrize(
    ("target", "name"),
    [("new", "NAME"), ("new", "FROM"), ("new", "KEY"), ("drill", "NAME"), ("explain", "ID"), ("challenge", "VERSION"),
     ("score", "INPUT"), ("forget", "SUBJECT"), ("tune", "TRIES"), ("audit", "OSV_URL"),
     ("score-card", "RESULTS")],
)  # fmt: skip
def test_an_argument_counts_only_on_the_command_line(tmp_path, target, name):
    """Planted: the environment has a variable of that name, as WSL has NAME. Only make's own words are arguments."""
    if target not in listed("help-all"):
        pytest.skip(f"no target {target} here")
    words = up_to_date(tmp_path)
    assert f'"${name}"' not in make("-n", target, *words, **{name: "laptop"}).stdout
    assert f'"${name}"' in make("-n", target, f"{name}=laptop", *words, **{name: "other"}).stdout


def test_every_run_of_tests_leaves_its_own_report(tmp_path):
    """With RESULTS: the score card adds up the reports, and one that overwrote another would be missing."""
    targets = ["test", "test-exhibit", "test-heavy"]
    runs, reports = (
        re.findall(pattern, make("-n", *targets, "RESULTS=reports", *up_to_date(tmp_path)).stdout)
        for pattern in (r"-m pytest -m", r'--junitxml="\$RESULTS/(\S+)\.xml"')
    )
    assert len(runs) == len(set(reports)) == 4
    assert "junitxml" not in make("-n", *targets, *up_to_date(tmp_path)).stdout


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"])
def test_the_commit_is_that_of_this_clone(tmp_path, name):
    """Planted: git's own variables name another repository, as they do in its hooks."""
    done = make("--no-print-directory", "--eval", "told: ; @echo $(COMMIT)", "told")
    other = make("--no-print-directory", "--eval", "told: ; @echo $(COMMIT)", "told", **{name: str(tmp_path)})
    assert (other.returncode, other.stdout, other.stderr) == (0, done.stdout, "")


@pytest.mark.parametrize(
    "value", ["$(shell touch PWNED)", "$$(touch PWNED)", "'; touch PWNED; '", '"`touch PWNED`"', "a b"]
)
@pytest.mark.parametrize(("target", "name"), [("explain", "ID"), ("score", "INPUT"), ("new", "NAME")])
def test_an_argument_is_evaluated_by_nobody(tmp_path, target, name, value):
    """Planted: make's and the shell's own syntax in a value. The program gets it letter by letter."""
    if target not in listed("help-all"):
        pytest.skip(f"no target {target} here")
    words = up_to_date(tmp_path)
    (python := tmp_path / "bin" / "python").parent.mkdir()
    python.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[3:])\n")
    python.chmod(0o755)
    value = value.replace("PWNED", str(tmp_path / "PWNED"))
    printed = make(target, f"{name}={value}", *words).stdout
    option = f"--{name.lower()}=" if target in {"score", "new"} else ""
    assert str([option + value]) in printed
    assert not (tmp_path / "PWNED").exists()


# What leaks from the environment


@pytest.fixture
def told(tmp_path: Path):
    """Run `make install` with a Python whose pip writes down its environment; return that."""

    def run(**variables: str) -> tuple[subprocess.CompletedProcess[str], str]:
        log, venv = tmp_path / "log", tmp_path / "venv"
        fake = f'#!/bin/sh\nenv > "{log}"\ncase "$*" in (config*) printf "%s\\n" "$CONFIGURED";; esac\n'
        python = tmp_path / "python3"
        python.write_text(
            f'#!/bin/sh\n[ "$2" = venv ] || exit 0\nmkdir -p "$3/bin"\n'
            f'cat > "$3/bin/pip" <<\'END\'\n{fake}END\nchmod +x "$3/bin/pip"\n'
        )
        python.chmod(0o755)
        return make("install", f"VENV={venv}", f"PYTHON={python}", "UV=", **variables), log.read_text()

    return run


@pytest.mark.parametrize(
    "name",
    ["PIP_USER", "PIP_ONLY_BINARY", "PIP_TARGET", "PIP_PREFIX", "PIP_NO_BINARY", "PIP_CONSTRAINT", "UV_NO_BUILD"],
)
def test_settings_of_other_installations_are_dropped_and_named(told, name):
    """Planted: a setting of pip or uv that would install elsewhere or otherwise."""
    done, environment = told(**{name: "1"})
    assert done.returncode == 0, done.stderr
    assert f"ignoring {name}" in done.stdout
    assert f"\n{name}=" not in f"\n{environment}"


@pytest.mark.parametrize("name", ["PIP_INDEX_URL", "PIP_CERT", "UV_INDEX_URL", "PIP_PROXY"])
def test_settings_of_the_registry_are_kept(told, name):
    """How to reach a registry is the machine's business."""
    done, environment = told(**{name: "kept"})
    assert f"{name}=kept" in environment
    assert "ignoring" not in done.stdout


@pytest.mark.parametrize("key", ["global.user", "install.target", "install.only-binary"])
def test_a_configuration_of_pip_that_cannot_work_is_named(told, key):
    """Planted: a line of pip's configuration file, as `pip config list` prints it."""
    done, _ = told(CONFIGURED=f"{key}='1'")
    assert done.returncode != 0
    assert f"pip's configuration sets {key}" in done.stderr


def environment_of_recipe(tmp_path: Path, **variables: str) -> dict[str, str]:
    """What a program sees that a recipe starts."""
    words = up_to_date(tmp_path)
    (python := tmp_path / "bin" / "python").parent.mkdir()
    python.write_text("#!/bin/sh\nenv\n")
    python.chmod(0o755)
    printed = make("serve", *words, **variables).stdout
    return dict(line.split("=", 1) for line in printed.splitlines() if "=" in line)


@pytest.mark.parametrize("excepted", ["", "example.org", "*"])
def test_loopback_never_goes_through_a_proxy(tmp_path, excepted):
    """Planted: a proxy for everything, with and without exceptions of the user's own, which stay."""
    seen = environment_of_recipe(tmp_path, HTTP_PROXY="http://proxy:1", no_proxy=excepted, NO_PROXY=excepted)
    for name in ("NO_PROXY", "no_proxy"):
        assert seen[name].split(",") == [*([excepted] if excepted else []), "127.0.0.1", "localhost", "::1"]


def test_the_containers_health_check_asks_no_proxy():
    """Each check that Python makes opens the address by itself."""
    for name in ("Dockerfile", "deploy/compose/compose.yaml"):
        asked = [line for line in (ROOT / name).read_text().splitlines() if "urllib" in line]
        assert asked
        assert all("ProxyHandler({})" in line for line in asked)


FIT = """
import resource, sys
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
rows = np.random.default_rng(0).normal(size=(40_000, 40))
HistGradientBoostingClassifier(max_iter=40, early_stopping=False).fit(rows, rows[:, 0] > rows[:, 1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime)
"""


@pytest.mark.heavy
@pytest.mark.skipif(sys.platform == "darwin", reason="the compiler's runtime of macOS sleeps by itself")
def test_a_fit_next_to_other_work_costs_no_more(tmp_path):
    """Injected: four processes that compute. A fit takes at most 1.5 times the processor seconds of one thread."""

    def seconds(environment: dict[str, str]) -> float:
        done = subprocess.run([sys.executable, "-c", FIT], env=environment, capture_output=True, text=True, check=True)
        return float(done.stdout)

    recipe = environment_of_recipe(tmp_path)
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        alone = seconds(recipe | {"OMP_NUM_THREADS": "1"})
        assert seconds({name: value for name, value in recipe.items() if name != "OMP_NUM_THREADS"}) <= 1.5 * alone
    finally:
        for process in busy:
            process.kill()
            process.wait()


def test_this_code_comes_first_whatever_the_path_says(tmp_path):
    """Planted: another `flights` on PYTHONPATH, and Python's safe path."""
    seen = environment_of_recipe(tmp_path, PYTHONPATH="/theirs", PYTHONSAFEPATH="1")
    assert seen["PYTHONPATH"] == f"{ROOT / 'src'}:{ROOT}:/theirs"
    assert "PYTHONSAFEPATH" not in seen


def test_no_recipe_needs_the_shell_flags_that_old_make_ignores():
    """macOS' make 3.81 knows no .SHELLFLAGS, .ONESHELL, `undefine` or `$(file ...)`."""
    assert not re.search(r"^\.(SHELLFLAGS|ONESHELL)|^\s*undefine |\$\(file ", RECIPES, re.MULTILINE)


@pytest.mark.parametrize("failing", ["kubectl", "kubernetes-validate"])
def test_manifests_fail_with_their_validator(tmp_path, failing):
    """Planted: a program of the recipe's loop that fails."""
    for name in ("kubectl", "kubernetes-validate"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {int(name == failing)}\n")
        program.chmod(0o755)
    (tmp_path / "installed").touch()
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = make("manifests", f"TOOL={tmp_path}", f"TOOLS={tmp_path / 'installed'}", PATH=path)
    assert done.returncode != 0
    assert "valid" not in done.stdout


# MLflow's page


def mlflow(tmp_path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`make mlflow` with a program in MLflow's place that prints its arguments."""
    given = up_to_date(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (program := tmp_path / "bin" / "mlflow").write_text('#!/bin/sh\nprintf "<%s>" "$@"\n')
    program.chmod(0o755)
    return make("mlflow", *given, *words, **variables)


def test_a_taken_port_fails_and_names_another(tmp_path):
    """Planted: something listens there."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = mlflow(tmp_path, f"MLFLOW_PORT={taken.getsockname()[1]}")
    assert done.returncode != 0
    assert "MLFLOW_PORT=5001" in done.stderr


@pytest.mark.parametrize(
    ("uri", "shown"),
    [("", "<sqlite:///{data}/3_models/mlflow.db>"), ("postgresql://h/mlflow", "<postgresql://h/mlflow>"),
     ("http://mlflow:5000", "open http://mlflow:5000")],
)  # fmt: skip
def test_the_page_shows_the_runs_of_the_setting(tmp_path, uri, shown):
    """MLFLOW_TRACKING_URI decides; without it, it is the data folder's store."""
    data = tmp_path / "100% #ä"
    done = mlflow(tmp_path, "MLFLOW_PORT=0", f"DATA_DIR={data}", MLFLOW_TRACKING_URI=uri)
    assert done.returncode == 0, done.stderr
    assert shown.format(data=str(data).replace("%", "%25")) in done.stdout


# Groups


@pytest.mark.parametrize(
    ("target", "groups"),
    [
        ("train", []),
        ("train ESTIMATOR=logistic", []),
        ("train ESTIMATOR=lightgbm", ["lightgbm"]),
        ("train ESTIMATOR=xgboost", ["xgboost"]),
        ("train ESTIMATOR=torch", ["torch"]),
        ("train ESTIMATOR=auto", ["lightgbm", "xgboost"]),
        ("serve", []),
        ("replay", ["replay"]),
        ("monitor", ["monitor"]),
        ("lint", ["lint"]),
        ("serve PREDICTIONS_URL=postgresql://h/d", ["postgres"]),
    ],
)
def test_a_target_installs_only_its_group(tmp_path, target, groups):
    """In an empty environment: the core, and what the target says."""
    words = [f"DATA_DIR={tmp_path}", f"VENV={tmp_path / 'venv'}"]
    printed = make("-n", *target.split(), *words).stdout
    assert re.findall(r"-r deploy/locks/(\w+)\.lock", printed) == groups
    assert "-r requirements.lock" in printed


def test_scripts_keep_their_line_ends():
    """A clone with core.autocrlf would end in `bash\\r`: git is told to leave every text's line ends."""
    command = ["git", "check-attr", "eol", ".ci/run", "deploy/image", "deploy/secrets", "Makefile"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count(": eol: lf") == 4
