"""A table or a query of a database: a real SQLite file, and what is rejected in one line."""

import sqlite3

import pandas as pd
import pytest
import sqlalchemy

from extras.new import create
from extras.new.infer import draft
from extras.new.query import database_url, read_query, without_password
from extras.new.roles import checked_roles
from extras.new.table import Unreadable
from tests.extras.new.tables import rentals
from tests.serving.postgres import MISSING, postgres


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Rentals in a SQLite file, in a table whose name must be quoted, with a view of a part."""
    path = tmp_path_factory.mktemp("shop") / "shop 1.db"
    connection = sqlite3.connect(path)
    rentals().assign(start=lambda rows: rows["start"].astype("str")).to_sql("the rentals", connection, index=False)
    connection.execute('CREATE VIEW parks AS SELECT * FROM "the rentals" WHERE "from" LIKE \'Zoo%\'')
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize(
    "query",
    [
        "parks",
        "main.parks",
        'SELECT * FROM "the rentals" WHERE "from" LIKE \'Zoo%\';',
        "select r.* from \"the rentals\" r where r.[from] = 'Zoo & Park' and '10:30 :x 5%' <> ''",
    ],
)
def test_a_table_a_view_and_a_query_give_the_same_rows(database, query):
    """A colon or a percent sign in a query is no parameter; text is cleaned as in a file."""
    rows = read_query(f"sqlite:///{database}", query)
    expected = rentals()
    expected = expected[expected["from"] == "Zoo & Park"]
    assert len(rows) == len(expected)
    assert rows.columns.tolist() == expected.columns.tolist()
    assert rows["Wärme"].sum() == pytest.approx(expected["Wärme"].sum())


@pytest.mark.parametrize(
    ("source", "query", "said"),
    [
        ("sqlite:///{path}", "", "QUERY is missing: give a table (parks, the rentals) or a SELECT"),
        ("sqlite:///{path}", "rentals", "QUERY=rentals: no such table: give a table (parks, the rentals)"),
        ("sqlite:///{path}", "SELECT x FROM parks", "no such column: x"),
        ("sqlite:///{path}.gone", "parks", "no such file"),
        ("oracular://host/shop", "parks", "no driver for oracular"),
        ("://shop", "parks", "expected a URL such as"),
        ("postgresql://me:secret@127.0.0.1:1/shop", "parks", "refused"),
    ],
)
def test_what_cannot_be_read_is_one_line_without_the_password(database, source, query, said):
    """Injected: no query, a wrong table, column, file, driver and address."""
    with pytest.raises(Unreadable) as error:
        read_query(source.format(path=database), query)
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)


def test_nothing_is_written_to_the_database(database):
    """Injected: a statement that deletes."""
    before = database.read_bytes()
    with pytest.raises(Unreadable):
        read_query(f"sqlite:///{database}", 'DELETE FROM "the rentals"')
    assert database.read_bytes() == before


def test_a_file_that_is_missing_is_not_made(tmp_path):
    """SQLite would make it."""
    with pytest.raises(Unreadable, match="no such file"):
        read_query(f"sqlite:///{tmp_path}/shop.db", "parks")
    assert list(tmp_path.iterdir()) == []


def test_passwords_are_not_kept_and_paths_are_absolute(database, monkeypatch):
    """The project is in another folder, and is committed."""
    monkeypatch.chdir(database.parent)
    assert without_password("sqlite:///shop 1.db") == f"sqlite:///{database}"
    kept = without_password("postgres://me:secret@host/shop?sslmode=require&sslpassword=secret")
    assert kept == "postgresql+psycopg://me@host/shop?sslmode=require"
    assert database_url("postgresql://me:secret@host/shop").password == "secret"


def test_types_of_a_server_become_those_of_a_file(monkeypatch):
    """Days, moments with an offset, and decimals, as psycopg returns them."""
    from datetime import date, datetime, timedelta, timezone
    from decimal import Decimal
    from uuid import UUID

    from extras.new.query import typed

    zone = timezone(timedelta(hours=1))
    rows = pd.DataFrame(
        {
            "day": [date(2024, 1, 31), None],
            "at": [datetime(2024, 1, 31, 1, tzinfo=zone), datetime(2024, 1, 31, 2, tzinfo=zone)],
            "id": [UUID(int=1), UUID(int=2)],
            "price": pd.Series([Decimal("1.5"), None]).astype("float64"),
        }
    )
    found = typed(rows)
    assert found["day"][0] == pd.Timestamp("2024-01-31")
    assert found["at"][0] == pd.Timestamp("2024-01-31T00:00Z")
    assert found["id"][1].endswith("0002")
    assert found["price"].dtype == "float64"


@pytest.fixture(scope="module")
def server():
    """A PostgreSQL with rentals in a schema of its own, in the types of a server."""
    if MISSING:
        pytest.skip(MISSING)
    with postgres() as running:
        engine = sqlalchemy.create_engine(running.url)
        with engine.begin() as connection:
            rentals().to_sql("as given", connection, index=False)
            connection.execute(sqlalchemy.text("CREATE SCHEMA shop"))
            connection.execute(sqlalchemy.text(TYPED))
        engine.dispose()
        yield running.url


TYPED = """
CREATE TABLE shop.rentals AS SELECT
    (start AT TIME ZONE 'Asia/Kolkata')::timestamptz AS start, "Wärme"::numeric(6, 1), "class"::smallint, "from",
    CASE WHEN "2nd class" = 'ja' THEN true WHEN "class" < 8 THEN false END AS "2nd class",
    booked = 'yes' AS booked, gen_random_uuid() AS rental, start::date AS "day", ARRAY[1, 2] AS "list"
FROM "as given"
"""


def test_a_query_of_a_live_postgresql_becomes_a_draft(server, tmp_path):
    """Moments with an offset, days, decimals, booleans with missing ones, UUIDs and arrays, as psycopg returns them."""
    words = {"name": "renting", "from": server, "query": "shop.rentals", "time": "start", "target": "booked"}
    words |= {"key": "rental", "zone": "Asia/Kolkata", "dest": str(tmp_path / "project")}
    options = create.read_options([word for name, value in words.items() for word in (f"--{name}", value)])
    roles = checked_roles(create.rows_of(options), options)
    expected = rentals()
    assert roles.times.tolist() == expected["start"].dt.tz_localize("Asia/Kolkata").dt.tz_convert("UTC").tolist()
    assert roles.targets.sum() == (expected["booked"] == "yes").sum()
    found = draft(options, roles)
    kinds = {each.name: (each.kind, each.nullable) for each in found.guesses}
    assert kinds == {
        "waerme": ("number", True),
        "class_value": ("integer", False),
        "from_value": ("text", True),
        "n2nd_class": ("text", True),
        "day_value": ("time", False),
    }
    assert [(each.column, each.reason) for each in found.left_out] == [("list", "constant"), ("rental", "key")]


def test_what_a_live_postgresql_rejects_is_one_line(server):
    """Injected: a wrong table, a wrong column, and a statement that deletes. A name with a space is a table's."""
    for query, said in (
        ("rentals", "no such table"),
        ('SELECT x FROM "as given"', 'column "x"'),
        ('DELETE FROM "as given"', "does not return rows"),
    ):
        with pytest.raises(Unreadable, match=said) as error:
            read_query(server, query)
        assert "\n" not in str(error.value)
    assert len(read_query(server, "as given")) == len(rentals())


def test_query_without_a_database_is_rejected():
    """Injected: a file with a query."""
    with pytest.raises(create.Rejected, match="QUERY is for databases"):
        create.read_options(["--name", "shopping", "--from", "rows.csv", "--query", "parks"])
