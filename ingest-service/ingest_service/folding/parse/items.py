"""What was bought: the lines of a checkout session, and what the lines of a bill are of. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ingest_service.folding.parse.fields import Json, number, text

_BILLED: Final = re.compile(r"^\d+ × (.+?) \(at .+\)$")


def plain_name(description: str) -> str:
    """What a line is of: Stripe writes "1 × Pro (at $49.00 / month)" on bills, and the name alone is what a text has room for."""
    return _BILLED.sub(r"\1", description)


def items(listed: Json) -> list[dict[str, Any]]:
    """Names and quantities of a checkout, in Stripe's order; lines without a name are left out."""
    data = listed.get("data")
    lines = data if isinstance(data, list) else []
    return [
        {"name": name, "quantity": number(line, "quantity") or 1}
        for line in lines
        if isinstance(line, Mapping) and (name := text(line, "description"))
    ]
