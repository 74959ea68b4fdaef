"""Whom a payment names: numbers with where they were given, a name, a country. Personal, so it is stored sealed. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest_service.folding.parse import Snapshot


@dataclass(frozen=True, slots=True)
class Contact:
    """What a charge or a payment tells of the person who paid."""

    phones: tuple[Snapshot, ...]
    name: str
    country: str

    @property
    def empty(self) -> bool:
        """Whether it names nobody."""
        return not (self.phones or self.name or self.country)

    def to_json(self) -> dict[str, Any]:
        """As it is sealed."""
        phones = [[one.number, one.source, one.country] for one in self.phones]
        return {"phones": phones, "name": self.name, "country": self.country}

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "Contact":
        """The reverse."""
        return Contact(tuple(Snapshot(*one) for one in stored["phones"]), stored["name"], stored["country"])


def merged(old: Contact | None, new: Contact | None, *, newer: bool) -> Contact | None:
    """Two words about one object: of the same source the newer one, and what only one of them knows."""
    if old is None or new is None:
        return old if new is None else new
    first, second = (new, old) if newer else (old, new)
    sources = {one.source for one in first.phones}
    phones = (*first.phones, *(one for one in second.phones if one.source not in sources))
    return Contact(phones, first.name or second.name, first.country or second.country)
