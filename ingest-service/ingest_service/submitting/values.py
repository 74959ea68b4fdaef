"""The typed values that templates ask for, made from a plan's newest fact. Pure: notify formats, here is nothing but meaning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from ingest_service.folding.money import charged
from ingest_service.scanning.figures import LINES, largest
from notify.v1.value_pb2 import Day, Link, Money, Text, TextList, Value

TEMPLATE_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "payment_failed": ("amount", "link", "retry_on", "last4"),
    "payment_recovered": ("amount", "items", "paid_on", "receipt"),
    "payment_succeeded": ("amount", "items", "paid_on", "receipt"),
    "refund_issued": ("amount",),
    "refund_failed": ("amount",),
    "dispute_received": ("amount",),
    "welcome": ("items",),
    "team_high_value": ("amount", "items", "name", "receipt"),
    "team_refund": ("amount", "reason", "name"),
    "team_refund_failed": ("amount", "name"),
    "team_dispute": ("amount", "reason", "due_on", "name"),
    "team_dispute_reminder": ("amount", "due_on", "name"),
    "team_dispute_closed": ("amount",),
    "fraud_question": ("amount", "last4"),
    "fraud_result": ("amount", "last4", "link"),
    "fraud_team": ("amount", "payment", "why"),
    "renewal_reminder": ("amount", "renews_on", "description", "last4", "expires", "link"),
    "trial_ending": ("amount", "trial_ends_on", "description", "link"),
    "card_expiring": ("last4", "expires", "link"),
    "subscription_changed": ("amount", "next_bill_on", "description"),
    "digest": (
        "day",
        "new",
        "renewed",
        "failed",
        "recovered",
        "cancelled",
        "refunded",
        "disputed",
        "late",
        "received",
        "received_2",
        "received_3",
        "failing",
        "failing_2",
        "returned",
        "returned_2",
        "more_currencies",
    ),
}
"""What the shipped templates ask for; a step may name its own with `values:`. Values that a fact does not have are left out."""

_UTC: Final = ZoneInfo("UTC")
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
_LONGEST_LINK: Final = 512
_LONGEST_TEXT: Final = 500
_MOST_ITEMS: Final = 50

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What values are made of: the fact, the business time at which the request is made, the zone days are counted in."""

    fact: Json
    now: datetime
    zone: ZoneInfo
    link: str = ""  # a payment link of our own; without one the bill's own page
    to_team: bool = False  # the business hears what was charged, not what the buyer saw


Maker = Callable[[Told], Value | None]


def values_for(names: tuple[str, ...], told: Told) -> dict[str, Value]:
    """The values by name; what the fact does not know is left out, and notify says where a template cannot do without."""
    made = ((name, _MAKERS[name](told)) for name in names if name in _MAKERS)
    return {name: value for name, value in made if value is not None}


def known_values() -> tuple[str, ...]:
    """Names that a step's `values:` may list."""
    return tuple(_MAKERS)


def _amount(told: Told) -> Value | None:
    fact = told.fact
    amount, exponent, currency = charged(fact) if told.to_team else (fact["amount"], fact["exponent"], fact["currency"])
    if amount is None or exponent is None or not currency:
        return None
    return Value(money=Money(minor_units=amount, exponent=exponent, currency=str(currency).upper()))


def _link(told: Told) -> Value | None:
    url = told.link or told.fact["attributes"].get("hosted_invoice_url")
    if not isinstance(url, str) or len(url) > _LONGEST_LINK:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    allowed = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return Value(link=Link(url=url)) if allowed and parts.hostname else None


def _retry_on(told: Told) -> Value | None:
    at = told.fact["attributes"].get("next_payment_attempt")
    if not isinstance(at, int) or at <= told.now.timestamp():  # a day that has passed is no announcement
        return None
    return _day(at, told.zone)


def _due_on(told: Told) -> Value | None:
    """The last day that is whole, wherever it is counted: Stripe's end of a day in UTC is the next morning further east."""
    at = told.fact["attributes"].get("evidence_due")
    days = [day.day for zone in (told.zone, _UTC) if (day := _day(at, zone)) is not None]
    return Value(day=min(days, key=lambda day: (day.year, day.month, day.day))) if days else None


def _paid_on(told: Told) -> Value | None:
    return _day(told.fact.get("occurred_at"), told.zone)


