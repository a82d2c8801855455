"""Support of train: fitting, recalibration, and the folder of the candidate."""
