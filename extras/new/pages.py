"""The project's page and its example request."""

from datetime import timedelta
from pathlib import Path

from extras.new.dates import Dates
from extras.new.infer import Draft, Guess
from serving.fields import BOOLEAN

FILES = Path(__file__).parent / "files"


def request(found: Draft, dates: Dates) -> dict[str, object]:
    """A valid request: every input's example."""
    time = {found.names[found.options.time]: f"{dates.as_of:%Y-%m-%dT12:00:00Z}"}
    return time | {each.name: example(each) for each in found.guesses}


def example(each: Guess) -> object:
    """A valid value; of a column of true and false, JSON's own."""
    return each.example == BOOLEAN[1] if each.categories == BOOLEAN else each.example


def readme(found: Draft, dates: Dates, stored: str, marks: int) -> str:
    """The one page of the project."""
    options = found.options
    start = dates.as_of
    begins = {
        "train": "the beginning",
        "validation": f"{start - timedelta(days=dates.holdout_days + dates.validation_days):%F}",
        "holdout": f"{start - timedelta(days=dates.holdout_days):%F}",
        "live": f"{start:%F}",
    }
    parts = "\n".join(
        f"| {name} | {begins[name]} | {rows:,} | {positive:,} |" for name, (rows, positive) in dates.counts.items()
    )
    out = {each.column: f"left out: {each.reason}" for each in found.left_out}
    roles = {options.time: "the row's time", options.target: "the target"}
    kinds = {each.source: each.kind for each in found.guesses}
    columns = "\n".join(
        f"| {cell(old)} | `{new}` | {roles.get(old) or out.get(old) or kinds.get(old, '')} |"
        for old, new in found.mapping
    )
    left = "\n".join(f"- `{each.column}`: {each.reason} ({each.evidence})" for each in found.left_out) or "Nothing."
    delay = f"Labels are known {max(1, options.delay_days)} days after the row's time (`DELAY_DAYS`). "
    delay += "A gap of a day more is left out between the parts."
    return (
        (FILES / "README.md")
        .read_text()
        .format(
            name=options.name,
            target=options.target,
            time=options.time,
            source=f"`{options.source.name}`",
            stored=where(stored, options.query),
            marks=marks,
            parts=parts,
            columns=columns,
            left_out=left,
            delay=delay,
        )
    )


def where(stored: str, query: str) -> str:
    """Where the rows are, and how another place is named."""
    if "://" in stored:
        return (
            f"The rows are `{query}` of the database `{stored}`, which `make collect` reads. A password is not stored: "
            "give the URL with it as `SOURCE=...`"
        )
    return (
        f"The table is `{stored}`; `data/` is ignored by git, so put the table there in each clone, or name another "
        "one with `SOURCE=...`"
    )


def cell(text: str) -> str:
    """A text in a cell of a Markdown table."""
    return text.replace("|", "\\|")
