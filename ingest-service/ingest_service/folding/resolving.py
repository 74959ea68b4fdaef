"""Whether a drafted fact can be told now, and to whom. Pure."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ingest_service.folding.declines import codes_since
from ingest_service.folding.details import details
from ingest_service.folding.effects import Draft
from ingest_service.folding.freshness import fresh_for
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.presentment import SUCCESSES, is_of_bill, may_be_shown_yet, payment_of, shown_to_buyer
from ingest_service.folding.recovery import at_the_form
from ingest_service.folding.subject import Subject

OVER: Final = frozenset({"paid", "void", "uncollectible"})
"""Statuses of a bill about which nothing more is said."""


@dataclass(frozen=True, slots=True)
class Holds:
    """How long facts wait for the event that joins them to an invoice, and how old most news may be (see freshness)."""

    success: datetime.timedelta = datetime.timedelta(seconds=5)
    failure: datetime.timedelta = datetime.timedelta(seconds=60)
    freshness: datetime.timedelta = datetime.timedelta(hours=24)
    first_payment: datetime.timedelta = datetime.timedelta(minutes=2)


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
    draft: Draft
    """With everything that is known of it by now."""


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
    """Stripe must be asked. `at`: when what is asked about happened (unix seconds; decline only)."""

    what: Literal[
        "invoice_of_payment",
        "charge",
        "customer",
        "earlier_payment",
        "checkout",
        "items",
        "price",
        "product",
        "decline",
        "suspect",
    ]
    identity: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Stripe was asked in vain so many times, at last because of this. `vain`: what it was asked this time, if it was."""

    reason: str
    tries: int
    vain: frozenset[str] = frozenset()

    def enough(self, what: str, after: int) -> bool:
        """Whether this was asked often enough to do without."""
        return self.tries >= after and (not self.vain or what in self.vain)


WITHOUT_CUSTOMER_AFTER: Final = 3
"""So many vain looks at a customer, and the message goes to the number that came with the payment: silence would be worse."""

WITHOUT_REASON_AFTER: Final = 3
"""So many vain looks at why a bill was not paid (half a minute), and it is told in words that fit every decline."""

Resolution = Ready | Held | Dropped | LookUp


def hold_until(draft: Draft, now: datetime.datetime, holds: Holds) -> datetime.datetime:
    """Until when a new draft waits."""
    if draft.kind == "payment_failed" and (draft.need == "invoice_of_payment" or at_the_form(draft)):
        return now + holds.failure
    if draft.need == "first_payment":
        # its message comes minutes later: there is time for what tells what was bought
        return now + holds.first_payment
    waits = draft.need == "invoice_of_payment" or (is_of_bill(draft) and draft.kind in SUCCESSES)
    return now + holds.success if waits else now


def resolve(
    pending: Pending, known: Known, now: datetime.datetime, holds: Holds, region: str, trouble: Trouble | None = None
) -> Resolution:
    """What becomes of a drafted fact.

    Args:
        pending: the fact.
        known: everything that is known.
        now: business time.
        holds: how long to wait.
        region: of the business, the last resort for national numbers.
        trouble: what kept it waiting so far, if Stripe was asked in vain.
    """
    draft = pending.draft
    if draft.give_up:
        return Dropped(draft.give_up)
    fresh = fresh_for(draft, holds.freshness)
    if now - pending.occurred_at > fresh:
        hours = f"{fresh.total_seconds() / 3600:.0f} hours"
        if trouble is not None:
            return Dropped(f"it waited for more than {hours}, at last because: {trouble.reason}")
        return Dropped(f"it is old news: it happened more than {hours} before it came")
    found = _needed(pending, known, now, trouble)
    if not isinstance(found, Pending):
        return found
    sold = _sold(found.draft, known)
    if isinstance(sold, Draft):
        return _person(replace(found, draft=sold), known, now, region, trouble)
    # nice to have: no message waits for it
    return sold if trouble is None else _person(found, known, now, region, trouble)


