"""Example values for every kind of value a template may ask for: one usual and one as long as it gets in earnest, in each language.

The page shows the usual ones; the tests hold every text to its length with the long ones. A template that asks for a text of a
new name needs a line in ``TEXTS`` (or ``LISTS``), so that the page never shows a name where words belong.
"""

import datetime
from collections.abc import Mapping
from typing import Final, TypeVar

from notify_service.words.template import Declaration
from notify_service.words.values import Count, Day, Instant, Link, Money, Text, TextList, Value

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English", "de": "Deutsch", "fr": "Français", "es": "Español", "pt": "Português", "ja": "日本語",
}  # fmt: skip
"""The languages that every shipped text stands in, by the name its speakers give it."""

BRAND: Final = "Example Store"
REFERENCE: Final = "7F3K2"
CODE: Final = "482913"
ZONE: Final = "Europe/Berlin"
LONGEST_TEXT: Final = 40
"""Where the shipped policy cuts what a customer typed."""

MONEY: Final[Mapping[str, Money]] = {
    "en": Money(4900, 2, "USD"), "de": Money(4900, 2, "EUR"), "fr": Money(4900, 2, "EUR"), "es": Money(4900, 2, "EUR"),
    "pt": Money(24900, 2, "BRL"), "ja": Money(4900, 0, "JPY"),
}  # fmt: skip
LONG_MONEY: Final[Mapping[str, Money]] = {
    "en": Money(123456789, 2, "USD"), "de": Money(123456789, 2, "EUR"), "fr": Money(123456789, 2, "USD"),
    "es": Money(123456789, 2, "USD"), "pt": Money(123456789, 2, "BRL"), "ja": Money(123456789, 0, "JPY"),
}  # fmt: skip

DAY: Final = Day(datetime.date(2026, 8, 12))
LONG_DAY: Final = Day(datetime.date(2026, 12, 28))
INSTANT: Final = Instant(datetime.datetime(2026, 8, 12, 16, 30, tzinfo=datetime.UTC), "")
LONG_INSTANT: Final = Instant(datetime.datetime(2026, 12, 28, 21, 30, tzinfo=datetime.UTC), "")
LINK: Final = Link("https://pay.example.com/l/8Qm2v7Tz4kX9")
LONG_LINK: Final = Link("https://invoice.stripe.com/i/" + "x" * 31)
COUNT: Final = Count(12)
LONG_COUNT: Final = Count(1_234)

Words = TypeVar("Words")

OF_A_DAY: Final[Mapping[str, Value]] = {
    "new": Count(14), "renewed": Count(212), "failed": Count(9), "recovered": Count(6), "cancelled": Count(3), "refunded": Count(2),
    "disputed": Count(1), "late": Count(1), "more_currencies": Count(2), "received": Money(1843050, 2, "USD"),
    "received_2": Money(912000, 2, "EUR"), "received_3": Money(480000, 0, "JPY"), "failing": Money(44100, 2, "USD"),
    "failing_2": Money(9800, 2, "EUR"), "returned": Money(9800, 2, "USD"), "returned_2": Money(4900, 2, "EUR"),
}  # fmt: skip
"""The usual figures of a digest, by name: the same in every language."""

EVERY: Final = "*"
"""Stands for every language that has no words of its own."""

_PLAN: Final = {"en": "Pro plan", "de": "Pro-Tarif", "fr": "Formule Pro", "es": "Pro", "pt": "Pro", "ja": "プロプラン"}  # fmt: skip
_LONG_PLAN: Final = {EVERY: "Premium membership, twelve months, Paris", "ja": "プレミアム会員（年間契約・法人向け）"}

_NAME: Final = {"en": "Ana Jones", "de": "Ana Meier", "fr": "Ana Martin", "es": "Ana Romero", "pt": "Ana Souza", "ja": "佐藤花子"}  # fmt: skip
_LONG_NAME: Final = {EVERY: "Alexandra Montgomery-Featherstonehaugh", "ja": "株式会社エグザンプル商事 佐藤花子"}
_SAME: Final = {EVERY: "4242"}

