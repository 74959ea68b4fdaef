"""Stripe's minor units. Pure (docs.stripe.com/currencies)."""

from typing import Final

ZERO: Final = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE: Final = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})


def exponent(currency: str) -> int:
    """Digits behind the decimal point of Stripe's amounts: 2 but for the lists (ISK and UGX keep two, though they have no minor unit)."""
    if currency in ZERO:
        return 0
    return 3 if currency in THREE else 2
