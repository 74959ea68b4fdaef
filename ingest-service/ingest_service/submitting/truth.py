"""Is it still so? How the truth of a message is known before it is frozen. Pure, but for the shape of a look at Stripe.

Paid and refunded cannot become false. A step that is due with its fact is checked against what we folded; a later one,
and one that was kept waiting, reads its subject at Stripe once.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from ingest_service.folding.parse import Suspect
from ingest_service.planning.fact_kinds import FACT_KINDS
from ingest_service.submitting.announced import REMINDERS, announced_otherwise

FRESH: Final = timedelta(seconds=60)
"""A step due this soon after its fact is checked against our own record."""

RECORD_GOOD_FOR: Final = timedelta(minutes=15)
"""After so long (a backlog, an outage) our own record is not trusted for it any more."""

AWAITS_EVIDENCE: Final = frozenset({"needs_response", "warning_needs_response"})

Grade = Literal["fact", "record", "stripe"]


@dataclass(frozen=True, slots=True)
class Bill:
    """An open bill as Stripe was just read. `amount`: what is left of it, in minor units; `next_attempt`: Unix seconds."""

    amount: int
    currency: str
    next_attempt: int | None


@dataclass(frozen=True, slots=True)
class StillSo:
    """The subject stands as the message says; of an unpaid bill, how it stands now."""

    bill: Bill | None = None


@dataclass(frozen=True, slots=True)
class Over:
    """The matter is settled at Stripe; our own events have yet to say so. `status`: of what was to be paid, as Stripe gives it."""

    reason: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class NotNow:
    """Stripe could not be asked: look again later."""

    reason: str


Seen = StillSo | Over | NotNow
Look = Callable[[str, str, Mapping[str, Any]], Awaitable[Seen]]
"""Reads a subject (account id, subject id, the fact that is spoken of) at Stripe within the budget that replicas share."""


def grade(*, kind: str, fact_at: datetime, due_at: datetime, now: datetime) -> Grade:
    """How the truth of a step must be known. All business time."""
    if FACT_KINDS[kind].stays_true:
        return "fact"
    if due_at - fact_at <= FRESH and now - fact_at <= RECORD_GOOD_FOR:
        return "record"
    return "stripe"


def judge(subject: Mapping[str, Any], fact: Mapping[str, Any]) -> StillSo | Over:
    """Reads an object as Stripe gives it, of either shape: is what the fact says of it still so, or still to come?"""
    if fact.get("kind") in REMINDERS:
        reason = announced_otherwise(subject, str(fact["kind"]), fact["attributes"])
        return Over(f"at Stripe {reason}") if reason else StillSo()
    said = judge_open(subject)
    if isinstance(said, StillSo) and subject.get("object") == "invoice" and fact.get("kind") == "payment_failed":
        return StillSo(_bill(subject))
    return said


def _bill(invoice: Mapping[str, Any]) -> Bill | None:
    left, attempt = invoice.get("amount_remaining"), invoice.get("next_payment_attempt")
    if not isinstance(left, int):
        return None
    return Bill(left, str(invoice.get("currency") or "").lower(), attempt if isinstance(attempt, int) else None)


def judge_open(subject: Mapping[str, Any]) -> StillSo | Over:
    """Is there still something unpaid, or undecided, to speak of?"""
    status = subject.get("status")
    match subject.get("object"), status:
        case "invoice", "paid" | "void" | "uncollectible":
            return Over(f"at Stripe the invoice is {status}", str(status))
        case "payment_intent", "succeeded" | "canceled" | "processing":
            return Over(f"at Stripe the payment is {status}", str(status))
        case "charge", "succeeded":
            return Over("at Stripe the charge succeeded", str(status))
        case "dispute", _ if status not in AWAITS_EVIDENCE:
            return Over(f"at Stripe the dispute is {status}")
        case "invoice", _ if (ended := _subscription(subject)) in ("canceled", "incomplete_expired"):
            return Over(f"at Stripe the subscription is {ended}")
        case _:
            return StillSo()


def judge_suspect(suspect: Suspect | None) -> StillSo | Over:
    """Reads a payment under suspicion: is there still something to ask about?"""
    if suspect is None:
        return Over("at Stripe the payment has no charge any more")
    if suspect.standing not in ("captured", "uncaptured", "blocked"):
        return Over(f"at Stripe the payment is {suspect.standing}")
    if suspect.paid_since:
        return Over("at Stripe the payment went through by another attempt")
    if suspect.review_open is False:
        return Over("at Stripe the review is closed")
    return StillSo()


def _subscription(invoice: Mapping[str, Any]) -> str | None:
    """The status of an invoice's subscription where it was expanded."""
    parent = invoice.get("parent") or {}
    details = parent.get("subscription_details") or {} if isinstance(parent, Mapping) else {}
    for held in (invoice.get("subscription"), details.get("subscription")):
        if isinstance(held, Mapping):
            return str(held.get("status") or "")
    return None
