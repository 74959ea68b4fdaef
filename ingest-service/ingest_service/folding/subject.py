"""What an object is, merged from all events about it so that their order does not matter. Pure.

Each kind has a rank for its statuses: a higher one wins whenever it was told. Between equal ones the newer event wins. What is
once true of an object (it has been captured, it has failed) stays true.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ingest_service.folding.contact import Contact
from ingest_service.folding.contact import merged as merged_contact

NEVER: Final = datetime.datetime.min.replace(tzinfo=datetime.UTC)

RANKS: Final[Mapping[str, Mapping[str, int]]] = {
    "invoice": {"draft": 0, "open": 1, "uncollectible": 2, "void": 3, "paid": 4},
    "payment_intent": {
        "requires_payment_method": 1, "requires_confirmation": 1, "requires_action": 1, "processing": 2, "requires_capture": 3,
        "canceled": 4, "succeeded": 5,
    },
    "charge": {"pending": 1, "failed": 2, "succeeded": 3},
    "dispute": {"won": 9, "lost": 9, "warning_closed": 9, "prevented": 9},
    "refund": {"pending": 1, "requires_action": 1, "succeeded": 2, "canceled": 3, "failed": 4},
    "subscription": {"canceled": 9, "incomplete_expired": 9},
    "payment_method": {"detached": 9},
}  # fmt: skip
"""Unlisted statuses rank 0: among them the newer event wins."""


def overtakes(kind: str, status: str, known: str) -> bool:
    """Whether a status that was read just now may take the place of the one that is known."""
    ranks = RANKS.get(kind, {})
    return ranks.get(status, 0) >= ranks.get(known, 0)


def _moment(happened: Mapping[str, Any]) -> tuple[int, str]:
    return int(happened["at"]), str(sorted(happened.items()))  # of one second: the word itself breaks the tie


@dataclass(frozen=True, slots=True)
class Subject:
    """An object's merged state.

    Attributes:
        facts: what else is remembered: ids it belongs to, flags that stay true.
        contact: whom it names.
    """

    subject_id: str
    kind: str
    status: str = ""
    customer_id: str = ""
    as_of: datetime.datetime = NEVER
    facts: Mapping[str, Any] = field(default_factory=dict)
    contact: Contact | None = None

    def told(
        self,
        *,
        status: str,
        customer_id: str,
        at: datetime.datetime,
        facts: Mapping[str, Any],
        contact: Contact | None = None,
    ) -> "Subject":
        """With one more event's word. One that only names the object, without a status, is no word about it."""
        ranks = RANKS.get(self.kind, {})
        # events of one second have no order: the word itself breaks the tie, the same way everywhere
        old, new = (ranks.get(self.status, 0), self.as_of, self.status), (ranks.get(status, 0), at, status)
        newer = at >= self.as_of
        merged = dict(self.facts)
        for name, value in facts.items():
            # a flag stays true; an id that is known is not unlearnt; a count only rises; other words are the newer event's
            if isinstance(value, Mapping) and "at" in value:  # something that happened at a moment: the latest one
                merged[name] = max(value, merged.get(name, value), key=_moment)
            elif isinstance(value, bool):
                merged[name] = merged.get(name, False) or value
            elif isinstance(value, int):
                merged[name] = max(merged.get(name, value), value)
            elif value and (newer or not merged.get(name)):
                merged[name] = value
        return Subject(
            self.subject_id,
            self.kind,
            status if status and (not self.status or new >= old) else self.status,
            customer_id if customer_id and (newer or not self.customer_id) else self.customer_id,
            max(self.as_of, at) if status else self.as_of,
            merged,
            merged_contact(self.contact, contact, newer=newer),
        )