def _day(at: Any, zone: ZoneInfo) -> Value | None:
    """The day of a moment in Unix seconds, counted in a zone."""
    if not isinstance(at, int | float):
        return None
    try:
        day = datetime.fromtimestamp(at, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        return None
    return Value(day=Day(year=day.year, month=day.month, day=day.day))


def _last4(told: Told) -> Value | None:
    card = told.fact["attributes"].get("card") or {}
    return _text(card.get("last4") if isinstance(card, Mapping) else None, typed=False)


def _description(told: Told) -> Value | None:
    attributes = told.fact["attributes"]
    names = [name for name in attributes.get("product_names") or () if isinstance(name, str) and name]
    return _text(", ".join(names[:3]) or attributes.get("description"), typed=True)


def _items(told: Told) -> Value | None:
    """What was bought: "Blue mug", "2 x Tea"."""
    items = told.fact["attributes"].get("items")
    named = [one for one in items if isinstance(one, Mapping) and one.get("name")] if isinstance(items, list) else []
    texts = [Text(text=_clean(_item(one)), customer_typed=True) for one in named[:_MOST_ITEMS]]
    return Value(texts=TextList(items=texts)) if texts else None


def _item(item: Json) -> str:
    quantity = item.get("quantity", 1)
    return str(item["name"]) if quantity == 1 else f"{quantity} x {item['name']}"


def _receipt(told: Told) -> Value | None:
    return _text(told.fact["attributes"].get("invoice_number"), typed=False)


def _reason(told: Told) -> Value | None:
    """Stripe's word for why, such as "fraudulent"; the words for it are the template's."""
    attributes = told.fact["attributes"]
    return _text(attributes.get("dispute_reason") or attributes.get("refund_reason"), typed=False)


def _result(told: Told) -> Value | None:
    return _text(told.fact["attributes"].get("dispute_status"), typed=False)


def _name(told: Told) -> Value | None:
    return _text(told.fact["person"].get("name"), typed=True)


def _payment(told: Told) -> Value | None:
    attributes = told.fact["attributes"]
    return _text(attributes.get("payment_intent") or attributes.get("charge"), typed=False)


def _why(told: Told) -> Value | None:
    return _text(told.fact["attributes"].get("why"), typed=False)


def _expires(told: Told) -> Value | None:
    card = told.fact["attributes"].get("card") or {}
    month, year = card.get("exp_month"), card.get("exp_year")
    return Value(text=Text(text=f"{month:02d}/{year}")) if isinstance(month, int) and isinstance(year, int) else None


def _day_of(name: str) -> Maker:
    """The day of a moment that the fact holds as Unix seconds."""

    def make(told: Told) -> Value | None:
        return _day(told.fact["attributes"].get(name), told.zone)

    return make


def _digest_day(told: Told) -> Value | None:
    try:
        day = date.fromisoformat(str(told.fact["attributes"].get("day")))
    except ValueError:
        return None
    return Value(day=Day(year=day.year, month=day.month, day=day.day))


def _count_of(line: str) -> Maker:
    """How often something happened on a closed day."""
    return lambda told: Value(count=int((told.fact["attributes"].get("counts") or {}).get(line, 0)))


def _late(told: Told) -> Value | None:
    late = told.fact["attributes"].get("late")
    return Value(count=late) if isinstance(late, int) and late > 0 else None


def _purse(name: str, place: int) -> Maker:
    """The money of a closed day in the currency at this place, the largest first."""

    def make(told: Told) -> Value | None:
        held = largest((told.fact["attributes"].get("money") or {}).get(name) or {})
        if place >= len(held):
            return None
        currency, exponent, amount = held[place]
        return Value(money=Money(minor_units=amount, exponent=exponent, currency=currency.upper()))

    return make


def _more_currencies(told: Told) -> Value | None:
    money = told.fact["attributes"].get("money") or {}
    more = sum(max(0, len(largest(money.get(name) or {})) - shown) for name, shown in _PURSES_SHOWN.items())
    return Value(count=more) if more else None


def _text(words: Any, *, typed: bool) -> Value | None:
    if not isinstance(words, str) or not words.strip():
        return None
    return Value(text=Text(text=_clean(words), customer_typed=typed))


def _clean(words: str) -> str:
    """As it can be put on the wire: without lone surrogates, and not too long."""
    return words.encode("utf-8", "replace").decode()[:_LONGEST_TEXT]


_PURSES_SHOWN: Final = {"received": 3, "failing": 2, "returned": 2}
"""So many currencies of each a digest names; how many more there are it counts."""

_MAKERS: Final[Mapping[str, Maker]] = {
    "amount": _amount,
    "link": _link,
    "retry_on": _retry_on,
    "last4": _last4,
    "description": _description,
    "items": _items,
    "paid_on": _paid_on,
    "receipt": _receipt,
    "reason": _reason,
    "due_on": _due_on,
    "result": _result,
    "name": _name,
    "payment": _payment,
    "why": _why,
    "expires": _expires,
    "renews_on": _day_of("period_end"),
    "trial_ends_on": _day_of("trial_end"),
    "next_bill_on": _day_of("next_bill_at"),
    "day": _digest_day,
    **{line: _count_of(line) for line in LINES},
    "late": _late,
    **{
        f"{name}_{place + 1}" if place else name: _purse(name, place)
        for name, shown in _PURSES_SHOWN.items()
        for place in range(shown)
    },
    "more_currencies": _more_currencies,
}