TEXTS: Final[Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]]] = {
    "last4": (_SAME, _SAME),
    "payment": ({EVERY: "pi_3QxA7cLkdIwHu7ix"}, {EVERY: "pi_3QxA7cLkdIwHu7ix0aBcDeFg"}),
    "why": (
        {EVERY: "nobody answered in time"},
        {EVERY: "the answer was yes, from a number that is known from this very payment only"},
    ),
    "description": (_PLAN, _LONG_PLAN),
    "name": (_NAME, _LONG_NAME),
    "receipt": ({EVERY: "INV-0042"}, {EVERY: "3F0A7C21-0042"}),
    "reason": ({EVERY: "fraudulent"}, {EVERY: "subscription_canceled"}),
    "expires": ({EVERY: "12/2026"}, {EVERY: "12/2026"}),
}
"""Text values by name: the usual words and the longest, by language."""

_ITEMS: Final = {
    "en": ("Coffee beans", "Filter papers"), "de": ("Kaffeebohnen", "Filterpapier"), "fr": ("Café en grains", "Filtres"),
    "es": ("Café en grano", "Filtros"), "pt": ("Café especial", "Filtros"), "ja": ("コーヒー豆", "ペーパーフィルター"),
}  # fmt: skip
_LONG_ITEMS: Final = {
    EVERY: ("Ethiopia Yirgacheffe 500 g", "Filter papers, 200 pieces", "Stainless steel kettle"),
    "ja": ("エチオピア産コーヒー豆500g", "ペーパーフィルター200枚", "ステンレスケトル"),
}

LISTS: Final[Mapping[str, tuple[Mapping[str, tuple[str, ...]], Mapping[str, tuple[str, ...]]]]] = {
    "items": (_ITEMS, _LONG_ITEMS)
}
"""The same for lists of texts."""

ONE_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "reason": (
        "credit_not_processed", "duplicate", "expired_uncaptured_charge", "fraudulent", "general", "product_not_received",
        "product_unacceptable", "requested_by_customer", "subscription_canceled", "unrecognized",
    )
}  # fmt: skip
"""Text values that are one of a few words of Stripe's, which the templates put into their language."""


class NoExampleError(LookupError):
    """A template asks for a text that has no example; the message says where to write one."""


def values(declaration: Declaration, language: str, *, longest: bool = False) -> dict[str, Value]:
    """A value for each that a template declares.

    Raises:
        NoExampleError: where one is missing.
    """
    return {name: example(name, kind, language, longest=longest) for name, kind in declaration.values.items()}


def example(name: str, kind: str, language: str, *, longest: bool = False) -> Value:
    """An example of a value, by its kind, and by its name where it is made of words.

    Raises:
        NoExampleError: where it is missing.
    """
    if name in OF_A_DAY and not longest:
        return OF_A_DAY[name]
    match kind:
        case "money":
            return (LONG_MONEY if longest else MONEY)[language]
        case "day":
            return LONG_DAY if longest else DAY
        case "instant":
            return LONG_INSTANT if longest else INSTANT
        case "link":
            return LONG_LINK if longest else LINK
        case "count":
            return LONG_COUNT if longest else COUNT
        case "text" if name in TEXTS:
            return Text(_in(language, TEXTS[name][longest]), customer_typed=name not in ONE_OF)
        case "texts" if name in LISTS:
            return TextList(tuple(Text(one, customer_typed=True) for one in _in(language, LISTS[name][longest])))
        case _:
            table = "LISTS" if kind == "texts" else "TEXTS"
            raise NoExampleError(
                f"there is no example for `{name}: {kind}`; add a line to {table} in docs/flowpage/examples.py"
            )


def _in(language: str, words: Mapping[str, Words]) -> Words:
    return words[language] if language in words else words[EVERY]
