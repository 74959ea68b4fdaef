"""What events about payments, charges and checkout sessions say. Pure."""

from collections.abc import Mapping
from typing import Any

from ingest_service.folding import parse
from ingest_service.folding.contact import Contact
from ingest_service.folding.declines import decline_fact
from ingest_service.folding.effects import Alias, Draft, Effects, Event, SubjectTold, joined, named, without_none
from ingest_service.folding.presentment import remembered
from ingest_service.folding.tellers import suspicions
from ingest_service.folding.tellers.first_payment import first_payments
from ingest_service.inbox.lanes import PAYMENT, RECEIPT


def tell_payment(event: Event) -> Effects:
    payment = parse.payment(event.obj)
    facts: dict[str, Any] = {"latest_charge": payment.latest_charge}
    if event.type == "payment_intent.payment_failed":
        facts["decline"] = decline_fact(payment.decline_code, payment.failure_code, int(event.created_at.timestamp()))
    facts |= remembered((payment.amount, payment.currency), payment.presentment, int(event.created_at.timestamp()))
    told = SubjectTold(payment.id, "payment_intent", payment.status, payment.customer, facts, _contact(payment))
    aliases = [
        Alias(charge, "payment_intent", payment.id)
        for charge in {payment.latest_charge, payment.failed_charge}
        if charge
    ]
    if payment.invoice is not None:
        aliases += joined(payment.id, payment.invoice)
    unpaid = f"payment:{payment.id}/unpaid"
    attributes = without_none({
        "payment_intent": payment.id, "charge": payment.failed_charge or payment.latest_charge, "decline_code": payment.decline_code,
        "failure_code": payment.failure_code, "description": payment.description, "metadata": payment.metadata,
        "card": payment.card.to_json() if payment.card else None,
    }) | {"is_subscription": False}  # fmt: skip
    drafts: tuple[Draft, ...] = ()
    if event.type == "payment_intent.succeeded" and payment.amount_received > 0:
        drafts = (
            _one_off(
                payment, "payment_succeeded", f"payment_succeeded:{payment.id}", payment.amount_received, attributes
            ),
        )
    elif event.type == "payment_intent.payment_failed":
        key = f"payment_failed:{payment.id}:{payment.failed_charge}"
        drafts = (_one_off(payment, "payment_failed", key, payment.amount, attributes),)
    drafts += first_payments(drafts)
    settled: tuple[str, ...] = (unpaid,) if payment.status in ("succeeded", "canceled") else ()
    if payment.status == "canceled":
        tries = {payment.latest_charge, payment.failed_charge} - {""}
        settled += tuple(concern for owner in (payment.id, *sorted(tries)) for concern in suspicions.concerns(owner))
    return Effects(subjects=(told,), aliases=tuple(aliases), drafts=drafts, settled=settled)


def _one_off(payment: parse.Payment, kind: str, key: str, amount: int, attributes: Mapping[str, Any]) -> Draft:
    failed = kind == "payment_failed"
    return Draft(
        kind=kind,
        key=key,
        concern=f"payment:{payment.id}/{'unpaid' if failed else 'receipt'}",
        subject_id=payment.id,
        customer_id=payment.customer,
        lane=PAYMENT if failed else RECEIPT,
        amount=amount,
        currency=payment.currency,
        attributes=attributes,
        presentment=payment.presentment if amount == payment.amount else None,
        snapshots=payment.phones,
        name=payment.name,
        country=payment.country,
        need="invoice_of_payment",
        need_id=payment.id,
    )


