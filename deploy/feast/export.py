"""What Feast gets of the feature store: the views' declarations as JSON, and a published tick as Parquet.

`make feast` runs this, then load.py in Feast's own environment, whose pins conflict with ours: they share only files.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from flights.artifacts import write_atomically, write_json
from flights.config import Settings
from flights.dataset import INPUTS, KEY, ROW_KEY, ROWS
from flights.extras.feature_store import Settings as StoreSettings
from flights.extras.feature_views.views import VIEWS
from serving.extras.by_key.lookup import EPOCH, Asked, as_of, planned
from serving.extras.by_key.store import FeatureStore

KINDS = {column.name: column.kind for column in (ROW_KEY, *INPUTS)}
TYPES = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "time": pa.timestamp("us", tz="UTC")}
KEYS_AT_ONCE = 100  # in one statement
PARSERS = {"integer": int, "time": datetime.fromisoformat}  # of what JSON has no type for


def main() -> None:
    """Export the newest published tick; or compare what Feast answered with what the service reads."""
    parser = argparse.ArgumentParser(prog="make feast", description=__doc__)
    parser.add_argument("exported", type=Path, help="JSON file; the values go to a folder next to it")
    parser.add_argument("--compare", type=Path, help="Feast's answers")
    args = parser.parse_args()
    store = FeatureStore(StoreSettings.read().store_url(Settings.read().data_dir))
    if args.compare is None:
        if not (tick := store.clock().published_until):
            sys.exit("feast     no tick is published: run `make materialize` first")
        export(store, args.exported, tick)
        return
    rows, different = differences(store, args.compare, json.loads(args.exported.read_text())["tick"])
    print(f"feast     {rows:,} {ROWS} by key, {len(different)} inputs each: {sum(different.values())} differences")
    sys.exit(any(different.values()))


def export(store: FeatureStore, exported: Path, tick: int) -> None:
    """Write the views' declarations, and their values for every entity that a tick has."""
    values = store.values(tick)
    views = []
    for view in VIEWS:
        kinds = {name: KINDS[name] for name in (*view.entity, *view.columns)}
        rows = [
            [*(entity.split("|") if entity else []), *json.loads(content)]
            for (name, entity), content in values.items()
            if name == view.name
        ]
        folder = exported.parent / "values" / view.name
        write_values(folder / f"{tick}.parquet", kinds, rows, tick)
        names = {"name": view.name, "entity": view.entity, "columns": view.columns}
        views.append(names | {"kinds": kinds, "max_age_minutes": view.max_age_minutes, "values": str(folder)})
    write_json(exported, {"tick": tick, "views": views})


def write_values(path: Path, kinds: dict[str, str], rows: list[list[Any]], tick: int) -> None:
    """Write the values of a tick, which never change: they were created at the tick."""
    columns = {name: typed(kind, [row[place] for row in rows]) for place, (name, kind) in enumerate(kinds.items())}
    moment = datetime.fromtimestamp(60 * tick, EPOCH.tzinfo)
    clocks = dict.fromkeys(("tick", "created"), pa.array([moment] * len(rows), TYPES["time"]))
    write_atomically(path, lambda temporary: pq.write_table(pa.table(columns | clocks), temporary))


def typed(kind: str, values: list[Any]) -> pa.Array:
    """Values of JSON in the type of their column."""
    parse = PARSERS.get(kind, lambda value: value)
    return pa.array([None if value is None else parse(value) for value in values], TYPES[kind])


def differences(store: FeatureStore, answers: Path, tick: int, age: int = 0) -> tuple[int, dict[str, int]]:
    """Number of flights, and of values of each input other than those that the service reads at a tick of some age."""
    found = pq.read_table(answers)
    inputs = served(store, found[KEY].to_pylist(), tick, age)
    different = {}
    for name in (name for view in VIEWS for name in view.columns):
        ours = typed(KINDS[name], [each[name] for each in inputs])
        different[name] = sum(one != other for one, other in zip(bits(ours), bits(found[name]), strict=True))
    return len(inputs), different


def served(store: FeatureStore, keys: list[str], tick: int, age: int) -> list[dict[str, Any]]:
    """The inputs of flights that the service reads at a tick of some age."""
    inputs: list[dict[str, Any]] = []
    for begin in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[begin : begin + KEYS_AT_ONCE]
        events = store.events_of([VIEWS[0].name], some)[VIEWS[0].name]
        asked = [Asked(key, tick + age, tick, KEY, planned(events[key][-1], [])) for key in some]
        inputs += [each.inputs for each in as_of(store, asked)]
    return inputs


def bits(values: Any) -> Iterator[object]:
    """Values such that two are equal if they have the same bits."""
    return (value.hex() if isinstance(value, float) else value for value in values.to_pylist())


if __name__ == "__main__":
    main()
