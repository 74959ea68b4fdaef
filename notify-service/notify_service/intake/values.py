"""Reads a request's typed values from the wire. Pure."""

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from notify.v1 import value_pb2
from notify_service.intake import fields
from notify_service.intake.fields import RejectedError
from notify_service.words.values import Count, Day, Instant, Link, Money, Text, TextList, Value


def _money(field: str, money: value_pb2.Money) -> Value:
    fields.match(f"{field}.money.currency", money.currency, fields.CURRENCY)
    if money.exponent > 4:
        raise RejectedError(
            f"{field}.money.exponent", "is more than 4", "give the digits behind the decimal point of minor_units"
        )
    return Money(money.minor_units, money.exponent, money.currency)


def _instant(field: str, instant: value_pb2.Instant) -> Value:
    if instant.zone:
        fields.zone(f"{field}.instant.zone", instant.zone)
    at = fields.moment(f"{field}.instant.at", instant.at, present=instant.HasField("at"))
    if not 1970 <= at.year <= 9998:  # one that no zone can push out of the calendar
        raise RejectedError(f"{field}.instant.at", "is not between the years 1970 and 9998", "give the time meant")
    return Instant(at, instant.zone)


def _day(field: str, day: value_pb2.Day) -> Value:
    try:
        return Day(datetime.date(day.year, day.month, day.day))
    except (ValueError, OverflowError):
        raise RejectedError(f"{field}.day", "is no day of the calendar", "give year, month and day") from None


def _link(field: str, link: value_pb2.Link) -> Value:
    return Link(fields.plain(f"{field}.link.url", link.url, 512))


def _text(field: str, text: value_pb2.Text) -> Text:
    # what a customer typed is cleaned later; the business's own words are refused, so that somebody looks at them
    if text.customer_typed:
        fields.at_most(f"{field}.text", len(text.text), 500)
        return Text(text.text, customer_typed=True)
    return Text(fields.plain(f"{field}.text", text.text, 500), customer_typed=False)


def _texts(field: str, texts: value_pb2.TextList) -> Value:
    fields.at_most(f"{field}.texts", len(texts.items), 50)
    return TextList(tuple(_text(f"{field}.texts[{index}]", text) for index, text in enumerate(texts.items)))


_READERS: Final[Mapping[str, Callable[[str, Any], Value]]] = {
    "money": _money, "instant": _instant, "day": _day, "link": _link, "text": _text, "texts": _texts,
    "count": lambda _field, number: Count(number),
}  # fmt: skip


def parse_values(values: Mapping[str, value_pb2.Value]) -> dict[str, Value]:
    """Typed values by name.

    Raises:
        RejectedError: for the first that is wrong.
    """
    fields.at_most("values", len(values), 32)
    parsed = {}
    for name, value in values.items():
        field = f"values.{fields.match('values', name, fields.NAME)}"
        kind = value.WhichOneof("value")
        if kind is None:
            raise RejectedError(field, "is empty", f"set one of {', '.join(_READERS)}")
        parsed[name] = _READERS[kind](field, getattr(value, kind))
    return parsed
