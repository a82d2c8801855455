"""Tables that are unlike the example, with fixed seeds."""

import numpy as np
import pandas as pd


def logistic(score):
    return 1 / (1 + np.exp(-score))


def breast_cancer() -> pd.DataFrame:
    """Data that ships in scikit-learn; it has no times, so each row gets a day."""
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    days = pd.date_range("2020-01-01", periods=300, freq="D")
    frame["examined on"] = np.sort(np.random.default_rng(1).choice(days, len(frame)))
    return frame


def payments(rows: int = 60_000, days: int = 730) -> pd.DataFrame:
    """1 % positive, one column of many levels, labels 45 days late."""
    random = np.random.default_rng(2)
    times = np.sort(random.integers(0, days * 86_400, rows))
    merchant, amount = random.integers(0, 5000, rows), random.lognormal(3, 1, rows)
    risk = random.normal(size=5000)[merchant]
    channel = random.choice(["web", "app", "till"], rows)
    score = -6.9 + 1.6 * risk * (channel != "till") + 1.3 * np.log(amount / 20) + 0.9 * (channel == "web")
    fraud = (random.random(rows) < logistic(score)).astype(float)
    moments = pd.Timestamp("2022-01-01") + pd.to_timedelta(times, unit="s")
    fraud[moments > moments[-1] - pd.Timedelta(days=45)] = np.nan
    names = np.array([f"Händler & Söhne {number}" for number in range(5000)])
    return pd.DataFrame(
        {
            "paid at": moments,
            "merchant": names[merchant],
            "amount €": amount.round(2),
            "channel": channel,
            "fraud": fraud,
        }
    )


def rentals() -> pd.DataFrame:
    """Categories with spaces, ampersands, umlauts and missing values, in a zone without clock changes."""
    random = np.random.default_rng(3)
    rows = 8000
    hours = pd.date_range("2023-01-01", "2023-12-20", freq="h")
    place = random.choice(["Zoo & Park", "Alte Brücke", "São Paulo", None], rows, p=[0.4, 0.3, 0.2, 0.1])
    local = pd.Series(np.sort(random.choice(hours, rows)))
    heat = random.normal(25, 6, rows)
    score = (
        -1.2 + 1.3 * (place == "Zoo & Park") * np.sign(12 - local.dt.hour) + 0.15 * (heat - 25) + (place == "São Paulo")
    )
    return pd.DataFrame(
        {
            "from": place,
            "2nd class": random.choice(["ja", "nein"], rows),
            "Wärme": np.where(random.random(rows) < 0.1, np.nan, heat.round(1)),
            "class": random.integers(1, 9, rows),
            "start": local,
            "booked": np.where(random.random(rows) < logistic(score), "yes", "no"),
        }
    )


def snapshots() -> pd.DataFrame:
    """1,500 rows, weekly, with seven texts."""
    random = np.random.default_rng(4)
    rows = 1500
    weeks = pd.date_range("2021-01-04", periods=150, freq="7D")
    texts = {f"Text {number}": random.choice([f"v{level}" for level in range(4 + number)], rows) for number in range(7)}
    one, other = random.normal(size=(2, rows))
    score = 2.2 * one * other + 1.2 * (texts["Text 2"] == "v1") + one - 1
    label = (random.random(rows) < logistic(score)).astype(int)
    return pd.DataFrame(
        {"Snapshot week": np.sort(random.choice(weeks, rows)), **texts, "one": one, "other": other, "label": label}
    )


def persons() -> pd.DataFrame:
    """Weekly snapshots of persons, named by their addresses, with a column of true, false and missing values."""
    frame = snapshots()
    one = np.arange(len(frame))
    frame["E-Mail"] = [f"someone+{number}@example.org" for number in one]
    frame["active"] = np.where(one % 5 == 0, None, (one % 3 == 0).astype(object))
    return frame
