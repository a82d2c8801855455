"""Forget: remove one subject from everything that the batch jobs made, and look through every file for what is left.

`forget_log` cleans the prediction log; `make forget` runs both. From now on `collect` leaves the subject out, so that
the next training knows nothing of it; models that learned from it already are named.
"""

import json
import sys
from datetime import date
from pathlib import Path

from extras.operations.scan import traces
from flights.artifacts import read_parquet, sha256, write_json, write_parquet
from flights.config import NAME, Settings
from flights.files import COLLECTED_FILE, MANIFEST_FILE, VALID_FILE
from flights.privacy import forget, forgotten_list, pseudonym, pseudonym_key, without_forgotten
from pipelines.split import write_split
from pipelines.step import step


def main() -> None:
    """Forget one subject, and prove it."""
    settings = Settings()
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit("expected one subject, as the data name it: make forget SUBJECT=N14228")
    subject = sys.argv[1].strip()
    with step("forget") as said:
        forget(settings.data_dir, subject)
        removed = {path: without(path, settings.data_dir) for path in holding_rows(settings)}
        renew_manifests(settings)
        left = found(settings.data_dir, subject)
        said.read = f"{len(removed)} tables, and every file of {settings.data_dir} for what is left"
        said.wrote = ", ".join(f"{path.name} without {rows}" for path, rows in removed.items() if rows) or "nothing new"
    print("".join(f"          left: {trace}\n" for trace in left), end="")
    if left:
        sys.exit("not forgotten: make the files above again, or delete them if nothing needs them; then once more")
    print(f"          nothing left; {remains(settings)}")


def holding_rows(settings: Settings) -> list[Path]:
    """The tables of rows in the clear: raw, valid and refused ones, and the parts of every split."""
    return [*sorted(settings.raw_dir.glob("*.parquet")), *sorted((settings.data_dir / "2_splits").rglob("*.parquet"))]


def without(path: Path, data_dir: Path) -> int:
    """Write a table without the forgotten; return how many rows that cost."""
    rows = read_parquet(path, "run `make collect`")
    kept = without_forgotten(rows, data_dir)
    if len(kept) < len(rows):
        write_parquet(path, kept)
    return len(rows) - len(kept)


def renew_manifests(settings: Settings) -> None:
    """Let the manifests of the raw table and of every split say what is there now."""
    manifest, table = settings.raw_dir / MANIFEST_FILE, settings.raw_dir / COLLECTED_FILE
    if manifest.is_file():
        content = json.loads(manifest.read_text())
        content["file"] |= {"sha256": sha256(table), "rows": len(read_parquet(table, ""))}
        content["forgotten"] = sha256(forgotten_list(settings.data_dir))
        write_json(manifest, content)
    for folder in sorted((settings.data_dir / "2_splits").glob("*-*-*")):
        valid = read_parquet(settings.raw_dir / VALID_FILE, "run `make validate`")
        write_split(settings.model_copy(update={"as_of": date.fromisoformat(folder.name)}), valid)


def found(data_dir: Path, subject: str) -> list[str]:
    """Where the subject still is, in the clear or by its pseudonym; the list of the forgotten does not count."""
    name = pseudonym(pseudonym_key(data_dir))(subject)
    return [
        f"{trace.file}, {trace.place}"
        for trace in traces(data_dir, (subject, name))
        if trace.file != forgotten_list(data_dir)
    ]


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
