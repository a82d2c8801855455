"""The report for people: an index page, a page for each week, and Evidently's reports."""

from monitoring.extras.site.report import write

__all__ = ["write"]
