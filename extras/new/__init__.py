"""Your table as a project of its own: `make new`."""
