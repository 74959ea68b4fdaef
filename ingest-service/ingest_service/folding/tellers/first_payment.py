"""A payment may be the first that its customer ever made: told once a customer, for ever. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from ingest_service.folding.effects import Draft
from ingest_service.folding.subject import Subject
from ingest_service.inbox.lanes import MARKETING


def first_payments(payments: Iterable[Draft]) -> tuple[Draft, ...]:
    """The drafts of `first_payment` for drafts of payments that succeeded. A guest has no first payment."""
    return tuple(
        replace(
            paid,
            kind="first_payment",
            key=f"first_payment:{paid.customer_id}",
            concern=_welcome(paid.customer_id),
            lane=MARKETING,
            need="first_payment",
            need_id=paid.customer_id,
        )
        for paid in payments
        if paid.kind == "payment_succeeded" and paid.customer_id
    )


def welcome_over(charge: Subject) -> str:
    """The welcome that is out of place, by all that is known of a charge: it was given back in full, or is disputed; ``""`` if none.

    What an answer stops as fraud is given back, too.
    """
    out_of_place = charge.kind == "charge" and (charge.facts.get("given_back") or charge.facts.get("disputed"))
    return _welcome(charge.customer_id) if out_of_place and charge.customer_id else ""


def _welcome(customer_id: str) -> str:
    return f"customer:{customer_id}/welcome"
