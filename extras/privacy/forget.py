"""Forget: remove one subject from everything that the batch jobs made, and look through every file for what is left.

`forget_log` cleans the prediction log; `make forget` runs both. From now on `collect` leaves the subject out, so that
the next training knows nothing of it; models that learned from it already are named.
"""

import json
import sys
from pathlib import Path

from extras.privacy.scan import traces
from flights.artifacts import read_json, read_parquet, sha256, write_json, write_parquet
from flights.config import NAME, Settings
from flights.dataset import EVENT_TIME, OUTCOME
from flights.extras.privacy import erase, erasure_list, pseudonym_key, pseudonymizer, select_rows
from flights.files import COLLECTED_FILE, MANIFEST_FILE, VALID_FILE
from pipelines.step import step


def main() -> None:
    """Forget one subject, and prove it."""
    settings = Settings.read()
    if len(sys.argv) != 2 or not sys.argv[1].strip():
        sys.exit("expected one subject, as the data name it: make forget SUBJECT=N14228")
    subject = sys.argv[1].strip()
    with step("forget") as summary:
        erase(settings.data_dir, subject)
        removed = {path: without(path, settings.data_dir) for path in holding_rows(settings)}
        renew_manifests(settings)
        left = found(settings.data_dir, subject)
        summary.read = f"{len(removed)} tables, and every file of {settings.data_dir} for what is left"
        shortened = ", ".join(f"{path.name} without {rows}" for path, rows in removed.items() if rows)
        summary.wrote = shortened or "nothing new"
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
    kept = select_rows(rows, data_dir)
    if len(kept) < len(rows):
        write_parquet(path, kept)
    return len(rows) - len(kept)


def renew_manifests(settings: Settings) -> None:
    """Let the manifests of the raw table and of every split say what is there now."""
    manifest, table = settings.raw_dir / MANIFEST_FILE, settings.raw_dir / COLLECTED_FILE
    if manifest.is_file():
        content = json.loads(manifest.read_text())
        content["file"] |= {"sha256": sha256(table), "rows": len(read_parquet(table, ""))}
        content["forgotten"] = sha256(erasure_list(settings.data_dir))
        write_json(manifest, content)
    for folder in sorted((settings.data_dir / "2_splits").glob("*-*-*")):
        path = folder / MANIFEST_FILE
        content = read_json(path, "run `make split`")
        content["source_sha256"] = sha256(settings.raw_dir / VALID_FILE)
        for name, part in content["parts"].items():
            rows = read_parquet(folder / f"{name}.parquet", "run `make split`")
            part |= {"sha256": sha256(folder / f"{name}.parquet"), "rows": len(rows)}
            part["without_outcome"] = int(rows[OUTCOME].isna().sum())
            if not rows.empty:
                part |= {"first": rows[EVENT_TIME].min().isoformat(), "last": rows[EVENT_TIME].max().isoformat()}
        write_json(path, content)


def found(data_dir: Path, subject: str) -> list[str]:
    """Where the subject still is, in the clear or by its pseudonym; the list of the forgotten does not count."""
    name = pseudonymizer(pseudonym_key(data_dir))(subject)
    return [
        f"{trace.file}, {trace.place}"
        for trace in traces(data_dir, (subject, name))
        if trace.file != erasure_list(data_dir)
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
