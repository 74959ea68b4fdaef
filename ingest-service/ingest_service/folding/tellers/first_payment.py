"""A payment may be the first that its customer ever made: told once a customer, for ever. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from ingest_service.folding.effects import Draft
from ingest_service.inbox.lanes import MARKETING


def first_payments(payments: Iterable[Draft]) -> tuple[Draft, ...]:
    """The drafts of `first_payment` for drafts of payments that succeeded. A guest has no first payment."""
    return tuple(
        replace(
            paid,
            kind="first_payment",
            key=f"first_payment:{paid.customer_id}",
            concern=f"customer:{paid.customer_id}/welcome",
            lane=MARKETING,
            need="first_payment",
            need_id=paid.customer_id,
        )
        for paid in payments
        if paid.kind == "payment_succeeded" and paid.customer_id
    )
