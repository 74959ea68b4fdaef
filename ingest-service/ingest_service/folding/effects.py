"""What one event says: which objects changed, what belongs to what, which facts it tells of, which concerns it ends. Pure.

An event never decides alone whether somebody is written to: a draft of a fact is settled with everything else that is known
(see resolving).
"""

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ingest_service.folding import parse
from ingest_service.folding.parse import Snapshot
from ingest_service.inbox.lanes import PAYMENT, RECEIPT

Need = Literal["", "invoice_of_payment", "charge"]
RECOVERED_AFTER_SECONDS: Final = 600
"""A bill that is charged automatically and is paid this long after it was finalized had failed before."""


@dataclass(frozen=True, slots=True)
class SubjectTold:
    """What an event says of an object."""

    subject_id: str
    kind: str
    status: str
    customer_id: str
    facts: Mapping[str, Any]


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
        recovery: whether the event alone shows that the bill had failed before (payment_succeeded of an invoice only).
        need: what must be known before it can be told.
        need_id: of which object.
        give_up: a reason for which it is dropped at once, ``""`` if none.
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
    snapshots: tuple[Snapshot, ...] = ()
    name: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()
    recovery: bool = False
    need: Need = ""
    need_id: str = ""
    give_up: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that one event says."""

    subjects: tuple[SubjectTold, ...] = ()
    aliases: tuple[Alias, ...] = ()
    customer: parse.Customer | None = None
    drafts: tuple[Draft, ...] = ()
    settled: tuple[str, ...] = ()
    ended_subscription: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a type that is handled."""

    event_id: str
    type: str
    created_at: datetime.datetime
    obj: Mapping[str, Any]


def effects(event: Event) -> Effects:
    """What the event says.

    Raises:
        MalformedError: where its object lacks what every such object has.
    """
    for prefix, tell in TELLERS:
        if event.type.startswith(prefix):
            return tell(event)
    return Effects()


def _without_none(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value not in (None, "", [], {})}


# ------------------------------------------------------------------------------------------------------------------- invoices


def _invoice_attributes(invoice: parse.Invoice) -> dict[str, Any]:
    return _without_none({
        "invoice": invoice.id, "invoice_number": invoice.number, "billing_reason": invoice.billing_reason,
        "attempt_count": invoice.attempt_count, "next_payment_attempt": invoice.next_payment_attempt,
        "hosted_invoice_url": invoice.hosted_invoice_url, "product_ids": [line.product for line in invoice.lines if line.product],
        "price_ids": [line.price for line in invoice.lines if line.price],
        "product_names": [line.description for line in invoice.lines if line.description],
        "interval": next((line.interval for line in invoice.lines if line.interval), ""),
        "quantity": next((line.quantity for line in invoice.lines if line.quantity is not None), None),
        "metadata": invoice.metadata, "subscription_metadata": invoice.subscription_metadata, "subscription": invoice.subscription,
        "payment_intent": invoice.payment_intent,
    }) | {"is_subscription": bool(invoice.subscription)}  # fmt: skip


def _invoice(event: Event) -> Effects:
    invoice = parse.invoice(event.obj)
    failed = event.type == "invoice.payment_failed"
    paid = event.type in ("invoice.paid", "invoice.payment_succeeded")
    told = SubjectTold(
        invoice.id,
        "invoice",
        "paid" if paid else invoice.status,
        invoice.customer,
        {"subscription": invoice.subscription, "failed": failed},
    )
    aliases = (Alias(invoice.payment_intent, "invoice", invoice.id),) if invoice.payment_intent else ()
    named = (_named_payment(invoice.payment_intent),) if invoice.payment_intent else ()
    unpaid = f"invoice:{invoice.id}/unpaid"
    over = paid or told.status in ("paid", "void", "uncollectible")
    drafts: tuple[Draft, ...] = ()
    if failed:
        drafts = (
            _of_invoice(
                invoice,
                "payment_failed",
                f"payment_failed:{invoice.id}:{invoice.attempt_count}",
                unpaid,
                invoice.amount_due,
            ),
        )
    elif paid and invoice.amount_paid > 0:
        drafts = (
            _of_invoice(
                invoice,
                "payment_succeeded",
                f"payment_succeeded:{invoice.id}",
                f"invoice:{invoice.id}/receipt",
                invoice.amount_paid,
            ),
        )
    return Effects(subjects=(told, *named), aliases=aliases, drafts=drafts, settled=(unpaid,) if over else ())


