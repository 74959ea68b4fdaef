"""A bill's success under one of two names: paid at once, or recovered after a failure. Pure."""

from dataclasses import replace
from typing import Final

from ingest_service.folding.effects import Draft
from ingest_service.folding.subject import Subject

FIRST_BILL: Final = "subscription_create"
"""Why Stripe made the first bill of a subscription: whoever pays it is at the form."""


def at_the_form(draft: Draft) -> bool:
    """Whether whoever pays a bill is likely to be looking at the form on which a card was declined, or is to be confirmed."""
    return draft.attributes.get("billing_reason") == FIRST_BILL


def is_recovery(draft: Draft, bill: Subject | None, *, failure_told: bool) -> bool:
    """Whether a success follows a failure. A card that was mistyped or confirmed at the form failed to nobody, unless we told of it."""
    if draft.kind != "payment_succeeded" or draft.need:
        return False
    if at_the_form(draft):
        return failure_told
    return draft.recovery or bool(bill and bill.facts.get("failed"))


def as_recovery(draft: Draft) -> Draft:
    """A bill's success that follows a failure."""
    invoice = draft.subject_id
    return replace(
        draft, kind="payment_recovered", key=f"payment_recovered:{invoice}", concern=f"invoice:{invoice}/recovered"
    )


def twin(key: str) -> str:
    """The other name that a bill's success may have been told under; the key itself for other facts."""
    kind, _, rest = key.partition(":")
    if not rest.startswith("in_"):
        return key
    other = {"payment_succeeded": "payment_recovered", "payment_recovered": "payment_succeeded"}.get(kind)
    return f"{other}:{rest}" if other else key
