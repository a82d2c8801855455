"""Forget: remove one subject from everything that the batch jobs made, and look through every file for what is left.

`forget_log` cleans the prediction log; `make forget` runs both. From now on `collect` leaves the subject out, so that
the next training knows nothing of it; models that learned from it already are named.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from extras.privacy import given_subject
from extras.privacy.scan import as_word, is_distinctive, traces
from flights.artifacts import read_json, read_parquet, sha256, write_json, write_parquet
from flights.config import NAME, Settings
from flights.contract import PERSONAL
from flights.dataset import EVENT_TIME, KEY, OUTCOME, ROW_KEY
from flights.extras.privacy import SUBJECTS, erase, erasure_list, pseudonym_key, pseudonymizer, select_rows
from flights.files import COLLECTED_FILE, MANIFEST_FILE, VALID_FILE
from pipelines.step import step


def main() -> None:
    """Forget one subject, and prove it."""
    settings = Settings.read()
    subject = given_subject()
    with step("forget") as summary:
        naming = keys_that_name(settings, subject)
        erase(settings.data_dir, subject)
        removed = {path: without(path, settings.data_dir) for path in holding_rows(settings)}
        renew_manifests(settings)
        left = found(settings.data_dir, subject)
        summary.read = f"{len(removed)} tables, and every file of {settings.data_dir} for what is left"
        shortened = ", ".join(f"{path.name} without {rows}" for path, rows in removed.items() if rows)
        summary.wrote = shortened or "nothing new"
    print("".join(f"          left: {trace}\n" for trace in left), end="")
    if naming:
        print(f"          {KEY} held the subject, as {naming[0]}: request IDs in the log were in the clear until now")
    if not is_distinctive(subject):
        print(f"          {subject} is too short to look for in texts: searched personal columns, and its pseudonym")
    if left:
        sys.exit("not forgotten: make the files above again, or delete them if nothing needs them; then once more")
    print(f"          nothing left; {remains(settings)}")


def holding_rows(settings: Settings) -> list[Path]:
    """The tables of rows in the clear: raw, valid and refused ones, and the parts of every split."""
    return [*sorted(settings.raw_dir.glob("*.parquet")), *sorted((settings.data_dir / "2_splits").rglob("*.parquet"))]


def without(path: Path, data_dir: Path) -> int:
    """Write a table without the forgotten; return how many rows that cost."""
    rows = read_parquet(path, "run `make collect`")
    kept = select_rows(rows, data_dir)
    if len(kept) < len(rows):
        write_parquet(path, kept)
    return len(rows) - len(kept)


def renew_manifests(settings: Settings) -> None:
    """Let the manifests of the raw table and of every split say what is there now."""
    manifest, table = settings.raw_dir / MANIFEST_FILE, settings.raw_dir / COLLECTED_FILE
    if manifest.is_file():
        content = json.loads(manifest.read_text())
        if isinstance(content.get("file"), dict) and table.is_file():  # another collect.py may write less
            content["file"] |= {"sha256": sha256(table), "rows": len(read_parquet(table, ""))}
        content["forgotten"] = sha256(erasure_list(settings.data_dir))
        write_json(manifest, content)
    for folder in sorted((settings.data_dir / "2_splits").glob("*-*-*")):
        path = folder / MANIFEST_FILE
        if not path.is_file():  # a split that was not finished
            continue
        content, valid = read_json(path, "run `make split`"), settings.raw_dir / VALID_FILE
        if valid.is_file():
            content["source_sha256"] = sha256(valid)
        for name, part in content.get("parts", {}).items():
            if not (folder / f"{name}.parquet").is_file():
                continue
            rows = read_parquet(folder / f"{name}.parquet", "run `make split`")
            part |= {"sha256": sha256(folder / f"{name}.parquet"), "rows": len(rows)}
            part["without_outcome"] = int(rows[OUTCOME].isna().sum())
            if not rows.empty:
                part |= {"first": rows[EVENT_TIME].min().isoformat(), "last": rows[EVENT_TIME].max().isoformat()}
        write_json(path, content)


def found(data_dir: Path, subject: str) -> list[str]:
    """Where the subject still is, in the clear or by its pseudonym; the list of the forgotten does not count."""
    name = pseudonymizer(pseudonym_key(data_dir))(subject)
    words = (subject, name) if is_distinctive(subject) else (name,)
    by_column = [] if is_distinctive(subject) else in_personal_columns(data_dir, subject)
    return by_column + [
        f"{trace.file}, {trace.place}" for trace in traces(data_dir, words) if trace.file != erasure_list(data_dir)
    ]


def in_personal_columns(data_dir: Path, subject: str) -> list[str]:
    """Tables with the subject in a personal column."""
    found = []
    for path in sorted(data_dir.rglob("*.parquet")):
        rows = read_parquet(path, "run `make collect`")
        found += [f"{path}, column {name}" for name in SUBJECTS if name in rows and (rows[name] == subject).any()]
    return found


def keys_that_name(settings: Settings, subject: str) -> list[str]:
    """Keys of the subject's own rows that hold it as a word."""
    if ROW_KEY.personal:
        return []  # the log has pseudonyms of them
    path, alone = settings.raw_dir / VALID_FILE, as_word(subject)
    rows = read_parquet(path, "run `make validate`") if path.is_file() else pd.DataFrame()
    theirs = pd.concat([rows.loc[rows[name] == subject, KEY] for name in PERSONAL if name in rows] or [pd.Series()])
    return [key for key in theirs if alone.search(key.encode())]


def remains(settings: Settings) -> str:
    """What no deletion reaches: models that learned from the rows while they were there."""
    versions = sorted(int(path.name) for path in (settings.models_dir / NAME).glob("[0-9]*") if path.is_dir())
    if not versions:
        return "no model was trained yet; none will learn from it"
    names = ", ".join(str(version) for version in versions)
    return (
        f"what remains: versions {names} may have learned from its rows, among hundreds of thousands, and hold "
        f"no value of it; `make train` fits one that did not"
    )


if __name__ == "__main__":
    main()
