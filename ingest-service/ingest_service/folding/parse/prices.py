"""Prices. Pure."""

from ingest_service.folding.parse.fields import Json, number, text


def every(price: Json) -> str:
    """How often it is billed, as "1 month"; ``""`` where it is sold once."""
    interval = text(price, "recurring", "interval")
    return f"{number(price, 'recurring', 'interval_count') or 1} {interval}" if interval else ""
