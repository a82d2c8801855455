"""All state is under one folder; settings come from the environment and refuse what they do not understand."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from flights.config import Settings


def test_one_setting_moves_all_state(tmp_path, monkeypatch):
    """With DATA_DIR elsewhere nothing is left in the default folder."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings = Settings()
    for path in (
        settings.raw_dir,
        settings.splits_dir,
        settings.models_dir,
        settings.candidate_dir,
        settings.reports_dir,
    ):
        assert path.is_relative_to(tmp_path)
    assert str(tmp_path) in settings.log_url


def test_the_log_can_live_elsewhere(monkeypatch):
    """A URL replaces the SQLite file."""
    monkeypatch.setenv("PREDICTIONS_URL", "postgresql+psycopg://somewhere/predictions")
    assert Settings().log_url == "postgresql+psycopg://somewhere/predictions"


@pytest.mark.parametrize(("name", "value"), [("PORT", "eighty"), ("PORT", "70000"), ("AS_OF", "soon")])
def test_a_setting_that_makes_no_sense_is_refused(monkeypatch, name, value):
    """A typing error stops the start; it does not become a default."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_a_job_by_the_clock_trains_as_of_this_month(monkeypatch):
    """The word `month` is the first day of the month in which the process runs."""
    monkeypatch.setenv("AS_OF", "month")
    today = datetime.now(UTC).date()
    assert Settings().as_of in {today.replace(day=1), datetime.now(UTC).date().replace(day=1)}


def test_the_makefile_has_the_same_first_live_day(monkeypatch):
    """`AS_OF` is in one place; make reads it there."""
    monkeypatch.delenv("AS_OF", raising=False)
    command = ["make", "--no-print-directory", "--eval", "told: ; @echo $(AS_OF)", "told"]
    told = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(Settings.model_fields["as_of"].default)


def test_every_setting_is_described():
    """The table in the docs is made from the descriptions."""
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "tcp://10.0.0.1:80"),
        ("SEED", "abc"),
        ("AS_OF", "2013-13-01"),
        ("AS_OF", "0001-01-01"),
        ("AS_OF", "9999-12-31"),
        ("AS_OF", "2262-12-31"),
        ("REQUIRE_CLEAN_TREE", "maybe"),
    ],
)
def test_a_malformed_setting_is_one_line(monkeypatch, variable, value):
    """Injected: a value of the wrong kind. The line names the variable and the value; there is no traceback."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as refusal:
        Settings.read()
    assert str(refusal.value).startswith(f"{variable}={value}: ")
    assert len(str(refusal.value).splitlines()) == 1
