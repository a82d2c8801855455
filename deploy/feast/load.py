"""Feast as the online store: apply what export.py wrote, materialize its tick, and read every flight's inputs by key.

Runs in Feast's environment, .venv-feast. Where Feast 0.67 differs from our store, test_feast.py asserts it:

- An expired value is returned as PRESENT (feast#6821). `read` compares its age with the view's maximum itself.
- The SQLite store lets an older value replace a newer one. `materialize` rejects a tick before the newest.
- A value restated later leaks into history (feast#6615), unless `filter_by_created_timestamp=True`.
- The online store has one value for each entity: it has no earlier tick, and what is not computed any more stays.
"""

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64, Int64, String, UnixTimestamp

TYPES = {"text": String, "integer": Int64, "number": Float64, "time": UnixTimestamp}
Declared = dict[str, Any]  # a view of export.py


def main() -> None:
    """Load the exported tick, and answer for the keys that it has."""
    parser = argparse.ArgumentParser(prog="make feast", description=__doc__)
    parser.add_argument("exported", type=Path)
    parser.add_argument("answers", type=Path)
    args = parser.parse_args()
    exported = json.loads(args.exported.read_text())
    views, tick = exported["views"], exported["tick"]
    store = applied(args.exported.parent.resolve(), views)
    materialize(store, tick)
    keys = pd.read_parquet(Path(views[0]["values"], f"{tick}.parquet"))[views[0]["entity"]]
    read(store, views, keys, tick).to_parquet(args.answers)


def applied(folder: Path, views: list[Declared]) -> FeatureStore:
    """A Feast repository in a folder, with the declared views: files offline, SQLite online."""
    config = RepoConfig(
        project="ml_loop",
        registry=str(folder / "registry.db"),
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        offline_store={"type": "file"},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    kinds = {name: view["kinds"][name] for view in views for name in view["entity"]}
    entities = {
        name: Entity(name=name, join_keys=[name], value_type=TYPES[kind].to_value_type())
        for name, kind in kinds.items()
    }
    store.apply([*entities.values(), *(feature_view(view, entities) for view in views)])
    return store


def feature_view(view: Declared, entities: dict[str, Entity]) -> FeatureView:
    """A declared view as Feast's: its maximum age is the `ttl`, its tick the event's time."""
    values = Path(view["values"]).resolve()
    return FeatureView(
        name=view["name"],
        entities=[entities[name] for name in view["entity"]],
        schema=[Field(name=name, dtype=TYPES[kind]) for name, kind in view["kinds"].items()],
        ttl=timedelta(minutes=view["max_age_minutes"]),
        source=FileSource(
            name=view["name"], path=str(values), timestamp_field="tick", created_timestamp_column="created"
        ),
    )


def materialize(store: FeatureStore, tick: int) -> None:
    """Load the values of a tick.

    Raises
    ------
    ValueError
        A newer tick is loaded already.
    """
    moment = datetime.fromtimestamp(60 * tick, UTC)
    loaded = [view.most_recent_end_time for view in store.list_feature_views() if view.materialization_intervals]
    if loaded and moment < max(loaded):
        advice = "it would replace newer values; delete build/feast to begin again"
        raise ValueError(f"expected a tick from {max(loaded)} on, got {moment}: {advice}")
    store.materialize(moment, moment)


def read(store: FeatureStore, views: list[Declared], keys: pd.DataFrame, now: int) -> pd.DataFrame:
    """The inputs for some keys, view by view: the first one names the others' entities. What expired is missing."""
    found = keys.to_dict("list")
    for view in views:
        entities = {name: found[name] for name in view["entity"] or keys.columns}
        features = [f"{view['name']}:{name}" for name in view["columns"]]
        answer = store.get_online_features(features, entities).to_dict(include_event_timestamps=True)
        oldest = 60 * (now - view["max_age_minutes"])
        for name in view["columns"]:
            pairs = zip(answer[name], answer[f"{name}__ts"], strict=True)
            found[name] = [value if seconds >= oldest else None for value, seconds in pairs]
    return pd.DataFrame(found, dtype=object)


if __name__ == "__main__":
    main()
