"""Fixtures that drills share with the monitor's tests."""

from tests.monitoring.conftest import autumn, logged

__all__ = ["autumn", "logged"]
