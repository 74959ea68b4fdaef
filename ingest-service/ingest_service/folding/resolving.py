"""Whether a drafted fact can be told now, and to whom. Pure."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ingest_service.folding.effects import Draft
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.parse import Snapshot
from ingest_service.folding.subject import Subject

RANKED_SOURCES: Final = (
    "customer.metadata.notify_phone", "customer.phone", "invoice.customer_phone", "checkout.customer_details.phone",
    "charge.billing_details.phone", "customer.shipping.phone", "invoice.customer_shipping.phone", "charge.shipping.phone",
    "payment_intent.shipping.phone",
)  # fmt: skip
"""Best first. A number for shipping may be somebody else's: it comes last and was not given for this."""

NOT_GIVEN: Final = frozenset(source for source in RANKED_SOURCES if "shipping" in source)


@dataclass(frozen=True, slots=True)
class Holds:
    """How long facts wait for the event that joins them to an invoice, and how old news may be."""

    success: datetime.timedelta = datetime.timedelta(seconds=5)
    failure: datetime.timedelta = datetime.timedelta(seconds=60)
    freshness: datetime.timedelta = datetime.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the objects of an account.

    Attributes:
        aliases: (id, kind of the target) to the target's id; ``""`` where it is known that there is none.
    """

    subjects: Mapping[str, Subject]
    aliases: Mapping[tuple[str, str], str]
    customers: Mapping[str, Mirror]


@dataclass(frozen=True, slots=True)
class Pending:
    """A drafted fact on its way, as it is kept while it waits.

    Attributes:
        held_until: business time until which it waits for what would join or settle it.
    """

    draft: Draft
    occurred_at: datetime.datetime
    held_until: datetime.datetime


@dataclass(frozen=True, slots=True)
class Ready:
    """It can be told."""

    details: Mapping[str, Any]
    customer_id: str


@dataclass(frozen=True, slots=True)
class Held:
    """It waits."""

    until: datetime.datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """It is not told."""

    reason: str


@dataclass(frozen=True, slots=True)
class LookUp:
    """Stripe must be asked."""

    what: Literal["invoice_of_payment", "charge", "customer"]
    identity: str


Resolution = Ready | Held | Dropped | LookUp


def hold_until(draft: Draft, now: datetime.datetime, holds: Holds) -> datetime.datetime:
    """Until when a new draft waits."""
    if draft.kind == "payment_failed" and draft.need == "invoice_of_payment":
        return now + holds.failure
    return now + holds.success if draft.need == "invoice_of_payment" else now


def resolve(pending: Pending, known: Known, now: datetime.datetime, holds: Holds, region: str) -> Resolution:
    """What becomes of a drafted fact.

    Args:
        pending: the fact.
        known: everything that is known.
        now: business time.
        holds: how long to wait.
        region: of the business, the last resort for national numbers.
    """
    draft = pending.draft
    if draft.give_up:
        return Dropped(draft.give_up)
    if now - pending.occurred_at > holds.freshness:
        return Dropped(
            f"it is old news: it happened more than {holds.freshness.total_seconds() / 3600:.0f} hours before it came"
        )
    if draft.need == "invoice_of_payment":
        waiting = _joined_to_invoice(pending, known, now)
        if waiting is not None:
            return waiting
    return _person(pending, known, now, region)


def _joined_to_invoice(pending: Pending, known: Known, now: datetime.datetime) -> Resolution | None:
    draft = pending.draft
    invoice = known.aliases.get((draft.need_id, "invoice"))
    if invoice:
        return Dropped(f"it is the payment of {invoice}, whose own events tell of it")
    if draft.kind == "payment_failed":
        status = known.subjects[draft.subject_id].status if draft.subject_id in known.subjects else ""
        if status in ("succeeded", "processing", "canceled"):
            return Dropped("the buyer has paid meanwhile" if status != "canceled" else "the payment was cancelled")
        if now < pending.held_until:
            return Held(pending.held_until, "the buyer may still be trying")
    elif now < pending.held_until and (invoice is None or not (draft.snapshots or draft.customer_id)):
        return Held(pending.held_until, "another event may say which invoice it belongs to, or whom it concerns")
    return LookUp("invoice_of_payment", draft.need_id) if invoice is None else None


def _person(pending: Pending, known: Known, now: datetime.datetime, region: str) -> Resolution:
    draft = pending.draft
    customer_id = draft.customer_id
    if not customer_id and draft.need == "charge":
        charge = known.subjects.get(draft.need_id)
        if charge is None and draft.need_id:
            return LookUp("charge", draft.need_id)
        customer_id = charge.customer_id if charge else ""
    mirror = known.customers.get(customer_id) if customer_id else None
    if customer_id and mirror is None:
        return LookUp("customer", customer_id)
    snapshots = draft.snapshots
    if draft.need == "charge" and draft.need_id in known.subjects:
        snapshots = (*snapshots, *_remembered(known.subjects[draft.need_id]))
    return Ready(details(draft, mirror, snapshots, int(now.timestamp()), region, customer_id), customer_id)


def _remembered(charge: Subject) -> Sequence[Snapshot]:
    return [Snapshot(*one) for one in charge.facts.get("phones", ())]


@dataclass(slots=True)
class _Address:
    number: str
    source: str
    first_seen: int
    hints: list[str]
    given: bool
    replaced: bool
    rank: int = field(default=len(RANKED_SOURCES))


def details(
    draft: Draft, mirror: Mirror | None, snapshots: Sequence[Snapshot], now: int, region: str, customer_id: str
) -> dict[str, Any]:
    """Everything that a rule or a template may ask for."""
    place = dict(mirror.place or {}) if mirror else {}
    card_country = str((draft.attributes.get("card") or {}).get("country", ""))
    fallback = [place.get("country", ""), draft.country, card_country, region]
    found: dict[str, _Address] = {}
    for phone in mirror.phones if mirror else ():
        given = phone.source not in NOT_GIVEN and not phone.replaced
        found[phone.source] = _Address(
            phone.number, phone.source, phone.first_seen, [phone.country], given, phone.replaced
        )
    for snapshot in snapshots if mirror is None or not mirror.deleted else ():
        found[snapshot.source] = _Address(
            snapshot.number, snapshot.source, now, [snapshot.country], snapshot.source not in NOT_GIVEN, replaced=False
        )
    ranked = sorted(found.values(), key=lambda one: RANKED_SOURCES.index(one.source))
    merged: dict[str, _Address] = {}
    for one in ranked:  # the same number from several places keeps its best place, and is given if any of them says so
        kept = merged.setdefault(one.number, one)
        kept.given = kept.given or one.given
        kept.first_seen = min(kept.first_seen, one.first_seen)
    addresses = [
        {
            "number": one.number, "source": one.source, "first_seen_at": one.first_seen,
            "region_hints": list(dict.fromkeys(hint for hint in (*one.hints, *fallback) if len(hint) == 2)),
            "given_in_transaction": one.given, "replaced_another": one.replaced,
        }
        for one in merged.values()
    ]  # fmt: skip
    attributes = dict(draft.attributes)
    if mirror and mirror.metadata:
        attributes["customer_metadata"] = dict(mirror.metadata)
    country = place.get("country") or draft.country
    if country:
        attributes["country"] = country
        place = place or {"country": country}
    languages = list(mirror.languages) if mirror and mirror.languages else list(draft.languages)
    return {
        "attributes": attributes,
        "person": {
            "customer_id": customer_id or draft.subject_id, "name": (mirror.name if mirror else "") or draft.name, "languages": languages,
            "time_zones": [], "places": [place] if place else [], "addresses": addresses,
        },
    }  # fmt: skip


def enriched(first: Draft, further: Draft) -> Draft:
    """Two events' words about one fact: the first one's, with what only the further one knows."""
    sources = {snapshot.source for snapshot in first.snapshots}
    return Draft(
        kind=first.kind,
        key=first.key,
        concern=first.concern,
        subject_id=first.subject_id,
        customer_id=first.customer_id or further.customer_id,
        lane=first.lane,
        # the presentment amount is what the buyer saw; only charges tell it, and then in another currency
        amount=further.amount
        if further.currency != first.currency and "charge" in further.attributes
        else first.amount,
        currency=further.currency
        if further.currency != first.currency and "charge" in further.attributes
        else first.currency,
        attributes={**further.attributes, **first.attributes},
        snapshots=(*first.snapshots, *(one for one in further.snapshots if one.source not in sources)),
        name=first.name or further.name,
        country=first.country or further.country,
        languages=first.languages or further.languages,
        recovery=first.recovery or further.recovery,
        need=first.need,
        need_id=first.need_id,
        give_up=first.give_up or further.give_up,
    )