def _sold(draft: Draft, known: Known) -> Draft | LookUp:
    """The fact with how often its bill comes; or what Stripe is to be asked of what was bought."""
    session = draft.attributes.get("checkout_session")
    if session is None and draft.kind == "payment_failed" and draft.need_id.startswith("pi_"):
        # no event tells of a checkout in which nothing was paid
        session = known.aliases.get((draft.need_id, "checkout"))
        if session is None:
            return LookUp("checkout", draft.need_id)
    if session and "items" not in draft.attributes:
        return LookUp("items", str(session))
    if not draft.of_price:
        return draft
    every = known.aliases.get((draft.of_price, "every"))
    if every is None:
        subscription = known.subjects.get(str(draft.attributes["subscription"]))
        every = str(subscription.facts.get("every") or "") if subscription is not None else ""
        if not every:
            return LookUp("price", draft.of_price)
    count, _, interval = every.partition(" ")
    more = {"interval": interval, "interval_count": int(count)} if interval else {}
    return replace(draft, attributes={**draft.attributes, **more})


def _needed(
    pending: Pending, known: Known, now: datetime.datetime, trouble: Trouble | None
) -> Pending | Held | Dropped | LookUp:
    """With what it needs to be told, whomever it concerns; or what becomes of it without."""
    draft = pending.draft
    found: Pending | Held | Dropped | LookUp | None = None
    match draft.need:
        case "suspect":
            return LookUp("suspect", draft.need_id)
        case "invoice_of_payment":
            found = _joined_to_invoice(pending, known, now)
        case "decline":
            found = _declined(pending, known, now, trouble)
        case "first_payment":
            found = _first_payment(pending, known, now)
        case _:
            pass
    if found is not None and not isinstance(found, Pending):
        return found
    return _of_bill(found or pending, known, now) if is_of_bill(draft) else found or pending


def _of_bill(pending: Pending, known: Known, now: datetime.datetime) -> Pending | Held:
    """With what the buyer saw, which the bill's payment tells."""
    draft = pending.draft
    payment = known.subjects.get(payment_of(draft, known.aliases))
    subscription = known.subjects.get(str(draft.attributes.get("subscription", "")))
    if now < pending.held_until and may_be_shown_yet(draft, payment, subscription):
        return Held(pending.held_until, "its payment may say that the buyer saw another currency")
    return replace(pending, draft=shown_to_buyer(draft, payment))


def _first_payment(pending: Pending, known: Known, now: datetime.datetime) -> Held | Dropped | LookUp | None:
    if now < pending.held_until:
        return Held(pending.held_until, "another event may say more of what was bought")
    earlier = known.aliases.get((pending.draft.need_id, "earlier_payment"))
    if earlier is None:
        return LookUp("earlier_payment", pending.draft.need_id)
    return Dropped("it is not their first payment: an earlier one stands at Stripe") if earlier else None


def _declined(
    pending: Pending, known: Known, now: datetime.datetime, trouble: Trouble | None
) -> Pending | Held | Dropped | LookUp:
    """A bill's failure with what is known of why: by what was folded of its payment, or by an answer of Stripe's."""
    draft = pending.draft
    bill = known.subjects.get(draft.need_id)
    over = bill is not None and bill.status in OVER
    if at_the_form(draft) and over:
        return Dropped("the buyer has paid meanwhile" if bill and bill.status == "paid" else "the bill is over")
    if at_the_form(draft) and now < pending.held_until:
        return Held(pending.held_until, "the buyer may still be trying")
    payment = draft.attributes.get("payment_intent") or known.aliases.get((draft.need_id, "payment_intent"), "")
    tellers = [one for one in (known.subjects.get(str(payment)), bill) if one is not None]
    at = pending.occurred_at.timestamp()
    codes = next((told for one in tellers if (told := codes_since(one.facts.get("decline"), at)) is not None), None)
    if codes is None:
        told_by_event = draft.attributes.get("needs_confirmation") is True
        if over or told_by_event or (trouble is not None and trouble.enough("decline", WITHOUT_REASON_AFTER)):
            return pending
        return LookUp("decline", draft.need_id, int(at))
    attributes = {**draft.attributes, **{name: code for name, code in codes.items() if code}}
    return replace(pending, draft=replace(draft, attributes=attributes))


