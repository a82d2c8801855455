"""A table that will not do is rejected with the column, the count and the option, before anything is written."""

import re

import numpy as np
import pandas as pd
import pytest

from extras.new import create
from extras.new.roles import Rejected, checked_roles
from extras.new.table import Unreadable, read_table
from tests.extras.new.tables import snapshots

GOOD = {"NAME": "snapshots", "TIME": "Snapshot week", "TARGET": "label"}


def options(tmp_path, **changed):
    given = GOOD | {"FROM": str(tmp_path / "table.csv"), "DEST": str(tmp_path / "project")} | changed
    return create.read_options(
        [word for name, value in given.items() for word in (f"--{name.lower().replace('_', '-')}", value)]
    )


def check(tmp_path, changed):
    chosen = options(tmp_path, **changed)
    checked_roles(read_table(chosen.source), chosen)


def message(tmp_path, table, **changed):
    """What a table is rejected with."""
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises((Rejected, Unreadable)) as error:
        check(tmp_path, changed)
    assert not (tmp_path / "project").exists()
    return str(error.value)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.linspace(0, 9, 1500), "regression is not supported"),
        (np.arange(1500) % 40, "regression is not supported"),
        (np.arange(1500) % 3, "got 3 different values .*several classes"),
        (np.array(["a", "b", "c"])[np.arange(1500) % 3], "several classes"),
        (np.array(["good", "bad"])[np.arange(1500) % 2], "write the column as 0 and 1"),
        (np.ones(1500), "all 1,500 known values are 1.0, and one class cannot be learned"),
        (np.full(1500, np.nan), "all 1,500 values are missing"),
    ],
)
def test_a_target_that_is_not_0_1_or_missing_is_rejected(tmp_path, values, said):
    """Planted: numbers, several classes, other words, one class, nothing."""
    assert re.search(said, message(tmp_path, snapshots().assign(label=values)))


@pytest.mark.parametrize("values", [("yes", "no"), (True, False), (1.0, 0.0), ("1", "")])
def test_other_words_for_yes_and_no_are_accepted(tmp_path, values):
    """With an unlabelled last row."""
    frame = snapshots()
    frame["label"] = np.where(frame["label"] == 1, values[0], values[1]).astype(object)
    frame.loc[0, "label"] = "0" if values[1] == "" else frame["label"][0]
    frame.to_csv(tmp_path / "table.csv", index=False)
    chosen = options(tmp_path)
    targets = checked_roles(read_table(chosen.source), chosen).targets
    assert set(targets.dropna()) == {0.0, 1.0}


def test_a_table_without_the_time_column_is_rejected_with_those_that_could_be(tmp_path):
    """Planted: no TIME, a wrong one, one with gaps, and one that holds no times."""
    said = message(tmp_path, snapshots(), TIME="")
    assert said.startswith("TIME is missing: give one of")
    assert "Without a time there are no splits" in said
    said = message(tmp_path, snapshots(), TIME="when")
    assert "TIME=when: no such column" in said
    assert "Snapshot week could be times" in said
    frame = snapshots()
    frame.loc[:9, "Snapshot week"] = pd.NaT
    assert "10 of 1,500 rows have no time" in message(tmp_path, frame)
    assert "TIME=Text 1: column Text 1: 1,500 of 1,500 values are no times" in message(
        tmp_path, snapshots(), TIME="Text 1"
    )


def test_duplicate_and_missing_keys_are_rejected(tmp_path):
    """Planted: seven rows with the key of another, and three without one."""
    frame = snapshots().assign(customer=[f"c{number}" for number in range(1500)])
    frame.loc[:6, "customer"] = "c100"
    assert "KEY=customer: 7 of 1,500 rows repeat an earlier key" in message(tmp_path, frame, KEY="customer")
    frame.loc[:2, "customer"] = None
    assert "KEY=customer: 3 of 1,500 rows have none" in message(tmp_path, frame, KEY="customer")


def test_rows_from_the_future_are_rejected_unless_they_are_left_out(tmp_path):
    """Planted: five rows of the year 2999. BEFORE leaves them out."""
    frame = snapshots()
    frame["Snapshot week"] = frame["Snapshot week"].astype("str")
    frame.loc[1495:, "Snapshot week"] = "2999-01-01"
    said = message(tmp_path, frame)
    assert "5 of 1,500 rows are in the future" in said
    assert "BEFORE=" in said
    chosen = options(tmp_path, BEFORE="2025-01-01")
    assert len(checked_roles(read_table(chosen.source), chosen).rows) == 1495


