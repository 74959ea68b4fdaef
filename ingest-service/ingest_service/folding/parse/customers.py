"""Customers. Pure."""

from dataclasses import dataclass, field
from typing import Final

from ingest_service.folding.parse.fields import Json, Snapshot, need_id, phone, table, text

_PHONES: Final = {
    "customer.metadata.notify_phone": ("metadata", "notify_phone"),
    "customer.phone": ("phone",),
    "customer.shipping.phone": ("shipping", "phone"),
}
"""Where a customer's numbers stand, by the name of the source."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the mirror keeps them.

    Attributes:
        changed_phones: sources whose number was another one before this event.
    """

    id: str
    deleted: bool
    name: str
    phones: tuple[Snapshot, ...]
    languages: tuple[str, ...]
    place: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)
    changed_phones: frozenset[str] = frozenset()


def customer(obj: Json, previous: Json | None = None) -> Customer:
    """A customer, also one that was deleted; ``previous`` is what the changed parts were before.

    Raises:
        MalformedError: where it has no id.
    """
    before = previous or {}
    country = text(obj, "address", "country")
    shipping_country = text(obj, "shipping", "address", "country")
    countries = {"customer.phone": country or shipping_country, "customer.shipping.phone": shipping_country}
    phones = tuple(
        found for source, path in _PHONES.items() for found in phone(obj, source, countries.get(source, country), *path)
    )
    locales = obj.get("preferred_locales")
    place = {
        "country": country,
        "subdivision": text(obj, "address", "state"),
        "postal_code": text(obj, "address", "postal_code"),
    }
    return Customer(
        id=need_id(obj, "customer"),
        deleted=obj.get("deleted") is True,
        name=text(obj, "name"),
        phones=phones,
        languages=tuple(tag for tag in locales if isinstance(tag, str)) if isinstance(locales, list) else (),
        place={name: value for name, value in place.items() if value},
        metadata=table(obj, "metadata"),
        changed_phones=frozenset(source for source, path in _PHONES.items() if text(before, *path)),
    )
