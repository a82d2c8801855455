"""Everything that the core can do without: each folder can be deleted together with its tests."""
