"""Materialize: compute the views at every tick whose events are complete, and append what changed to the store.

It resumes after the last published tick, so it may stop, crash or run twice at any time. Several ticks are computed at
once; each sees only the events that counted by then.
"""

import time

from pydantic import Field

from extras.feature_store.online import Materializer
from flights.config import EnvironmentSettings
from flights.config import Settings as CoreSettings
from flights.extras.feature_store import Settings as StoreSettings
from serving.extras.by_key.store import FeatureStore
from serving.log_connection import LogUnavailable


class Settings(EnvironmentSettings):
    """How it runs."""

    follow: bool = Field(False, description="Go on and wait for events, instead of ending when all ticks are there.")
    wait_seconds: float = Field(1.0, description="Between two looks for complete ticks.", gt=0)


def main() -> None:
    """Publish what is complete; with FOLLOW=1, until stopped."""
    settings = Settings.read()
    store = FeatureStore(StoreSettings.read().store_url(CoreSettings.read().data_dir))
    materializer = Materializer(store)
    start, ticks = time.perf_counter(), 0
    while True:
        try:
            done = materializer.step()
        except LogUnavailable as error:
            if not settings.follow:
                raise SystemExit(f"materialize: {error}: nothing of this step was published") from None
            print(f"materialize: {error}: trying again")
            done = 0
        ticks += done
        if not done and not settings.follow:
            break
        if not done:
            time.sleep(settings.wait_seconds)
    print(
        f"materialize: published {ticks:,} ticks, {materializer.written:,} values; {time.perf_counter() - start:.1f} s"
    )


if __name__ == "__main__":
    main()
