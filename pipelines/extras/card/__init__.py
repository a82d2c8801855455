"""The model card and its pictures: written into each version before it is published."""

from pipelines.extras.card.model_card import measure, write_report

__all__ = ["measure", "write_report"]
