"""One parser for Stripe's objects in the shapes of 2024-09-30.acacia to 2026-10-28.endive. Pure.

The shape of an event is that of its endpoint's API version; the shape of a read is that of the SDK. What moved in
2025-03-31.basil is read from either place (docs.stripe.com/changelog/basil). Enumerations are open: an unknown word stays as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]


class MalformedError(ValueError):
    """An object that lacks what every such object has; the message names the field."""


def text(obj: Json, *path: str) -> str:
    """A string somewhere inside, or ``""``; an expanded object counts as its id."""
    value: Any = obj
    for name in path:
        if not isinstance(value, Mapping):
            return ""
        value = value.get(name)
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def number(obj: Json, *path: str) -> int | None:
    """A whole number somewhere inside, or None."""
    value: Any = obj
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def table(obj: Json, *path: str) -> dict[str, str]:
    """Metadata somewhere inside."""
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return {str(key): str(item) for key, item in value.items()} if isinstance(value, Mapping) else {}


def need_id(obj: Json, kind: str) -> str:
    """The object's id.

    Raises:
        MalformedError: where it has none.
    """
    identity = text(obj, "id")
    if not identity:
        raise MalformedError(f"the {kind} has no id")
    return identity


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a phone number was given together with a payment."""

    number: str
    source: str
    country: str


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a payment, as far as it may be shown."""

    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    country: str

    def to_json(self) -> dict[str, Any]:
        """For conditions and templates."""
        return {"brand": self.brand, "last4": self.last4, "exp_month": self.exp_month, "exp_year": self.exp_year}


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice. ``payment_intent`` is None where the shape does not say, ``""`` where it says none."""

    id: str
    status: str
    customer: str
    subscription: str
    payment_intent: str | None
    amount_due: int
    amount_paid: int
    amount_remaining: int
    currency: str
    attempt_count: int
    next_payment_attempt: int | None
    billing_reason: str
    collection_method: str
    hosted_invoice_url: str
    number: str
    finalized_at: int | None
    paid_at: int | None
    created: int
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    metadata: dict[str, str]
    subscription_metadata: dict[str, str]
    lines: "tuple[Line, ...]"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice."""

    description: str
    price: str
    product: str
    interval: str
    quantity: int | None


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
    """A charge. ``invoice`` as with a payment."""

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
    description: str
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    card: Card | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund."""

    id: str
    status: str
    amount: int
    currency: str
    presentment: tuple[int, str] | None
    charge: str
    payment_intent: str
    customer: str
    reason: str
    failure_reason: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer as the mirror keeps them."""

    id: str
    deleted: bool
    name: str
    phones: tuple[Snapshot, ...]
    languages: tuple[str, ...]
    place: dict[str, str]
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout session."""

    id: str
    payment_status: str
    mode: str
    customer: str
    payment_intent: str
    invoice: str
    amount: int
    currency: str
    locale: str
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    metadata: dict[str, str]


def _phone(obj: Json, source: str, country: str, *path: str) -> Iterator[Snapshot]:
    if found := text(obj, *path).strip():
        yield Snapshot(found[:64], source, country)


def _said_or_none(obj: Json, name: str) -> str | None:
    return text(obj, name) if name in obj else None


def _card(obj: Json, *path: str) -> Card | None:
    value: Any = obj
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or not text(value, "last4"):
        return None
    return Card(
        text(value, "brand"),
        text(value, "last4"),
        number(value, "exp_month"),
        number(value, "exp_year"),
        text(value, "country"),
    )


def _presentment(obj: Json) -> tuple[int, str] | None:
    amount, currency = (
        number(obj, "presentment_details", "presentment_amount"),
        text(obj, "presentment_details", "presentment_currency"),
    )
    return (amount, currency) if amount is not None and currency else None


