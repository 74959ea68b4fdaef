"""What events about bills say: failed, paid, voided, given up. Pure."""

from typing import Any

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, joined, named, without_none
from ingest_service.folding.tellers.first_payment import first_payments
from ingest_service.inbox.lanes import PAYMENT, RECEIPT


def _invoice_attributes(invoice: parse.Invoice) -> dict[str, Any]:
    return without_none({
        "invoice": invoice.id, "invoice_number": invoice.number, "billing_reason": invoice.billing_reason,
        "attempt_count": invoice.attempt_count, "next_payment_attempt": invoice.next_payment_attempt,
        "hosted_invoice_url": invoice.hosted_invoice_url, "product_ids": [line.product for line in invoice.lines if line.product],
        "price_ids": [line.price for line in invoice.lines if line.price],
        "product_names": [line.description for line in invoice.lines if line.description],
        "interval": next((line.interval for line in invoice.lines if line.interval), ""),
        "interval_count": next((line.interval_count for line in invoice.lines if line.interval), None),
        "items": [{"name": parse.plain_name(line.description), "quantity": line.quantity or 1} for line in invoice.lines if line.description],
        "quantity": next((line.quantity for line in invoice.lines if line.quantity is not None), None),
        "metadata": invoice.metadata, "subscription_metadata": invoice.subscription_metadata, "subscription": invoice.subscription,
        "payment_intent": invoice.payment_intent, "brand": invoice.account_name,
    }) | {"is_subscription": bool(invoice.subscription), "last_attempt": _is_last_attempt(invoice)}  # fmt: skip


def _is_last_attempt(invoice: parse.Invoice) -> bool:
    """Whether Stripe had planned further tries and has none left."""
    automatic = invoice.collection_method != "send_invoice"
    return automatic and invoice.attempt_count > 1 and invoice.next_payment_attempt is None


def tell_invoice(event: Event) -> Effects:
    invoice = parse.invoice(event.obj)
    confirm = event.type == "invoice.payment_action_required"
    failed = confirm or event.type == "invoice.payment_failed"
    paid = event.type in ("invoice.paid", "invoice.payment_succeeded")
    told = SubjectTold(
        invoice.id,
        "invoice",
        "paid" if paid else invoice.status,
        invoice.customer,
        {"subscription": invoice.subscription, "failed": failed, "billing_reason": invoice.billing_reason},
    )
    aliases = joined(invoice.payment_intent, invoice.id) if invoice.payment_intent else ()
    belonging = [named("payment_intent", invoice.payment_intent)] if invoice.payment_intent else []
    if invoice.subscription:
        belonging.append(named("subscription", invoice.subscription))
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
                invoice.amount_remaining or invoice.amount_due,
                needs_confirmation=confirm,
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
        drafts += first_payments(drafts)
    return Effects(subjects=(told, *belonging), aliases=aliases, drafts=drafts, settled=(unpaid,) if over else ())


def _of_invoice(
    invoice: parse.Invoice, kind: str, key: str, concern: str, amount: int, *, needs_confirmation: bool = False
) -> Draft:
    failed = kind == "payment_failed"
    return Draft(
        kind=kind,
        key=key,
        concern=concern,
        subject_id=invoice.id,
        customer_id=invoice.customer,
        lane=PAYMENT if failed else RECEIPT,
        amount=amount,
        currency=invoice.currency,
        attributes=_invoice_attributes(invoice) | ({"needs_confirmation": True} if needs_confirmation else {}),
        snapshots=invoice.phones,
        name=invoice.name,
        country=invoice.country,
        recovery=invoice.attempt_count > 1,
        need="decline" if failed else "",
        need_id=invoice.id if failed else "",
    )


def tell_invoice_payment(event: Event) -> Effects:
    invoice = parse.text(event.obj, "invoice")
    payment, charge = parse.text(event.obj, "payment", "payment_intent"), parse.text(event.obj, "payment", "charge")
    paid_by = payment or charge
    if not paid_by or not invoice:
        return Effects()
    kind = "payment_intent" if payment else "charge"
    return Effects(subjects=(named(kind, paid_by),), aliases=joined(paid_by, invoice))
