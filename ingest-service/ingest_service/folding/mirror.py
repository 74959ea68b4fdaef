"""The customer mirror: what events and reads told of a customer, with where each number came from. Pure.

A blank never erases, but a number that was taken away is gone; one that replaced another is marked, because whoever agreed
agreed to the old one. It is marked, too, where the old one was taken away first: whoever takes over an account can do it in two steps.
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
    """A customer as we know them.

    Attributes:
        vacated: sources in which a number stood that is gone; the number itself is not kept.
    """

    customer_id: str
    as_of: datetime.datetime
    deleted: bool = False
    name: str = ""
    languages: tuple[str, ...] = ()
    place: Mapping[str, str] | None = None
    metadata: Mapping[str, str] | None = None
    phones: tuple[MirroredPhone, ...] = ()
    vacated: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {
            "name": self.name, "languages": list(self.languages), "place": dict(self.place or {}), "metadata": dict(self.metadata or {}),
            "phones": [[p.number, p.source, p.country, p.first_seen, p.replaced] for p in self.phones], "vacated": sorted(self.vacated),
        }  # fmt: skip

    @staticmethod
    def from_json(customer_id: str, as_of: datetime.datetime, deleted: bool, stored: Mapping[str, Any]) -> "Mirror":
        """The reverse."""
        return Mirror(
            customer_id, as_of, deleted, stored["name"], tuple(stored["languages"]), stored["place"], stored["metadata"],
            tuple(MirroredPhone(*phone) for phone in stored["phones"]), frozenset(stored.get("vacated", ())),
        )  # fmt: skip


def told(known: Mirror | None, customer: Customer, at: datetime.datetime) -> Mirror:
    """With one more word about the customer. The order in which words come does not matter."""
    if customer.deleted or (known is not None and known.deleted):
        return Mirror(customer.id, max(at, known.as_of) if known else at, deleted=True)
    if known is not None and at < known.as_of:
        return _with_older(known, customer, at)
    phones = {phone.source: phone for phone in (known.phones if known else ())}
    vacated = (known.vacated if known else frozenset()) | _taken_away(customer)
    for source in _taken_away(customer):
        phones.pop(source, None)
    for snapshot in customer.phones:
        before = phones.get(snapshot.source)
        changed = snapshot.source in customer.changed_phones
        if before is not None and before.number == snapshot.number:
            phones[snapshot.source] = replace(
                before, country=snapshot.country or before.country, replaced=before.replaced or changed
            )
        else:
            phones[snapshot.source] = MirroredPhone(
                snapshot.number,
                snapshot.source,
                snapshot.country,
                int(at.timestamp()),
                replaced=before is not None or changed or snapshot.source in vacated,
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
        vacated=vacated,
    )


def _taken_away(customer: Customer) -> frozenset[str]:
    """Sources whose number was taken away, not merely left out."""
    return customer.changed_phones - {snapshot.source for snapshot in customer.phones}


def _with_older(known: Mirror, customer: Customer, at: datetime.datetime) -> Mirror:
    """An older word that comes late: all it adds is since when a number is known, and that another one stood in its place."""
    earlier = {snapshot.source: snapshot.number for snapshot in customer.phones}
    taken_away = _taken_away(customer)
    phones = []
    for phone in known.phones:
        number = earlier.get(phone.source)
        if number == phone.number:
            first_seen = min(phone.first_seen, int(at.timestamp()))
            replaced = phone.replaced or phone.source in customer.changed_phones
            phones.append(replace(phone, first_seen=first_seen, replaced=replaced))
        else:
            replaced = phone.replaced or number is not None or phone.source in taken_away
            phones.append(replace(phone, replaced=replaced))
    gone = earlier.keys() - {phone.source for phone in known.phones}
    return replace(known, phones=tuple(phones), vacated=known.vacated | taken_away | gone)