def tell_charge(event: Event) -> Effects:
    charge = parse.charge(event.obj)
    suspect = parse.suspect(event.obj)
    owner = charge.payment_intent or charge.id
    told = [
        SubjectTold(
            charge.id, "charge", charge.status, charge.customer,
            {"payment_intent": charge.payment_intent, "captured": charge.captured, "blocked": charge.blocked,
             "given_back": suspect.standing == "refunded", "disputed": suspect.disputed},
            _contact(charge),
        )
    ]  # fmt: skip
    aliases = []
    if charge.payment_intent:
        at = int(event.created_at.timestamp())
        failed = event.type == "charge.failed"
        decline = {"decline": decline_fact(charge.decline_code, charge.failure_code, at)} if failed else {}
        seen = remembered((charge.amount, charge.currency), charge.presentment, at)
        told.append(named("payment_intent", charge.payment_intent, decline | seen))
        aliases.append(Alias(charge.id, "payment_intent", charge.payment_intent))
    if charge.invoice is not None:
        aliases += joined(owner, charge.invoice)
    attributes = without_none({
        "charge": charge.id, "payment_intent": charge.payment_intent, "decline_code": charge.decline_code, "failure_code": charge.failure_code,
        "description": charge.description, "metadata": charge.metadata, "card": charge.card.to_json() if charge.card else None,
    }) | {"is_subscription": False}  # fmt: skip
    drafts: tuple[Draft, ...] = ()
    settled: tuple[str, ...] = ()
    if charge.status == "succeeded" and charge.captured and event.type in ("charge.succeeded", "charge.captured"):
        settled = (f"payment:{owner}/unpaid",)
        if charge.payment_intent:
            told.append(
                SubjectTold(owner, "payment_intent", "succeeded", charge.customer, {"latest_charge": charge.id})
            )
        amount = charge.amount_captured or charge.amount
        if amount > 0:
            drafts = (_of_charge(charge, owner, "payment_succeeded", f"payment_succeeded:{owner}", amount, attributes),)
    elif event.type == "charge.failed":
        drafts = (
            _of_charge(
                charge, owner, "payment_failed", f"payment_failed:{owner}:{charge.id}", charge.amount, attributes
            ),
        )
    drafts += first_payments(drafts)
    if event.type == "charge.failed" and suspect.blocked_as_fraud:
        drafts += (suspicions.of_block(suspect),)
    if suspect.standing in ("disputed", "refunded", "cancelled"):
        settled += suspicions.concerns(owner)
    return Effects(subjects=tuple(told), aliases=tuple(aliases), drafts=drafts, settled=settled)


def _of_charge(
    charge: parse.Charge, owner: str, kind: str, key: str, amount: int, attributes: Mapping[str, Any]
) -> Draft:
    failed = kind == "payment_failed"
    return Draft(
        kind=kind,
        key=key,
        concern=f"payment:{owner}/{'unpaid' if failed else 'receipt'}",
        subject_id=owner,
        customer_id=charge.customer,
        lane=PAYMENT if failed else RECEIPT,
        amount=amount,
        currency=charge.currency,
        attributes=attributes,
        presentment=charge.presentment,
        charge_seen=True,
        snapshots=charge.phones,
        name=charge.name,
        country=charge.country,
        need="invoice_of_payment",
        need_id=owner,
        give_up="the charge was blocked by Radar: that is a matter of fraud, not of paying again"
        if charge.blocked_for_fraud
        else "",
    )


def tell_session(event: Event) -> Effects:
    session = parse.session(event.obj)
    if not session.payment_intent or session.mode != "payment":
        return Effects()
    # a bill that Checkout makes of the purchase comes after it: only one that is named, or not wanted, is certain
    certain = session.invoice or not session.makes_invoice
    aliases = joined(session.payment_intent, session.invoice) if certain else ()
    paid_by = (named("payment_intent", session.payment_intent),)
    if session.payment_status != "paid" or session.amount <= 0:
        return Effects(subjects=paid_by, aliases=aliases)
    draft = Draft(
        kind="payment_succeeded",
        key=f"payment_succeeded:{session.payment_intent}",
        concern=f"payment:{session.payment_intent}/receipt",
        subject_id=session.payment_intent,
        customer_id=session.customer,
        lane=RECEIPT,
        amount=session.amount,
        currency=session.currency,
        attributes=without_none(
            {"payment_intent": session.payment_intent, "checkout_session": session.id, "metadata": session.metadata}
        )
        | {"is_subscription": False},
        presentment=session.presentment,
        snapshots=session.phones,
        name=session.name,
        country=session.country,
        languages=(session.locale,) if session.locale else (),
        need="invoice_of_payment",
        need_id=session.payment_intent,
    )
    settled = (f"payment:{session.payment_intent}/unpaid",)
    drafts = (draft, *first_payments([draft]))
    return Effects(subjects=paid_by, aliases=aliases, drafts=drafts, settled=settled)


def _contact(told: parse.Payment | parse.Charge) -> Contact:
    return Contact(told.phones, told.name, told.country)
