"""What events about suspicion say: a review, a bank's warning, a block of Radar's. One fact a payment, whichever come. Pure.

A block is a fact of its own try: whoever is blocked tries again with the same payment, which may be suspected for another reason.

A review and a warning carry ids only: what there is to ask about is read once (see asking), and told_by_charge puts it into the fact.
"""

from dataclasses import replace
from typing import Any, Final

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, named, without_none
from ingest_service.folding.parse import Suspect
from ingest_service.inbox.lanes import FRAUD

_OVER: Final = {
    "disputed": "the payment is disputed already: whatever is said now is said to the bank",
    "refunded": "the payment has been refunded already",
    "cancelled": "the payment has been cancelled already",
    "other": "the payment did not go through, so there is nothing to ask about",
}


def reviewed(owner: str) -> tuple[str, ...]:
    """What ends when a person has decided about a payment."""
    return f"payment:{owner}/fraud", f"payment:{owner}/fraud_held"


def concerns(owner: str) -> tuple[str, ...]:
    """What ends when there is nothing left to decide about a payment, or about a charge that was blocked."""
    return *reviewed(owner), f"payment:{owner}/fraud_warned"


def tell_review(event: Event) -> Effects:
    review, charge = parse.need_id(event.obj, "review"), parse.text(event.obj, "charge")
    payment = parse.text(event.obj, "payment_intent")
    is_open = event.obj.get("open") is True
    status = "open" if is_open else "closed"
    told = SubjectTold(review, "review", status, "", {"charge": charge, "payment_intent": payment})
    owner = payment or charge
    if not owner:
        return Effects(subjects=(told,))
    subjects = (told, named("payment_intent", payment)) if payment else (told,)
    if event.type != "review.opened" or not is_open:
        return Effects(subjects=subjects, settled=() if is_open else reviewed(owner))
    draft = _draft(owner, charge or payment, {"suspicion": "review", "review": review})
    return Effects(subjects=subjects, drafts=(draft,))


def tell_warning(event: Event) -> Effects:
    warning, charge = parse.need_id(event.obj, "early fraud warning"), parse.text(event.obj, "charge")
    payment = parse.text(event.obj, "payment_intent")
    told = SubjectTold(warning, "early_fraud_warning", "", "", {"charge": charge, "payment_intent": payment})
    owner = payment or charge
    if not owner:
        return Effects(subjects=(told,))
    subjects = (told, named("payment_intent", payment)) if payment else (told,)
    if event.obj.get("actionable") is not True:  # disputed, or refunded in full
        return Effects(subjects=subjects, settled=concerns(owner))
    if event.type != "radar.early_fraud_warning.created":
        return Effects(subjects=subjects)
    attributes = {"suspicion": "warning", "fraud_type": parse.text(event.obj, "fraud_type")}
    return Effects(subjects=subjects, drafts=(_draft(owner, charge or payment, attributes),))


def of_block(suspect: Suspect) -> Draft:
    """The fact of a payment that Radar blocked: its event tells everything."""
    charge = suspect.charge.id
    draft = _draft(suspect.owner, "", {"suspicion": "blocked"})
    return _filled(replace(draft, key=f"fraud:{suspect.owner}:{charge}", concern=f"payment:{charge}/fraud"), suspect)


def is_warning(draft: Draft) -> bool:
    """Whether it is the bank that suspects."""
    return draft.kind == "fraud_suspected" and draft.attributes.get("suspicion") == "warning"


def after_the_end(warning: Draft) -> Draft:
    """A bank's warning about what has been asked and decided: whoever answered may be the thief, so a person must hear of it."""
    return replace(
        warning,
        kind="fraud_held",
        key=f"fraud_held:{warning.subject_id}:{warning.need_id}",
        concern=f"payment:{warning.subject_id}/fraud_warned",
        attributes={**warning.attributes, "why": "the bank warns of it, and the matter had been closed before"},
    )


def told_by_charge(draft: Draft, suspect: Suspect | None) -> Draft | str:
    """The fact with what a read of its charge tells; or a reason for which nobody is asked."""
    if suspect is None:
        return "at Stripe the payment has no charge, so there is nothing to ask about"
    if suspect.standing in _OVER:
        return _OVER[suspect.standing]
    return _filled(draft, suspect)


def _filled(draft: Draft, suspect: Suspect) -> Draft:
    """With amount, card and person. The text states what the buyer saw; acting compares what was charged."""
    charge = suspect.charge
    attributes: dict[str, Any] = without_none({
        "charge": charge.id, "payment_intent": charge.payment_intent, "review": suspect.review, "capture": suspect.standing,
        "charged_amount": suspect.amount, "charged_currency": charge.currency, "charge_at": suspect.created,
        "capture_before": suspect.capture_before if suspect.standing == "uncaptured" else None,
        "description": charge.description, "metadata": charge.metadata, "card": charge.card.to_json() if charge.card else None,
    }) | without_none(draft.attributes) | {"is_subscription": False}  # fmt: skip
    return replace(
        draft,
        customer_id=charge.customer,
        amount=suspect.amount,
        currency=charge.currency,
        presentment=charge.presentment,
        attributes=attributes,
        snapshots=charge.phones,
        name=charge.name,
        country=charge.country,
        need="",
        need_id="",
        given_at=suspect.created or None,
    )


def _draft(owner: str, charge: str, attributes: dict[str, Any]) -> Draft:
    return Draft(
        kind="fraud_suspected",
        key=f"fraud:{owner}",
        concern=f"payment:{owner}/fraud",
        subject_id=owner,
        customer_id="",
        lane=FRAUD,
        amount=0,
        currency="",
        attributes=attributes,
        need="suspect",
        need_id=charge,
    )
