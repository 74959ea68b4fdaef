"""What was bought: the lines of a checkout session, and what the lines of a bill are of. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ingest_service.folding.parse.fields import Json, number, text

_BILLED: Final = re.compile(r"^\d+ × (.+?) \(at .+\)$")


def plain_name(description: str) -> str:
    """What a line is of: Stripe writes "1 × Pro (at $49.00 / month)" on bills, and the name alone is what a text has room for."""
    return _BILLED.sub(r"\1", description)


def bought(listed: Json) -> dict[str, Any]:
    """What the lines of a checkout tell, as a fact's attributes, in Stripe's order; lines without a name are left out of the items."""
    data = listed.get("data")
    lines = [line for line in data if isinstance(line, Mapping)] if isinstance(data, list) else []
    named = [(name, number(line, "quantity") or 1) for line in lines if (name := text(line, "description"))]
    return {
        "items": [{"name": name, "quantity": quantity} for name, quantity in named],
        "product_ids": [product for line in lines if (product := text(line, "price", "product"))],
        "price_ids": [price for line in lines if (price := text(line, "price"))],
        "product_names": [name for name, _ in named],
    }
