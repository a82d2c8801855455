"""Erasure: delete one subject from log, data and reports, and search every file for what is left."""
