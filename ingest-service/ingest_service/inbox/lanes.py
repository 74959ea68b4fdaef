"""Which lane an event waits in, by its type. Pure."""

from typing import Final

FRAUD, PAYMENT, RECEIPT, MARKETING = 1, 2, 3, 4

_FRAUD: Final = ("review.", "radar.", "charge.dispute.")
_PAYMENT: Final = frozenset({
    "invoice.payment_failed", "invoice.payment_action_required", "payment_intent.payment_failed", "charge.failed", "invoice.paid",
    "invoice.payment_succeeded", "invoice.voided", "invoice.marked_uncollectible", "customer.subscription.deleted",
    "payment_intent.succeeded", "invoice_payment.paid", "charge.succeeded",
})  # fmt: skip
"""Failures, and whatever settles them: news that stops a message must not wait behind it."""

HANDLED: Final = frozenset({
    "charge.captured", "charge.dispute.closed", "charge.dispute.created", "charge.dispute.updated", "charge.expired", "charge.failed", "charge.refunded", "charge.succeeded", "charge.updated",
    "checkout.session.async_payment_failed", "checkout.session.async_payment_succeeded", "checkout.session.completed",
    "customer.created", "customer.deleted", "customer.subscription.created", "customer.subscription.deleted",
    "customer.subscription.paused", "customer.subscription.resumed", "customer.subscription.trial_will_end",
    "customer.subscription.updated", "customer.updated", "invoice.finalized", "invoice.marked_uncollectible", "invoice.paid",
    "invoice.payment_action_required", "invoice.payment_failed", "invoice.payment_succeeded", "invoice.updated", "invoice.voided",
    "invoice_payment.paid", "payment_intent.canceled", "payment_intent.payment_failed", "payment_intent.processing",
    "payment_intent.succeeded", "payment_method.automatically_updated", "payment_method.detached", "payment_method.updated",
    "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated", "refund.created", "refund.failed", "refund.updated",
    "review.closed", "review.opened",
})  # fmt: skip
"""The types that folding reads. Others are kept as ignored and counted."""


def lane_of(event_type: str) -> int:
    """1 fraud, 2 payment, 3 receipt, 4 everything that can wait."""
    if event_type.startswith(_FRAUD):
        return FRAUD
    if event_type in _PAYMENT:
        return PAYMENT
    return RECEIPT if event_type in HANDLED else MARKETING
