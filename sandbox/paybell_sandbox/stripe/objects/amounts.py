"""Amounts as Stripe counts them, written for the texts that Stripe itself makes (line descriptions).

Source: docs.stripe.com/currencies (zero-decimal and three-decimal currencies).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

_NONE: Final = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
_THREE: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_SIGNS: Final = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "brl": "R$", "inr": "₹"}


def exponent(currency: str) -> int:
    return 0 if currency in _NONE else 3 if currency in _THREE else 2


def written(amount: int, currency: str) -> str:
    digits = exponent(currency)
    number = f"{Decimal(amount).scaleb(-digits):,.{digits}f}"
    sign = _SIGNS.get(currency)
    return f"{sign}{number}" if sign else f"{currency.upper()} {number}"