def _joined_to_invoice(pending: Pending, known: Known, now: datetime.datetime) -> Held | Dropped | LookUp | None:
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
    elif now < pending.held_until and (
        invoice is None or not draft.charge_seen or not (draft.snapshots or draft.customer_id)
    ):
        return Held(
            pending.held_until,
            "another event may say which invoice it belongs to, whom it concerns, or what the buyer saw",
        )
    # Stripe's list of invoice payments can be asked by payment intent alone: a bare charge's is told by its event, or by none
    askable = invoice is None and draft.need_id.startswith("pi_")
    return LookUp("invoice_of_payment", draft.need_id) if askable else None


def _person(pending: Pending, known: Known, now: datetime.datetime, region: str, trouble: Trouble | None) -> Resolution:
    draft = pending.draft
    if charge_id := draft.names_whom:
        charge = known.subjects.get(charge_id)
        if not draft.customer_id and not _tells_whom(charge):
            return LookUp("charge", charge_id)
        draft = _of_charge(draft, charge)
    customer_id = draft.customer_id
    mirror = known.customers.get(customer_id) if customer_id else None
    if (
        customer_id
        and mirror is None
        and not (trouble is not None and trouble.enough("customer", WITHOUT_CUSTOMER_AFTER))
    ):
        return LookUp("customer", customer_id)
    if draft.need == "product" and draft.need_id:
        product = known.subjects.get(draft.need_id)
        if product is None and trouble is None:
            return LookUp("product", draft.need_id)
        draft = _named(draft, product)
    return Ready(details(draft, mirror, int(now.timestamp()), region), customer_id, draft)


def _named(draft: Draft, product: Subject | None) -> Draft:
    """With the product's name; a message without it is better than none."""
    name = str(product.facts.get("name") or "") if product is not None else ""
    return replace(draft, attributes={**draft.attributes, "product_names": [name]}) if name else draft


def _tells_whom(charge: Subject | None) -> bool:
    """Whether asking Stripe about a charge would tell nothing that is not known."""
    if charge is None:
        return False
    return bool(charge.customer_id or charge.facts.get("looked_up") or (charge.contact and charge.contact.phones))


def _of_charge(draft: Draft, charge: Subject | None) -> Draft:
    """With whom the charge names."""
    if charge is None:
        return draft
    contact = charge.contact
    return replace(
        draft,
        customer_id=draft.customer_id or charge.customer_id,
        snapshots=(*draft.snapshots, *(contact.phones if contact else ())),
        name=draft.name or (contact.name if contact else ""),
        country=draft.country or (contact.country if contact else ""),
    )


def enriched(first: Draft, further: Draft) -> Draft:
    """Two events' words about one fact: the first one's, with what only the further one knows."""
    sources = {snapshot.source for snapshot in first.snapshots}
    return replace(
        first,
        customer_id=first.customer_id or further.customer_id,
        attributes=_both(first.attributes, further.attributes),
        presentment=first.presentment or further.presentment,
        charge_seen=first.charge_seen or further.charge_seen,
        snapshots=(*first.snapshots, *(one for one in further.snapshots if one.source not in sources)),
        name=first.name or further.name,
        country=first.country or further.country,
        languages=first.languages or further.languages,
        recovery=first.recovery or further.recovery,
        give_up=first.give_up or further.give_up,
        given_at=first.given_at or further.given_at,
    )


def _both(first: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """The first one's attributes and what only the further one knows; a flag that either raises is raised."""
    raised = {name: True for name, value in further.items() if value is True}
    return {**further, **first, **raised}
