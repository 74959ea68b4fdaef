"""A payment under suspicion: a charge as it stands, with its payment intent and review where they were expanded. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ingest_service.folding.parse.fields import Json, number, text
from ingest_service.folding.parse.payments import Charge, charge

Standing = Literal["uncaptured", "captured", "blocked", "disputed", "refunded", "cancelled", "other"]

ISSUER_SAID: Final = frozenset({"lost_card", "stolen_card", "pickup_card", "fraudulent"})
"""What a bank says of a card that nobody must be asked about: whoever holds it is not its owner."""
ISSUER_NUMBERS: Final = frozenset({"04", "41", "43", "59"})

PAID: Final = frozenset({"succeeded", "requires_capture", "processing"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A charge in the eyes of whoever asks about it, or acts on an answer.

    Attributes:
        amount: minor units that are at stake: what was captured, or what is held, or what was tried.
        given_back: how much of what was captured has been refunded.
        review_open: None where the review was not expanded or there is none.
        blocked_as_fraud: Radar blocked it for a reason that is worth a question.
        paid_since: a payment whose charge failed, and that went through by a later attempt.
        created: Unix seconds.
    """

    charge: Charge
    standing: Standing
    amount: int
    given_back: int
    disputed: bool
    blocked_as_fraud: bool
    paid_since: bool
    payment_status: str
    review: str
    review_open: bool | None
    review_closed_reason: str
    fingerprint: str
    capture_before: int | None
    created: int

    @property
    def owner(self) -> str:
        """What the payment is called: its payment intent, or the charge where it has none."""
        return self.charge.payment_intent or self.charge.id


def suspect(obj: Json) -> Suspect:
    """A charge of either shape; expanded payment intent and review are read where they are there.

    Raises:
        MalformedError: where it has no id.
    """
    paid = charge(obj)
    disputed = obj.get("disputed") is True or bool(text(obj, "dispute"))
    taken = paid.amount_captured or paid.amount if paid.captured else paid.amount
    back = number(obj, "amount_refunded") or 0
    given_back = max(0, back - (paid.amount - taken)) if paid.captured else back
    status = text(obj, "payment_intent", "status")
    review = obj.get("review")
    return Suspect(
        charge=paid,
        standing=_standing(obj, paid, status, disputed=disputed, gone=given_back >= taken),
        amount=taken,
        given_back=given_back,
        disputed=disputed,
        blocked_as_fraud=paid.blocked_for_fraud and not _issuer_said(obj, paid),
        paid_since=paid.status == "failed" and status in PAID,
        payment_status=status,
        review=text(obj, "review") or text(obj, "payment_intent", "review"),
        review_open=review.get("open") is True if isinstance(review, Mapping) else None,
        review_closed_reason=text(obj, "review", "closed_reason"),
        fingerprint=text(obj, "payment_method_details", "card", "fingerprint"),
        capture_before=number(obj, "payment_method_details", "card", "capture_before"),
        created=number(obj, "created") or 0,
    )


def suspect_of_payment(obj: Json) -> Suspect | None:
    """The same of a payment intent whose latest charge was expanded; None where it has none.

    Raises:
        MalformedError: where the charge has no id.
    """
    latest: Any = obj.get("latest_charge")
    if not isinstance(latest, Mapping):
        return None
    review = obj.get("review") if isinstance(obj.get("review"), Mapping) else latest.get("review")
    return suspect({**latest, "review": review, "payment_intent": {**obj, "latest_charge": None}})


def _standing(obj: Json, paid: Charge, payment_status: str, *, disputed: bool, gone: bool) -> Standing:
    if disputed:
        return "disputed"
    if paid.status == "failed":
        return "blocked" if paid.blocked else "other"
    if paid.status != "succeeded":
        return "other"
    if paid.captured:
        return "refunded" if gone else "captured"
    return "cancelled" if obj.get("refunded") is True or payment_status == "canceled" else "uncaptured"


def _issuer_said(obj: Json, paid: Charge) -> bool:
    # a payment intent's decline code is "fraudulent" for every block of Radar's; only the charge tells what the bank said
    return (
        paid.failure_code in ISSUER_SAID
        or paid.decline_code in ISSUER_SAID
        or text(obj, "outcome", "network_decline_code") in ISSUER_NUMBERS
    )