def invoice(obj: Json) -> Invoice:
    """An invoice of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "customer_address", "country")
    subscription = text(obj, "parent", "subscription_details", "subscription") or text(obj, "subscription")
    phones = (
        *_phone(obj, "invoice.customer_phone", country, "customer_phone"),
        *_phone(
            obj,
            "invoice.customer_shipping.phone",
            text(obj, "customer_shipping", "address", "country"),
            "customer_shipping",
            "phone",
        ),
    )
    return Invoice(
        id=need_id(obj, "invoice"),
        status=text(obj, "status"),
        customer=text(obj, "customer"),
        subscription=subscription,
        payment_intent=_said_or_none(obj, "payment_intent"),
        amount_due=number(obj, "amount_due") or 0,
        amount_paid=number(obj, "amount_paid") or 0,
        amount_remaining=number(obj, "amount_remaining") or 0,
        currency=text(obj, "currency").lower(),
        attempt_count=number(obj, "attempt_count") or 0,
        next_payment_attempt=number(obj, "next_payment_attempt"),
        billing_reason=text(obj, "billing_reason"),
        collection_method=text(obj, "collection_method"),
        hosted_invoice_url=text(obj, "hosted_invoice_url"),
        number=text(obj, "number"),
        finalized_at=number(obj, "status_transitions", "finalized_at"),
        paid_at=number(obj, "status_transitions", "paid_at"),
        created=number(obj, "created") or 0,
        phones=phones,
        name=text(obj, "customer_name"),
        country=country,
        metadata=table(obj, "metadata"),
        subscription_metadata=table(obj, "parent", "subscription_details", "metadata")
        or table(obj, "subscription_details", "metadata"),
        lines=tuple(_lines(obj)),
    )


def _lines(obj: Json) -> Iterator[Line]:
    lines = obj.get("lines")
    data = lines.get("data") if isinstance(lines, Mapping) else None
    for line in data if isinstance(data, list) else ():
        if isinstance(line, Mapping):
            yield Line(
                description=text(line, "description"),
                price=text(line, "pricing", "price_details", "price") or text(line, "price"),
                product=text(line, "pricing", "price_details", "product")
                or text(line, "price", "product")
                or text(line, "plan", "product"),
                interval=text(line, "price", "recurring", "interval") or text(line, "plan", "interval"),
                quantity=number(line, "quantity"),
            )


def payment(obj: Json) -> Payment:
    """A payment intent of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    billing = ("last_payment_error", "payment_method", "billing_details")
    country = text(obj, *billing, "address", "country") or text(obj, "shipping", "address", "country")
    phones = (
        *_phone(obj, "charge.billing_details.phone", country, *billing, "phone"),
        *_phone(obj, "payment_intent.shipping.phone", text(obj, "shipping", "address", "country"), "shipping", "phone"),
    )
    return Payment(
        id=need_id(obj, "payment intent"),
        status=text(obj, "status"),
        customer=text(obj, "customer"),
        invoice=_said_or_none(obj, "invoice"),
        amount=number(obj, "amount") or 0,
        amount_received=number(obj, "amount_received") or 0,
        currency=text(obj, "currency").lower(),
        latest_charge=text(obj, "latest_charge"),
        failed_charge=text(obj, "last_payment_error", "charge") or text(obj, "latest_charge"),
        failure_code=text(obj, "last_payment_error", "code"),
        decline_code=text(obj, "last_payment_error", "decline_code"),
        description=text(obj, "description"),
        phones=phones,
        name=text(obj, *billing, "name") or text(obj, "shipping", "name"),
        country=country,
        card=_card(obj, "last_payment_error", "payment_method", "card"),
        metadata=table(obj, "metadata"),
    )


def charge(obj: Json) -> Charge:
    """A charge of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    card = _card(obj, "payment_method_details", "card")
    country = text(obj, "billing_details", "address", "country") or text(obj, "shipping", "address", "country")
    phones = (
        *_phone(
            obj, "charge.billing_details.phone", country or (card.country if card else ""), "billing_details", "phone"
        ),
        *_phone(obj, "charge.shipping.phone", text(obj, "shipping", "address", "country"), "shipping", "phone"),
    )
    return Charge(
        id=need_id(obj, "charge"),
        status=text(obj, "status"),
        captured=obj.get("captured") is True,
        customer=text(obj, "customer"),
        payment_intent=text(obj, "payment_intent"),
        invoice=_said_or_none(obj, "invoice"),
        amount=number(obj, "amount") or 0,
        amount_captured=number(obj, "amount_captured") or 0,
        currency=text(obj, "currency").lower(),
        presentment=_presentment(obj),
        failure_code=text(obj, "failure_code"),
        decline_code=text(obj, "outcome", "reason") if text(obj, "outcome", "type") == "issuer_declined" else "",
        blocked=text(obj, "outcome", "type") == "blocked",
        description=text(obj, "description"),
        phones=phones,
        name=text(obj, "billing_details", "name") or text(obj, "shipping", "name"),
        country=country,
        card=card,
        metadata=table(obj, "metadata"),
    )


def refund(obj: Json) -> Refund:
    """A refund.

    Raises:
        MalformedError: where it has no id.
    """
    return Refund(
        id=need_id(obj, "refund"),
        status=text(obj, "status"),
        amount=number(obj, "amount") or 0,
        currency=text(obj, "currency").lower(),
        presentment=_presentment(obj),
        charge=text(obj, "charge"),
        payment_intent=text(obj, "payment_intent"),
        customer=text(obj, "customer"),
        reason=text(obj, "reason"),
        failure_reason=text(obj, "failure_reason"),
        metadata=table(obj, "metadata"),
    )


def customer(obj: Json) -> Customer:
    """A customer, also one that was deleted.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "address", "country")
    shipping_country = text(obj, "shipping", "address", "country")
    phones = (
        *_phone(obj, "customer.metadata.notify_phone", country, "metadata", "notify_phone"),
        *_phone(obj, "customer.phone", country or shipping_country, "phone"),
        *_phone(obj, "customer.shipping.phone", shipping_country, "shipping", "phone"),
    )
    locales = obj.get("preferred_locales")
    place = {
        "country": country,
        "subdivision": text(obj, "address", "state"),
        "postal_code": text(obj, "address", "postal_code"),
    }
    return Customer(
        id=need_id(obj, "customer"),
        deleted=obj.get("deleted") is True,
        name=text(obj, "name"),
        phones=phones,
        languages=tuple(tag for tag in locales if isinstance(tag, str)) if isinstance(locales, list) else (),
        place={name: value for name, value in place.items() if value},
        metadata=table(obj, "metadata"),
    )


def session(obj: Json) -> Session:
    """A checkout session.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "customer_details", "address", "country")
    locale = text(obj, "locale")
    return Session(
        id=need_id(obj, "checkout session"),
        payment_status=text(obj, "payment_status"),
        mode=text(obj, "mode"),
        customer=text(obj, "customer"),
        payment_intent=text(obj, "payment_intent"),
        invoice=text(obj, "invoice"),
        amount=number(obj, "amount_total") or 0,
        currency=text(obj, "currency").lower(),
        locale="" if locale == "auto" else locale,
        phones=tuple(_phone(obj, "checkout.customer_details.phone", country, "customer_details", "phone")),
        name=text(obj, "customer_details", "name"),
        country=country,
        metadata=table(obj, "metadata"),
    )
