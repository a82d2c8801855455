"""Support of evaluate: access to the holdout, evidence about the candidate, criteria, and publishing."""