def test_mixed_zones_are_rejected(tmp_path):
    """Planted: twenty times with an offset among times without one."""
    frame = snapshots()
    frame["Snapshot week"] = frame["Snapshot week"].dt.strftime("%Y-%m-%d 10:00")
    frame.loc[:19, "Snapshot week"] = frame.loc[:19, "Snapshot week"] + "+02:00"
    said = message(tmp_path, frame)
    assert "20 values have an offset from UTC and 1,480 have none" in said
    assert "ZONE" in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"NAME": "My project"}, "NAME=My project"),
        ({"NAME": "pandas"}, "NAME=pandas: a Python package"),
        ({"ZONE": "Berlin"}, "ZONE=Berlin: no such time zone"),
        ({"BEFORE": "soon"}, "BEFORE=soon"),
        ({"DELAY_DAYS": "-1"}, "DELAY_DAYS=-1"),
        ({"TARGET": "none"}, "TARGET=none: no such column"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, changed, said):
    """Planted: each option with a value that will not do."""
    assert said in message(tmp_path, snapshots(), **changed)


@pytest.mark.parametrize(
    ("name", "key", "said"),
    [
        ("person", "{}@example.org", "1,500 of 1,500 are e-mail addresses"),
        ("person", "+49 170 {:07}", "are phone numbers"),
        ("person", "DE0210010010{:010}", "are IBANs"),
        ("person", "Müller {}", "hold other characters than an ID"),
        ("contact phone", "{:04}", "its name says so (phone)"),
        ("Tel", "{}", "its name says so (tel)"),
        ("IBAN", "{}", "its name says so (iban)"),
    ],
)
def test_a_key_that_is_personal_is_found_by_name_or_values(tmp_path, name, key, said):
    """Planted: addresses, numbers and names of persons as keys."""
    frame = snapshots().assign(**{name: [key.format(number) for number in range(1500)]})
    assert said in personal_key_of(tmp_path, frame, name)


@pytest.mark.parametrize("prefix", ["49170", "0170", "1202", "33"])
def test_a_phone_number_of_digits_alone_is_found(tmp_path, prefix):
    """Planted: numbers of subscribers, without a sign or a space, in a column whose name tells nothing."""
    numbers = np.random.default_rng(0).choice(10**7, 1500, replace=False)
    frame = snapshots().assign(person=[f"{prefix}{number:07}" for number in numbers])
    assert "as long as phone numbers" in personal_key_of(tmp_path, frame, "person")


@pytest.mark.parametrize("key", ["{}", "c{}", "{:010}", "4000{:06}", "2024-{:05}", "a.b:{}", "{}-4f1c-9d"])
def test_a_counter_stays_as_it_is(tmp_path, key):
    """Counted from 0, padded, or from a high number on; `dataset.py` says how to declare it personal."""
    frame = snapshots().assign(customer=[key.format(number) for number in range(1500)])
    assert personal_key_of(tmp_path, frame, "customer") == ""


def test_a_mixed_key_with_one_address_is_personal(tmp_path):
    """Injected: one address among numbers would be in the log."""
    frame = snapshots().assign(customer=[f"c{number}" for number in range(1500)])
    frame.loc[700, "customer"] = "someone@example.org"
    assert personal_key_of(tmp_path, frame, "customer").startswith("1 of 1,500")


def personal_key_of(tmp_path, frame, name):
    frame.to_csv(tmp_path / "table.csv", index=False)
    chosen = options(tmp_path, KEY=name)
    return checked_roles(read_table(chosen.source), chosen).personal_key


@pytest.mark.parametrize("key", ["x" * 101 + "{}", "a\x07{}"])
def test_a_key_that_no_request_can_have_is_rejected(tmp_path, key):
    """Planted: keys that are too long, or hold control characters."""
    frame = snapshots().assign(customer=[key.format(number) for number in range(1500)])
    assert "KEY=customer: 1,500 of 1,500 keys are longer than" in message(tmp_path, frame, KEY="customer")
