"""Support of train: recalibration, the exported candidate, its provenance and its MLflow runs."""