def _of_invoice(invoice: parse.Invoice, kind: str, key: str, concern: str, amount: int) -> Draft:
    late = (
        invoice.collection_method == "charge_automatically"
        and invoice.paid_at is not None
        and invoice.finalized_at is not None
        and invoice.paid_at - invoice.finalized_at > RECOVERED_AFTER_SECONDS
    )
    return Draft(
        kind=kind,
        key=key,
        concern=concern,
        subject_id=invoice.id,
        customer_id=invoice.customer,
        lane=PAYMENT if kind == "payment_failed" else RECEIPT,
        amount=amount,
        currency=invoice.currency,
        attributes=_invoice_attributes(invoice),
        snapshots=invoice.phones,
        name=invoice.name,
        country=invoice.country,
        recovery=late or invoice.attempt_count > 1,
    )


def _invoice_payment(event: Event) -> Effects:
    payment, invoice = parse.text(event.obj, "payment", "payment_intent"), parse.text(event.obj, "invoice")
    if not payment or not invoice:
        return Effects()
    return Effects(subjects=(_named_payment(payment),), aliases=(Alias(payment, "invoice", invoice),))


def _named_payment(identity: str) -> SubjectTold:
    """A payment that an event only names: whoever folds that it belongs to an invoice, and whoever folds the payment itself,
    must wait for each other, or a fact would be held although the answer is known.
    """
    return SubjectTold(identity, "payment_intent", "", "", {})


# ------------------------------------------------------------------------------------------------------- payments and charges


