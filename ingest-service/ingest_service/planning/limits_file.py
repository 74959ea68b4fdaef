"""The limits of a rules file: sums above which somebody wants to hear, by name and currency. Pure.

There is one for each currency that matters, because no exchange rate stands in an event. A sum is written as people write it,
"5000" or "5000.00", and becomes minor units by Stripe's exponent of the currency.
"""

import re
from decimal import Decimal
from typing import Final

import yaml

from ingest_service.folding.money import exponent
from ingest_service.planning.document import Reader
from ingest_service.planning.teams_file import WORD

_CURRENCY: Final = re.compile(r"[a-z]{3}")
_SUM: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,3})?")


def read_limits(reader: Reader, node: yaml.Node) -> dict[str, dict[str, int]]:
    """The limits by name; problems are noted with the reader."""
    return {name: _by_currency(reader, name, each) for name, each in reader.mapping(node, "limits", ()).items()}


def _by_currency(reader: Reader, name: str, node: yaml.Node) -> dict[str, int]:
    if not WORD.fullmatch(name):
        reader.note(node, f'a limit cannot be called "{name}"', "Use small letters, digits and _ , such as high_value")
    found: dict[str, int] = {}
    for currency, each in reader.mapping(node, f'limit "{name}"', ()).items():
        written = reader.text(each, f"the sum in {currency}")
        if not _CURRENCY.fullmatch(currency):
            reader.note(each, f'"{currency}" is no currency', "Write its three small letters, such as usd")
        elif written is None or not _SUM.fullmatch(written):
            reader.note(each, f'"{written}" is no sum of money', f"Write it as people do, such as {currency}: 5000")
        else:
            minor, digits = Decimal(written).scaleb(exponent(currency)), exponent(currency)
            if minor != minor.to_integral_value():
                reader.note(
                    each, f"{currency} has no parts as small as {written}", f"Use at most {digits} decimal places"
                )
            found[currency] = int(minor)
    return found
