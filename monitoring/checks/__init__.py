"""Checks, one file per family; each module defines `checks(view)`."""
