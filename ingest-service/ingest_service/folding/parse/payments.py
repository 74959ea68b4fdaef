"""Payment intents and charges of either shape. Pure."""

from dataclasses import dataclass
from typing import Final

from ingest_service.folding.parse.fields import (
    Card,
    Json,
    Snapshot,
    card_at,
    need_id,
    number,
    phone,
    presentment,
    said_or_none,
    table,
    text,
)

FRAUD_REASONS: Final = frozenset({"highest_risk_level", "elevated_risk_level", "rule"})
"""For which Radar blocks a payment as fraud; low_probability_of_authorization is none of them."""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment intent. ``invoice`` is None where the shape does not say, ``""`` where it says none."""

    id: str
    status: str
    customer: str
    invoice: str | None
    amount: int
    amount_received: int
    currency: str
    presentment: tuple[int, str] | None
    latest_charge: str
    failed_charge: str
    failure_code: str
    decline_code: str
    description: str
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    card: Card | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge. ``invoice`` as with a payment; ``blocked`` is Radar's word, for fraud or for another reason."""

    id: str
    status: str
    captured: bool
    customer: str
    payment_intent: str
    invoice: str | None
    amount: int
    amount_captured: int
    currency: str
    presentment: tuple[int, str] | None
    failure_code: str
    decline_code: str
    blocked: bool
    blocked_for_fraud: bool
    description: str
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    card: Card | None
    metadata: dict[str, str]


def payment(obj: Json) -> Payment:
    """A payment intent of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    billing = ("last_payment_error", "payment_method", "billing_details")
    country = text(obj, *billing, "address", "country") or text(obj, "shipping", "address", "country")
    phones = (
        *phone(obj, "charge.billing_details.phone", country, *billing, "phone"),
        *phone(obj, "payment_intent.shipping.phone", text(obj, "shipping", "address", "country"), "shipping", "phone"),
    )
    return Payment(
        id=need_id(obj, "payment intent"),
        status=text(obj, "status"),
        customer=text(obj, "customer"),
        invoice=said_or_none(obj, "invoice"),
        amount=number(obj, "amount") or 0,
        amount_received=number(obj, "amount_received") or 0,
        currency=text(obj, "currency").lower(),
        presentment=presentment(obj),
        latest_charge=text(obj, "latest_charge"),
        failed_charge=text(obj, "last_payment_error", "charge") or text(obj, "latest_charge"),
        failure_code=text(obj, "last_payment_error", "code"),
        decline_code=text(obj, "last_payment_error", "decline_code"),
        description=text(obj, "description"),
        phones=phones,
        name=text(obj, *billing, "name") or text(obj, "shipping", "name"),
        country=country,
        card=card_at(obj, "last_payment_error", "payment_method", "card"),
        metadata=table(obj, "metadata"),
    )


def charge(obj: Json) -> Charge:
    """A charge of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    card = card_at(obj, "payment_method_details", "card")
    blocked = text(obj, "outcome", "type") == "blocked"
    country = text(obj, "billing_details", "address", "country") or text(obj, "shipping", "address", "country")
    phones = (
        *phone(
            obj, "charge.billing_details.phone", country or (card.country if card else ""), "billing_details", "phone"
        ),
        *phone(obj, "charge.shipping.phone", text(obj, "shipping", "address", "country"), "shipping", "phone"),
    )
    return Charge(
        id=need_id(obj, "charge"),
        status=text(obj, "status"),
        captured=obj.get("captured") is True,
        customer=text(obj, "customer"),
        payment_intent=text(obj, "payment_intent"),
        invoice=said_or_none(obj, "invoice"),
        amount=number(obj, "amount") or 0,
        amount_captured=number(obj, "amount_captured") or 0,
        currency=text(obj, "currency").lower(),
        presentment=presentment(obj),
        failure_code=text(obj, "failure_code"),
        decline_code=text(obj, "outcome", "reason") if text(obj, "outcome", "type") == "issuer_declined" else "",
        blocked=blocked,
        blocked_for_fraud=blocked and text(obj, "outcome", "reason") in FRAUD_REASONS,
        description=text(obj, "description"),
        phones=phones,
        name=text(obj, "billing_details", "name") or text(obj, "shipping", "name"),
        country=country,
        card=card,
        metadata=table(obj, "metadata"),
    )
