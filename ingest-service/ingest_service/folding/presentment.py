"""What the buyer of a bill saw, where it was another currency than the one that was charged (Adaptive Pricing). Pure.

A bill's own events never tell it: its payment does, which remembers it, and its subscription says that there will be something.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ingest_service.folding.effects import Draft
from ingest_service.folding.subject import Subject

SEEN: Final = "seen"
"""Under this name a payment remembers it."""
SUCCESSES: Final = ("payment_succeeded", "payment_recovered")


def remembered(charged: tuple[int, str], shown: tuple[int, str] | None, at: int) -> dict[str, Any]:
    """What a payment remembers: the newest word is what counts."""
    return {} if shown is None else {SEEN: {"charged": list(charged), "shown": list(shown), "at": at}}


def is_of_bill(draft: Draft) -> bool:
    """Whether a fact is about a bill, which does not say what its buyer saw."""
    return draft.subject_id.startswith("in_")


def payment_of(draft: Draft, aliases: Mapping[tuple[str, str], str]) -> str:
    """The payment of the bill, ``""`` where it is not known."""
    return str(draft.attributes.get("payment_intent") or aliases.get((draft.subject_id, "payment_intent"), ""))


def shown_to_buyer(draft: Draft, payment: Subject | None) -> Draft:
    """The fact with what the buyer saw, where the payment was of the same sum: a bill may be paid in part by other means."""
    seen = payment.facts.get(SEEN) if payment is not None else None
    if draft.presentment or seen is None or seen["charged"] != [draft.amount, draft.currency]:
        return draft
    amount, currency = seen["shown"]
    return replace(draft, presentment=(amount, currency))


def may_be_shown_yet(draft: Draft, payment: Subject | None, subscription: Subject | None) -> bool:
    """Whether a payment that has not spoken yet is likely to tell that the buyer saw another currency.

    A first bill comes together with everything else, its subscription too: nothing is known of it before.
    """
    if draft.kind not in SUCCESSES or (payment is not None and payment.status == "succeeded"):
        return False
    expected = str(subscription.facts.get("shown_in") or "") if subscription is not None else ""
    return expected not in ("", draft.currency) or draft.attributes.get("billing_reason") == "subscription_create"
