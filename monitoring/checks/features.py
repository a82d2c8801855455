"""Whether the inputs of predictions by key are what the events give: recomputed as of their tick, to the bit.

Each feature view has its own check. A view that was too old must be missing; every other input must have the bits that
the view functions give from the events that counted by the tick. Without a feature store nothing is checked.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from flights.contract import PERSONAL, as_arrays
from flights.dataset import KEY
from flights.extras.feature_store import Settings
from flights.extras.feature_store.tables import BY_KEY
from flights.log_reader import engine
from monitoring.check import Check
from monitoring.view import View

if TYPE_CHECKING:
    from flights.extras.feature_views.known import Known

RECENT_DAYS = 7  # that are recomputed


def checks(view: View) -> list[Check]:
    """One check for each feature view, of the last days, and one of their age."""
    recent = view.inputs[view.inputs["day"] >= view.today - pd.Timedelta(days=RECENT_DAYS)]
    asked = by_key(view.rows.loc[recent.index])
    url = Settings.read().store_url(view.settings.data_dir)
    if asked.empty or not has_store(url):
        return []
    differs = differences(asked, recent.loc[asked.index], url)
    daily = differs.groupby(recent.loc[asked.index, "day"]).sum()
    return [
        expired(view.rows),
        *(
            Check(
                f"view {name}: differs from its events",
                "feed",
                "predictions",
                count.astype(float),
                high=0,
                needed=1,
                of=1,
            )
            for name, count in daily.items()
        ),
    ]


def by_key(rows: pd.DataFrame) -> pd.DataFrame:
    """Key, tick and age of the predictions by key; digits that are no moment, which a client chose, name no tick."""
    asked = rows["request_id"].str.extract(f"^{BY_KEY.pattern}$")
    tick = pd.to_datetime(asked["tick"], format="%Y%m%dT%H%MZ", utc=True, errors="coerce")
    return asked.assign(tick=tick).dropna(subset="tick")


def expired(rows: pd.DataFrame) -> Check:
    """Predictions by key of each day whose features were too old: a job that stopped shows on the first day."""
    from flights.extras.feature_views.views import VIEWS

    age = by_key(rows)["age"].fillna("0").astype("int64")
    old = age > min(view.max_age_minutes for view in VIEWS)
    daily = old.groupby(rows.loc[old.index, "day"]).sum().astype(float)
    sentence = "features expired: {}: is `make materialize` running?"
    return Check("features expired", "feed", "predictions", daily, high=0, needed=1, of=1, sentence=sentence)


def has_store(url: str) -> bool:
    """Whether there is a feature store; none is created."""
    store = engine(url)
    if store.dialect.name == "sqlite" and not Path(str(store.url.database)).is_file():
        return False
    found = sa.inspect(store).has_table("feature_events")
    store.dispose()
    return found


def differences(asked: pd.DataFrame, inputs: pd.DataFrame, url: str) -> pd.DataFrame:
    """Whether an input of a view differs, for each row and view; `asked` has key, tick and age."""
    from flights.extras.feature_views.known import at
    from flights.extras.feature_views.views import VIEWS, inputs_at

    ticks = np.asarray(asked["tick"].astype("datetime64[s, UTC]").astype("int64"), np.int64) // 60
    age = np.asarray(asked["age"].fillna("0").astype("int64"), np.int64)
    known = known_by(url, int(ticks.min()), int(ticks.max()))
    planned = at(known.legs, known.numbers(KEY, asked["key"]), ticks) >= 0
    logged = as_arrays(inputs)
    differs = pd.DataFrame(data=True, index=asked.index, columns=[view.name for view in VIEWS])
    expected = inputs_at(known, {KEY: asked["key"].to_numpy(object)[planned]}, ticks[planned])
    for view in VIEWS:
        expired = (age > view.max_age_minutes)[planned]
        wrong = np.zeros(planned.sum(), bool)
        for name in view.columns:
            if name not in PERSONAL:  # pseudonymized in the log
                wrong |= other_bits(expected[name], logged[name][planned], expired)
        differs.loc[planned, view.name] = wrong
    return differs


def other_bits(expected: NDArray[Any], logged: NDArray[Any], expired: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a value has other bits than expected; an expired one is missing."""
    if logged.dtype.kind != "f":
        return np.asarray(expected != logged, bool)
    values = np.where(expired, np.nan, np.asarray(expected, np.float64))
    missing = np.isnan(values), np.isnan(logged)
    return np.asarray(np.where(missing[0] | missing[1], missing[0] != missing[1], values != logged), bool)


def known_by(url: str, first: int, last: int) -> "Known":
    """What the store's events say, of those that count by the last tick and that the views read at the first."""
    from flights.extras.feature_store.frames import events_by_kind
    from flights.extras.feature_store.tables import Event
    from flights.extras.feature_views.kinds import KINDS
    from flights.extras.feature_views.known import Known
    from flights.extras.feature_views.views import LOOK_BACK_DAYS

    lasting = [kind.name for kind in KINDS if kind.lasting]
    query = sa.text(
        "SELECT * FROM feature_events WHERE counted_at <= :last AND (happened >= :oldest OR kind IN :lasting) "
        "ORDER BY counted_at, received_at"
    ).bindparams(sa.bindparam("lasting", lasting, expanding=True))
    store = engine(url)
    with store.connect() as connection:
        rows = connection.execute(query, {"last": last, "oldest": first - LOOK_BACK_DAYS * 1440}).all()
    store.dispose()
    return Known(events_by_kind([Event(*row) for row in rows]))
