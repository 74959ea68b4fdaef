"""Stripe's minor units. Pure (docs.stripe.com/currencies)."""

from collections.abc import Mapping
from typing import Any, Final

ZERO: Final = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def exponent(currency: str) -> int:
    """Digits behind the decimal point of Stripe's amounts: 2 but for the lists (ISK and UGX keep two, though they have no minor unit)."""
    if currency in ZERO:
        return 0
    return 3 if currency in THREE else 2


def charged(fact: Mapping[str, Any]) -> tuple[int | None, int | None, str | None]:
    """What was charged (amount, exponent, currency), of a fact as a plan keeps it: what the business finds in its own books.

    The buyer may have seen another currency; where a fact does not say so, what it states is what was charged.
    """
    attributes = fact["attributes"]
    if attributes.get("charged_exponent") is None:
        return fact["amount"], fact["exponent"], fact["currency"]
    return attributes["charged_amount"], attributes["charged_exponent"], attributes["charged_currency"]
