"""Benchmarks of training, serving, scoring and monitoring."""
