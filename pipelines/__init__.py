"""Batch jobs, in the order in which they run: collect, validate, split, train, evaluate, promote."""
