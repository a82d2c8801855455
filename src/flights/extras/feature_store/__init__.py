"""The feature store: events with two clocks, views of them as of a moment, and the tables of the online store."""

from pathlib import Path

from pydantic import Field

from flights.config import EnvironmentSettings


class Settings(EnvironmentSettings):
    """Where the feature store is."""

    features_url: str = Field(
        "", description="SQLAlchemy URL of the feature store; empty is SQLite under DATA_DIR/4_predictions."
    )

    def store_url(self, data_dir: Path) -> str:
        """SQLAlchemy URL of the feature store."""
        return self.features_url or f"sqlite:///{data_dir / '4_predictions' / 'features.db'}"
