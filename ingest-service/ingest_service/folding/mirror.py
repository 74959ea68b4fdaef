"""The customer mirror: what events and reads told of a customer, with where each number came from. Pure.

A blank never erases; a number that replaced another one is marked, because whoever agreed agreed to the old one.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ingest_service.folding.parse import Customer


@dataclass(frozen=True, slots=True)
class MirroredPhone:
    """A number with its provenance. ``first_seen`` is Unix seconds."""

    number: str
    source: str
    country: str
    first_seen: int
    replaced: bool


@dataclass(frozen=True, slots=True)
class Mirror:
    """A customer as we know them."""

    customer_id: str
    as_of: datetime.datetime
    deleted: bool = False
    name: str = ""
    languages: tuple[str, ...] = ()
    place: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None
    phones: tuple[MirroredPhone, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {
            "name": self.name, "languages": list(self.languages), "place": dict(self.place or {}), "metadata": dict(self.metadata or {}),
            "phones": [[p.number, p.source, p.country, p.first_seen, p.replaced] for p in self.phones],
        }  # fmt: skip

    @staticmethod
    def from_json(customer_id: str, as_of: datetime.datetime, deleted: bool, stored: Mapping[str, Any]) -> "Mirror":
        """The reverse."""
        return Mirror(
            customer_id, as_of, deleted, stored["name"], tuple(stored["languages"]), stored["place"], stored["metadata"],
            tuple(MirroredPhone(*phone) for phone in stored["phones"]),
        )  # fmt: skip


def told(known: Mirror | None, customer: Customer, at: datetime.datetime) -> Mirror:
    """With one more word about the customer."""
    if customer.deleted or (known is not None and known.deleted):
        return Mirror(customer.id, max(at, known.as_of) if known else at, deleted=True)
    if known is not None and at < known.as_of:
        return known  # an older word; what it would add is known better
    phones = {phone.source: phone for phone in (known.phones if known else ())}
    for snapshot in customer.phones:
        before = phones.get(snapshot.source)
        if before is not None and before.number == snapshot.number:
            phones[snapshot.source] = replace(before, country=snapshot.country or before.country)
        else:
            phones[snapshot.source] = MirroredPhone(
                snapshot.number, snapshot.source, snapshot.country, int(at.timestamp()), replaced=before is not None
            )
    return Mirror(
        customer.id,
        at,
        deleted=False,
        name=customer.name or (known.name if known else ""),
        languages=customer.languages or (known.languages if known else ()),
        place=customer.place or (known.place if known else {}),
        metadata=customer.metadata,
        phones=tuple(phones.values()),
    )
