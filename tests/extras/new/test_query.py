"""A table or a query of a database: a real SQLite file, and what is rejected in one line."""

import sqlite3

import pandas as pd
import pytest

from extras.new import create
from extras.new.query import database_url, read_query, without_password
from extras.new.table import Unreadable
from tests.extras.new.tables import rentals


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


def test_query_without_a_database_is_rejected():
    """Injected: a file with a query."""
    with pytest.raises(create.Rejected, match="QUERY is for databases"):
        create.read_options(["--name", "shopping", "--from", "rows.csv", "--query", "parks"])
