"""The unfitted models: the baselines that must be beaten and the candidate that tries."""
