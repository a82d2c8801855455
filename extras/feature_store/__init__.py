"""The feature store's jobs: events of the source, materialize, parity."""
