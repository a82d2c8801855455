# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first look at the flights
#
# Exploration only: it imports from the library, and nothing imports it. What is found here and holds moves to
# `src/flights/`, with a test. It looks at the training part alone: exploring the holdout would begin to fit it.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from flights.artifacts import read_parquet
from flights.config import Settings
from flights.contract import as_arrays
from flights.dataset import EVENT_TIME, INPUTS, ZONE, targets
from flights.feature_set import build_features

settings = Settings()
rows = read_parquet(settings.splits_dir / "train.parquet", "run `make split`")
local = rows[EVENT_TIME].dt.tz_convert(ZONE).dt
rows = rows.assign(late=targets(rows), month=local.month, hour=local.hour, day=local.date)
known = rows.dropna(subset="late")
print(f"{len(rows):,} flights, {len(known):,} with an outcome, {known['late'].mean():.1%} late")

# %% [markdown]
# ## What is not there
#
# A flight without an outcome was cancelled or diverted, and that is no accident: it happens on the worst days.

# %%
by_day = rows.groupby("day").agg(without=("late", lambda late: late.isna().mean()), late=("late", "mean"))
by_day.nlargest(5, "without").round(2)

# %% [markdown]
# ## The day builds up
#
# Delay is handed on from flight to flight, so the evening is three times as late as the morning.

# %%
by_hour = known.groupby("hour")["late"].agg(["mean", "size"])
by_hour = by_hour[by_hour["size"] > 500]
plt.figure(figsize=(8, 3))
plt.plot(by_hour.index, by_hour["mean"], marker="o")
plt.title("The share of late flights grows until the evening")
plt.xlabel("scheduled hour of departure, New York")
plt.ylabel("share late")
plt.grid(alpha=0.3)

# %% [markdown]
# ## Days, not rows
#
# Flights of one day share its weather. If they were independent, the late share of days would spread as the dashed
# line says; it spreads much more. Every interval in this project therefore resamples days.

# %%
days = known.groupby("day")["late"].agg(["mean", "size"])
independent = np.sqrt(days["mean"].mean() * (1 - days["mean"].mean()) / days["size"].mean())
plt.figure(figsize=(8, 3))
plt.hist(days["mean"], 40, density=True, color="0.8")
shares = np.linspace(0, 0.8, 200)
bell = np.exp(-(((shares - days["mean"].mean()) / independent) ** 2) / 2) / (independent * np.sqrt(2 * np.pi))
plt.plot(shares, bell, "--", color="0.2")
plt.title(f"Days differ {days['mean'].std() / independent:.0f} times as much as independent flights would")
plt.xlabel("share late on a day")
plt.ylabel("density")

# %% [markdown]
# ## What one feature knows
#
# How well each feature alone ranks the flights: 0.5 is chance. A single honest feature that comes near 0.8 would be a
# leak to look for.

# %%
features = pd.DataFrame(build_features(as_arrays(known, INPUTS))).select_dtypes("number")


def area(values: pd.Series) -> float:
    """ROC-AUC of one feature by ranks, whichever way it points; rows without a value are left out."""
    there = values.notna()
    late, ranks = known["late"].to_numpy()[there], values[there].rank().to_numpy()
    wins = ranks[late == 1].sum() - late.sum() * (late.sum() + 1) / 2
    found = wins / (late.sum() * (len(late) - late.sum()))
    return float(max(found, 1 - found))


alone = features.apply(area).sort_values()
alone.tail(15).plot.barh(figsize=(8, 4), xlim=(0.5, 0.8), color="#1b6ca8")
plt.axvline(0.8, color="#b3401f")
plt.title("The network's present delays know most")
plt.xlabel("ROC-AUC of the feature alone")
assert alone.max() < 0.8, f"{alone.idxmax()} alone reaches {alone.max():.2f}: a leak?"
