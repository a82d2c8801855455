"""The service: one process that stays up, answers with the champion and remembers what it said."""
