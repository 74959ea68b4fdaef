"""What was bought: the lines of a checkout session. Pure."""

from collections.abc import Mapping
from typing import Any

from ingest_service.folding.parse.fields import Json, number, text


def items(listed: Json) -> list[dict[str, Any]]:
    """Names and quantities, in Stripe's order; lines without a name are left out."""
    data = listed.get("data")
    lines = data if isinstance(data, list) else []
    return [
        {"name": name, "quantity": number(line, "quantity") or 1}
        for line in lines
        if isinstance(line, Mapping) and (name := text(line, "description"))
    ]
