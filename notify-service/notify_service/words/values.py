"""The typed values a caller gives, and how each reads in a language. Pure."""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import assert_never
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, get_currency_precision

from notify_service.words.cleaning import cheapen, neutralise
from notify_service.words.segments import count


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units."""

    minor_units: int
    exponent: int
    currency: str


@dataclass(frozen=True, slots=True)
class Instant:
    """A point in time and the zone to read it in; ``""`` for the recipient's."""

    at: datetime.datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Day:
    """A calendar day."""

    date: datetime.date


@dataclass(frozen=True, slots=True)
class Link:
    """A web address."""

    url: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words."""

    text: str
    customer_typed: bool


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number."""

    number: int


@dataclass(frozen=True, slots=True)
class TextList:
    """Several texts."""

    items: tuple[Text, ...]


Value = Money | Instant | Day | Link | Text | Count | TextList

LONGEST_LIST = 3
_FRACTION = re.compile(r"\.0+")
_LETTER_THEN_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)")
AND_MORE: Mapping[str, str] = {
    "en": "{} more", "de": "{} weitere", "fr": "{} autres", "es": "otros {}", "pt": "mais {}", "ja": "他{}点",
}  # fmt: skip
"""How a list ends that is longer than a text has room for; two or more are left out, never one."""


def kind_of(value: Value) -> str:
    """The name of a value's type, as template declarations write it."""
    return type(value).__name__.lower().replace("textlist", "texts")


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """Babel's locale of a BCP 47 tag; English where it knows none."""
    for candidate in (language, language.partition("-")[0]):
        try:
            return Locale.parse(candidate, sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en")


DEAR_ANYWAY = frozenset(
    {"ar", "bg", "el", "fa", "he", "hi", "ja", "ka", "ko", "mk", "ru", "sr", "th", "uk", "ur", "zh"}
)
"""Languages whose letters need UCS-2 in any case, so that a currency's own sign costs nothing more."""


@lru_cache(maxsize=4096)
def _money(minor_units: int, exponent: int, currency: str, language: str) -> str:
    amount = Decimal(minor_units).scaleb(-exponent)
    # the currency's own digits, unless that would hide a part of the amount
    exact = amount == amount.quantize(Decimal(1).scaleb(-get_currency_precision(currency)))
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"].pattern
    if not exact:  # all of the digits that Stripe counts in, and not one less where the last is a zero
        pattern = _FRACTION.sub("." + "0" * exponent, pattern)
    spelled = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=exact)
    if currency == "JPY" and locale.language == "ja":
        # in a sentence a Japanese reader expects the unit behind the number; the sign is for price tags
        return f"{format_decimal(amount, format='#,##0' if exact else '#,##0.' + '0' * exponent, locale=locale)}円"
    if _dear(spelled, locale):
        # a sign outside GSM-7 would double the price of the whole text: the code says the same
        pattern = pattern.replace("¤", "¤¤")
        spelled = format_currency(amount, currency, format=pattern, locale=locale, currency_digits=exact)
    return _LETTER_THEN_DIGIT.sub(" ", spelled)


@lru_cache(maxsize=4096)
def _day(date: datetime.date, language: str) -> str:
    locale = locale_of(language)
    spelled = format_date(date, "long" if locale.language == "ja" else "medium", locale=locale)
    # one dear letter in a month's name ("août") would double the price of the whole text: figures say the same
    return format_skeleton("yMd", date, locale=locale) if _dear(spelled, locale) else spelled


def _moment(local: datetime.datetime, language: str) -> str:
    locale = locale_of(language)
    day = format_skeleton("MMMd", local, locale=locale)
    day = format_skeleton("Md", local, locale=locale) if _dear(day, locale) else day
    return str(locale.datetime_formats["medium"]).format(format_time(local, "short", locale=locale), day)


def _dear(spelled: str, locale: Locale) -> bool:
    return count(cheapen(spelled)).unicode and locale.language not in DEAR_ANYWAY


def spell(value: Value, language: str, zone: str, longest_text: int) -> str:
    """A value as it reads in a language.

    Args:
        value: what to say.
        language: BCP 47 tag.
        zone: where an instant without a zone is read.
        longest_text: to how many characters a customer's words are cut.
    """
    match value:
        case Money(minor_units, exponent, currency):
            return _money(minor_units, exponent, currency, language)
        case Instant(at, own_zone):
            return _moment(at.astimezone(ZoneInfo(own_zone or zone)), language)
        case Day(date):
            return _day(date, language)
        case Link(url):
            return url
        case Text(text, customer_typed):
            return neutralise(text, longest_text) if customer_typed else text
        case Count(number):
            return format_decimal(number, locale=locale_of(language))
        case TextList(items):
            return _list(items, language, longest_text)
        case _:
            assert_never(value)


def _list(items: tuple[Text, ...], language: str, longest_text: int) -> str:
    spelled = [neutralise(item.text, longest_text) if item.customer_typed else item.text for item in items]
    if len(spelled) > LONGEST_LIST:
        more = AND_MORE.get(language.partition("-")[0], "+{}").format(len(spelled) - LONGEST_LIST + 1)
        spelled = [*spelled[: LONGEST_LIST - 1], more]
    return format_list(spelled, locale=locale_of(language))
