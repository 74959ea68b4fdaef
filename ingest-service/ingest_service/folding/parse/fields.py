"""What every object of Stripe has: ids, texts, numbers and metadata somewhere inside, numbers of phones, cards. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]


class MalformedError(ValueError):
    """An object that lacks what every such object has; the message names the field."""


def text(obj: Json, *path: str) -> str:
    """A string somewhere inside, or ``""``; an expanded object counts as its id."""
    value: Any = obj
    for name in path:
        if not isinstance(value, Mapping):
            return ""
        value = value.get(name)
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def number(obj: Json, *path: str) -> int | None:
    """A whole number somewhere inside, or None."""
    value: Any = obj
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def table(obj: Json, *path: str) -> dict[str, str]:
    """Metadata somewhere inside."""
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def need_id(obj: Json, kind: str) -> str:
    """The object's id.

    Raises:
        MalformedError: where it has none.
    """
    identity = text(obj, "id")
    if not identity:
        raise MalformedError(f"the {kind} has no id")
    return identity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a phone number was given together with a payment."""

    number: str
    source: str
    country: str


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a payment, as far as it may be shown."""

    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    country: str

    def to_json(self) -> dict[str, Any]:
        """For conditions and templates."""
        return {
            "brand": self.brand, "last4": self.last4, "exp_month": self.exp_month, "exp_year": self.exp_year, "country": self.country,
        }  # fmt: skip


def phone(obj: Json, source: str, country: str, *path: str) -> Iterator[Snapshot]:
    """The number there, if any, with where it was given."""
    if found := text(obj, *path).strip():
        yield Snapshot(found[:64], source, country)


def said_or_none(obj: Json, name: str) -> str | None:
    """A string, ``""`` where the object says none, None where its shape does not say."""
    return text(obj, name) if name in obj else None


def card_at(obj: Json, *path: str) -> Card | None:
    """The card there, if it shows its last digits."""
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not text(value, "last4"):
        return None
    return Card(
        text(value, "brand"),
        text(value, "last4"),
        number(value, "exp_month"),
        number(value, "exp_year"),
        text(value, "country"),
    )


def presentment(obj: Json) -> tuple[int, str] | None:
    """What the buyer saw (amount, currency), where it is not what was charged."""
    amount, currency = (
        number(obj, "presentment_details", "presentment_amount"),
        text(obj, "presentment_details", "presentment_currency").lower(),
    )
    return (amount, currency) if amount is not None and currency else None