def _payment(event: Event) -> Effects:
    payment = parse.payment(event.obj)
    told = SubjectTold(
        payment.id, "payment_intent", payment.status, payment.customer, {"latest_charge": payment.latest_charge}
    )
    aliases = [
        Alias(charge, "payment_intent", payment.id)
        for charge in {payment.latest_charge, payment.failed_charge}
        if charge
    ]
    if payment.invoice is not None:
        aliases.append(Alias(payment.id, "invoice", payment.invoice))
    unpaid = f"payment:{payment.id}/unpaid"
    attributes = _without_none({
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
    over = payment.status in ("succeeded", "canceled")
    return Effects(subjects=(told,), aliases=tuple(aliases), drafts=drafts, settled=(unpaid,) if over else ())


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
        snapshots=payment.phones,
        name=payment.name,
        country=payment.country,
        need="invoice_of_payment",
        need_id=payment.id,
    )


def _charge(event: Event) -> Effects:
    charge = parse.charge(event.obj)
    owner = charge.payment_intent or charge.id
    told = [
        SubjectTold(
            charge.id, "charge", charge.status, charge.customer,
            {"payment_intent": charge.payment_intent, "captured": charge.captured, "blocked": charge.blocked},
        )
    ]  # fmt: skip
    aliases = []
    if charge.payment_intent:
        told.append(_named_payment(charge.payment_intent))
        aliases.append(Alias(charge.id, "payment_intent", charge.payment_intent))
    if charge.invoice is not None:
        aliases.append(Alias(owner, "invoice", charge.invoice))
    elif not charge.payment_intent:
        aliases.append(Alias(owner, "invoice", ""))  # without a payment intent nothing joins it to an invoice any more
    attributes = _without_none({
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
    return Effects(subjects=tuple(told), aliases=tuple(aliases), drafts=drafts, settled=settled)


def _of_charge(
    charge: parse.Charge, owner: str, kind: str, key: str, amount: int, attributes: Mapping[str, Any]
) -> Draft:
    failed = kind == "payment_failed"
    shown = charge.presentment or (amount, charge.currency)  # what the buyer saw
    return Draft(
        kind=kind,
        key=key,
        concern=f"payment:{owner}/{'unpaid' if failed else 'receipt'}",
        subject_id=owner,
        customer_id=charge.customer,
        lane=PAYMENT if failed else RECEIPT,
        amount=shown[0],
        currency=shown[1].lower(),
        attributes=attributes,
        snapshots=charge.phones,
        name=charge.name,
        country=charge.country,
        need="invoice_of_payment",
        need_id=owner,
        give_up="the charge was blocked by Radar: that is a matter of fraud, not of paying again"
        if charge.blocked
        else "",
    )


def _session(event: Event) -> Effects:
    session = parse.session(event.obj)
    if not session.payment_intent or session.mode != "payment":
        return Effects()
    aliases = (Alias(session.payment_intent, "invoice", session.invoice),)
    named = (_named_payment(session.payment_intent),)
    if session.payment_status != "paid" or session.amount <= 0:
        return Effects(subjects=named, aliases=aliases)
    draft = Draft(
        kind="payment_succeeded",
        key=f"payment_succeeded:{session.payment_intent}",
        concern=f"payment:{session.payment_intent}/receipt",
        subject_id=session.payment_intent,
        customer_id=session.customer,
        lane=RECEIPT,
        amount=session.amount,
        currency=session.currency,
        attributes=_without_none({"payment_intent": session.payment_intent, "metadata": session.metadata})
        | {"is_subscription": False},
        snapshots=session.phones,
        name=session.name,
        country=session.country,
        languages=(session.locale,) if session.locale else (),
        need="invoice_of_payment",
        need_id=session.payment_intent,
    )
    settled = (f"payment:{session.payment_intent}/unpaid",)
    return Effects(subjects=named, aliases=aliases, drafts=(draft,), settled=settled)


# -------------------------------------------------------------------------------------------- refunds, customers, subscriptions


def _refund(event: Event) -> Effects:
    refund = parse.refund(event.obj)
    told = SubjectTold(refund.id, "refund", refund.status, refund.customer, {"charge": refund.charge})
    failed = refund.status == "failed" or event.type == "refund.failed"
    issued = (
        not failed and refund.status != "canceled" and (event.type == "refund.created" or refund.status == "succeeded")
    )
    over = (f"refund:{refund.id}/issued",) if failed or refund.status == "canceled" else ()
    if not (failed or issued) or refund.amount <= 0:
        return Effects(subjects=(told,), settled=over)
    kind = "refund_failed" if failed else "refund_issued"
    shown = refund.presentment or (refund.amount, refund.currency)
    draft = Draft(
        kind=kind,
        key=f"{kind}:{refund.id}",
        concern=f"refund:{refund.id}/{'failed' if failed else 'issued'}",
        subject_id=refund.id,
        customer_id=refund.customer,
        lane=RECEIPT,
        amount=shown[0],
        currency=shown[1].lower(),
        attributes=_without_none({
            "refund": refund.id, "charge": refund.charge, "payment_intent": refund.payment_intent, "refund_reason": refund.reason,
            "refund_status": refund.status, "failure_code": refund.failure_reason, "metadata": refund.metadata,
        }),
        need="charge",
        need_id=refund.charge,
    )  # fmt: skip
    return Effects(subjects=(told,), drafts=(draft,), settled=over)


def _customer(event: Event) -> Effects:
    customer = parse.customer(event.obj)
    if event.type == "customer.deleted":
        customer = parse.Customer(customer.id, True, "", (), (), {}, {})  # noqa: FBT003 - deleted
    return Effects(customer=customer)


def _subscription(event: Event) -> Effects:
    identity, status = parse.need_id(event.obj, "subscription"), parse.text(event.obj, "status")
    told = SubjectTold(identity, "subscription", status, parse.text(event.obj, "customer"), {})
    ended = event.type == "customer.subscription.deleted" or status in ("canceled", "incomplete_expired")
    return Effects(subjects=(told,), ended_subscription=identity if ended else "")


Teller = Callable[[Event], Effects]
TELLERS: Final[tuple[tuple[str, Teller], ...]] = (
    ("invoice_payment.", _invoice_payment),
    ("invoice.", _invoice),
    ("payment_intent.", _payment),
    ("charge.", _charge),
    ("checkout.session.", _session),
    ("refund.", _refund),
    ("customer.subscription.", _subscription),
    ("customer.", _customer),
)
