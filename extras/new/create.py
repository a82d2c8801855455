"""Write a project from a table: `make new NAME=churn FROM=customers.csv TIME=signed_up_at TARGET=churned`."""

import argparse
import importlib.util
import keyword
import re
import shutil
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from extras.new.dates import Dates, split_dates
from extras.new.infer import Draft, draft
from extras.new.limits import Limit, limits
from extras.new.more import checked_extras
from extras.new.project import count_marks, write_project
from extras.new.query import database_url, is_url, read_query
from extras.new.roles import Options, Rejected, checked_roles
from extras.new.table import Unreadable, read_table

OPTIONS = ("name", "from", "query", "time", "target", "key", "group", "zone", "before", "delay-days", "dest", "extras")


def main() -> None:
    """Read the table, infer a draft, and write the project."""
    began = time.perf_counter()
    try:
        options = read_options(sys.argv[1:])
        found = draft(options, checked_roles(rows_of(options), options))
        dates = split_dates(found)
        chosen = limits(found, dates)
        print_draft(found)
        write_fresh(found, dates, chosen)
    except (Rejected, Unreadable) as error:
        sys.exit(f"make new: {error}")
    marks = count_marks(options.destination)
    print(f"new       {options.destination}: {marks} guesses to review; {time.perf_counter() - began:.1f} s")
    print(f"Next      cd {options.destination} && make train && make serve; make review lists the guesses")


def write_fresh(found: Draft, dates: Dates, chosen: list[Limit]) -> None:
    """Write the project; a failure leaves nothing behind."""
    try:
        write_project(found, dates, chosen)
    except BaseException:
        shutil.rmtree(found.options.destination, ignore_errors=True)
        raise


def rows_of(options: Options) -> pd.DataFrame:
    """The table, from its files or its database."""
    return read_query(options.url, options.query) if options.url else read_table(options.source)


def read_options(args: list[str]) -> Options:
    """The options, checked."""
    parser = argparse.ArgumentParser(prog="make new")
    for option in OPTIONS:
        parser.add_argument(f"--{option}", default="")
    given = vars(parser.parse_args(args))
    for option in ("name", "from"):
        if not given[option]:
            raise Rejected(
                f"{option.upper()} is missing: make new NAME=churn FROM=customers.csv TIME=signed_up_at TARGET=churned"
            )
    check_name(given["name"])
    destination = Path(given["dest"] or f"../{given['name']}").expanduser()
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise Rejected(f"DEST={destination} exists and is not empty: give another DEST")
    source = given["from"]
    if given["query"] and not is_url(source):
        raise Rejected("QUERY is for databases: give FROM=sqlite:///shop.db or FROM=postgresql://user@host/shop")
    return Options(
        name=given["name"],
        source=Path(database_url(source).database or "database") if is_url(source) else Path(source).expanduser(),
        url=source if is_url(source) else "",
        query=given["query"],
        extras=checked_extras(given["extras"]),
        time=given["time"],
        target=given["target"],
        destination=destination,
        key=given["key"],
        group=given["group"],
        zone=checked_zone(given["zone"] or "UTC"),
        before=checked_day(given["before"]),
        delay_days=checked_days(given["delay_days"] or "1"),
    )


def check_name(name: str) -> None:
    """The name of the package."""
    taken = {"pipelines", "serving", "monitoring", "extras", "tests", "data", "deploy"}
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or keyword.iskeyword(name):
        raise Rejected(f"NAME={name}: expected small letters, digits and underscores, beginning with a letter")
    if name in taken or importlib.util.find_spec(name) is not None:
        raise Rejected(f"NAME={name}: a Python package of this name exists; give another")


def checked_zone(name: str) -> str:
    """A known time zone."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        raise Rejected(f"ZONE={name}: no such time zone; give one like Europe/Berlin") from None


def checked_day(text: str) -> str:
    """A day in ISO 8601, or nothing."""
    try:
        return str(pd.Timestamp(text).date()) if text else ""
    except ValueError:
        raise Rejected(f"BEFORE={text}: expected a day such as 2024-01-31") from None


def checked_days(text: str) -> int:
    """A number of days."""
    if not text.isdigit() or int(text) > 1000:
        raise Rejected(f"DELAY_DAYS={text}: expected whole days from 0 to 1000")
    return int(text)


def print_draft(found: Draft) -> None:
    """What was found: the mapped names and what was left out."""
    roles = found.roles
    print(
        f"table     {len(roles.rows):,} rows, {len(found.mapping)} columns, {roles.targets.mean():.2%} positive, "
        f"{roles.targets.isna().sum():,} without a label"
    )
    for old, new in found.mapping:
        if old != new:
            print(f"name      {old!r} is {new}")
    for each in found.left_out:
        print(f"left out  {each.column}: {each.reason} ({each.evidence})")
    print(f"features  {', '.join([*found.calendar, *found.ages, *found.features])}")
    print(f"heuristic {found.group} within {found.banded}")


if __name__ == "__main__":
    main()
