"""What Feast answers, in its own environment: `load.py` tick by tick, and then what it is known to do otherwise."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import load
import pandas as pd
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

folder, ticks = Path(sys.argv[1]), [int(tick) for tick in sys.argv[2:]]
views = json.loads((folder / f"{ticks[0]}.json").read_text())["views"]
store = load.applied(folder, views)
VALUE, AT_EWR = "network_origin:backlog_origin", {"origin": ["EWR"]}


def values(view, tick):
    return pd.read_parquet(Path(next(each["values"] for each in views if each["name"] == view), f"{tick}.parquet"))


def raw(feature, entities):
    """Status and value, as Feast returns them."""
    answer = store.get_online_features([feature], entities)
    return FieldStatus.Name(answer.proto.results[-1].statuses[0]), answer.to_dict()[feature.split(":")[1]][0]


for tick in ticks:
    load.materialize(store, tick)
    keys = values("timetable", tick)[["flight_id"]]
    load.read(store, views, keys, tick).to_parquet(folder / f"{tick}.answers")
load.read(store, views, keys, ticks[-1] + 61).to_parquet(folder / "later.answers")

facts = {"expired": raw(VALUE, AT_EWR)}
first, last = (values("timetable", tick)["flight_id"] for tick in (ticks[0], ticks[-1]))
facts["gone"] = raw("timetable:distance", {"flight_id": [first[~first.isin(last)].iloc[0]]})
try:
    load.materialize(store, ticks[0])
except ValueError as error:
    facts["rejected"] = str(error)
moment = datetime.fromtimestamp(60 * ticks[0], UTC)
store.materialize(moment, moment)
facts["older"] = raw(VALUE, AT_EWR)

restated = values("network_origin", ticks[0])
restated["backlog_origin"] += 1000
restated["created"] += timedelta(days=1)
restated.to_parquet(
    Path(next(each["values"] for each in views if each["name"] == "network_origin"), "restated.parquet")
)
asked = pd.DataFrame(AT_EWR | {"event_timestamp": [moment]})
for name, option in (("leaks", {}), ("kept", {"filter_by_created_timestamp": True})):
    facts[name] = store.get_historical_features(asked, [VALUE], **option).to_df()["backlog_origin"].tolist()
(folder / "facts.json").write_text(json.dumps(facts))
