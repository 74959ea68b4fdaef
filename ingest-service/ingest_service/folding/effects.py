"""The values in which a teller says what one event says: which objects changed, what belongs to what, which facts it tells of,
which concerns it ends. Pure.

An event never decides alone whether somebody is written to: a draft of a fact is settled with everything else that is known
(see resolving).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ingest_service.folding import parse
from ingest_service.folding.contact import Contact
from ingest_service.folding.parse import Snapshot

Need = Literal["", "invoice_of_payment", "charge", "first_payment", "product", "decline", "suspect"]
"""Nothing; which bill a payment belongs to; whom a charge names; whether the customer ever paid before; what the product is called;
why a bill failed; how a suspicious payment stands."""


@dataclass(frozen=True, slots=True)
class SubjectTold:
    """What an event says of an object.

    Attributes:
        facts: ids, times, amounts and flags; they stand in plain text.
        contact: whom it names; sealed.
    """

    subject_id: str
    kind: str
    status: str
    customer_id: str
    facts: Mapping[str, Any]
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Alias:
    """What belongs to what; an empty target says that there is none."""

    alias_id: str
    target_kind: str
    target_id: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact as one event tells of it.

    Attributes:
        presentment: what the buyer saw (amount, currency), where it is not what was charged. Of a bill its payment tells it.
        charge_seen: whether the charge itself, which knows that best, has spoken (payments only).
        recovery: whether the event alone shows that the bill had failed before (payment_succeeded of an invoice only).
        need: what must be known before it can be told.
        need_id: of which object.
        give_up: a reason for which it is dropped at once, ``""`` if none.
        given_at: Unix seconds at which the snapshots' numbers were given; None where now is as good.
    """

    kind: str
    key: str
    concern: str
    subject_id: str
    customer_id: str
    lane: int
    amount: int
    currency: str
    attributes: Mapping[str, Any]
    presentment: tuple[int, str] | None = None
    charge_seen: bool = False
    snapshots: tuple[Snapshot, ...] = ()
    name: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()
    recovery: bool = False
    need: Need = ""
    need_id: str = ""
    give_up: str = ""
    given_at: int | None = None

    @property
    def names_whom(self) -> str:
        """The charge that tells whom it concerns, where the event does not: of a refund or dispute, and of a guest's payment."""
        if self.need == "charge":
            return self.need_id
        nobody = not (self.customer_id or self.snapshots)
        return str(self.attributes.get("charge", "")) if nobody and self.need == "invoice_of_payment" else ""

    @property
    def of_price(self) -> str:
        """The price that tells how often the bill of a subscription comes, where the bill itself does not; ``""`` for anything else."""
        billed = self.attributes.get("invoice") and self.attributes.get("subscription")
        prices = self.attributes.get("price_ids") or ()
        return str(prices[0]) if billed and prices and not self.attributes.get("interval") else ""

    @property
    def shown(self) -> tuple[int, str]:
        """Amount and currency as the buyer saw them."""
        return self.presentment or (self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that one event says."""

    subjects: tuple[SubjectTold, ...] = ()
    aliases: tuple[Alias, ...] = ()
    customer: parse.Customer | None = None
    drafts: tuple[Draft, ...] = ()
    settled: tuple[str, ...] = ()
    ended_subscription: str = ""
    announced_trial: tuple[str, int] | None = None
    """A subscription and its trial's end (Unix seconds): Stripe says that it comes, which is looked at before it is told."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a type that is handled.

    Attributes:
        previous: what the changed parts of the object were before (``data.previous_attributes``), of ``*.updated`` events only.
        request_id: the API request that caused it; ``""`` where Stripe did it by itself.
    """

    event_id: str
    type: str
    created_at: datetime.datetime
    obj: Mapping[str, Any]
    previous: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""


def without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What of these is known: neither missing nor empty."""
    return {name: value for name, value in attributes.items() if value not in (None, "", [], {})}


def named(kind: str, identity: str, facts: Mapping[str, Any] | None = None) -> SubjectTold:
    """An object that an event only names. Whoever folds what belongs to it, and whoever folds the object itself, must wait for
    each other: a fact would be held although the answer is known, or told although the matter is over.
    """
    return SubjectTold(identity, kind, "", "", facts or {})


def joined(payment: str, invoice: str) -> tuple[Alias, ...]:
    """What a payment and a bill that belong together are to each other; an empty bill says that the payment has none."""
    own = Alias(payment, "invoice", invoice)
    return (own, Alias(invoice, "payment_intent", payment)) if invoice and payment.startswith("pi_") else (own,)
