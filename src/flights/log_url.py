"""The prediction log's URL: one function makes it and one reads it, in every process that opens the log."""

from pathlib import Path
from urllib.parse import unquote

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://", "postgresql+psycopg://")


def file_url(file: Path) -> str:
    """The URL of a SQLite file, whatever characters its path has."""
    return SQLITE + str(file).replace("%", "%25").replace("?", "%3F")


def read_url(url: str) -> Path | str:
    """The file of a SQLite URL, or a PostgreSQL URL as its driver takes it.

    Raises
    ------
    ValueError
        The URL is of another kind.
    """
    scheme, _, rest = url.partition("://")
    if url.startswith(POSTGRESQL):
        return f"postgresql://{rest}"
    if not url.startswith(SQLITE):
        raise ValueError(f"got a URL of {scheme[:20]!r}, expected {SQLITE}<path> or postgresql://<host>/<database>")
    path = url.removeprefix(SQLITE)
    if path in {"", ":memory:"} or "?" in path:
        raise ValueError(f"expected {SQLITE}<path of a file>, without options; a ? in the path is %3F")
    return Path(unquote(path))
