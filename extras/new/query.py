"""Read a table or the result of a query from a database, through SQLAlchemy.

`make new` copies this module into the project that it writes. Nothing is written to the database.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from extras.new.table import Unreadable, cleaned

POSTGRESQL = ("postgresql", "postgres")  # drivers that are not named: psycopg is in the lock
MAX_LISTED = 20  # tables in a message


def is_url(source: str) -> bool:
    """Whether a source is a database and not a file."""
    return "://" in source


def database_url(source: str) -> URL:
    """The URL of a database as SQLAlchemy takes it, with the absolute path of a SQLite file."""
    try:
        url = make_url(source)
    except ArgumentError:
        raise Unreadable(
            "FROM: expected a URL such as sqlite:///shop.db or postgresql://user@host/shop, or a file"
        ) from None
    if url.drivername in POSTGRESQL:
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        file = Path(url.database or "").resolve()
        if not file.is_file():
            raise Unreadable(f"FROM={source}: no such file {url.database or '(none named)'}")
        url = url.set(database=str(file))
    return url


def without_password(source: str) -> str:
    """The same URL, for a file that is committed."""
    url = database_url(source)
    kept = {name: value for name, value in url.query.items() if "password" not in name.lower()}
    return url._replace(password=None).set(query=kept).render_as_string(hide_password=False)


def read_query(source: str, query: str) -> pd.DataFrame:
    """Every row of a table, if `query` is the name of one, or of the query's result."""
    url = database_url(source)
    shown = without_password(source)
    try:
        engine = sqlalchemy.create_engine(url)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise Unreadable(f"FROM={shown}: no driver for {url.drivername} ({error}): install it into .venv") from None
    try:
        with engine.connect() as connection:
            selected = as_select(connection, query)
            raw = connection.execution_options(no_parameters=True)  # a % in the query is a %
            return cleaned(typed(pd.read_sql_query(selected, raw)))
    except (SQLAlchemyError, pd.errors.DatabaseError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error.__cause__ or error).split())[:300]
        raise Unreadable(f"FROM={shown} QUERY={query}: {reason}") from None
    finally:
        engine.dispose()


def as_select(connection: Connection, query: str) -> str:
    """The query in SQL; the name of a table, also as schema.table, means all of its rows."""
    inspector = sqlalchemy.inspect(connection)
    names = sorted({*inspector.get_table_names(), *inspector.get_view_names()})
    schema, _, name = query.strip().rpartition(".")
    if len(query.split()) > 1 and query.strip() not in names:
        return query.strip().rstrip(";")
    if name and (inspector.has_table(name, schema or None) or query in names):
        quote = connection.dialect.identifier_preparer.quote_identifier
        return f"SELECT * FROM {f'{quote(schema)}.' if schema else ''}{quote(name)}"  # noqa: S608 - it is quoted
    listed = ", ".join(names[:MAX_LISTED]) + (", ..." if len(names) > MAX_LISTED else "")
    given = f"QUERY={query}: no such table" if query else "QUERY is missing"
    raise Unreadable(f"{given}: give a table ({listed or 'the database has none'}) or a SELECT")


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Days and moments as such, and what pandas has no type for as text."""
    for place, dtype in enumerate(table.dtypes):
        values: pd.Series[Any] = table.iloc[:, place]
        if pd.api.types.is_object_dtype(dtype):
            kind = pd.api.types.infer_dtype(values, skipna=True)
            if kind in ("date", "datetime"):
                table.isetitem(place, pd.to_datetime(values, utc=has_zone(values)).array)
            elif kind != "boolean":
                table.isetitem(place, values.astype("str").where(values.notna()).array)
    return table


def has_zone(values: "pd.Series[Any]") -> bool:
    """Whether moments have an offset from UTC."""
    return getattr(values.dropna().iloc[0], "tzinfo", None) is not None
