"""Invoices of either shape. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest_service.folding.parse.fields import (
    Json,
    Snapshot,
    need_id,
    number,
    phone,
    said_or_none,
    table,
    text,
)


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
    account_name: str
    created: int
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    metadata: dict[str, str]
    subscription_metadata: dict[str, str]
    lines: "tuple[Line, ...]"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an invoice. Since 2025-03-31.basil it names its price alone, so that ``interval`` is empty and its count None."""

    description: str
    price: str
    product: str
    interval: str
    interval_count: int | None
    quantity: int | None


def invoice(obj: Json) -> Invoice:
    """An invoice of either shape.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "customer_address", "country")
    subscription = text(obj, "parent", "subscription_details", "subscription") or text(obj, "subscription")
    phones = (
        *phone(obj, "invoice.customer_phone", country, "customer_phone"),
        *phone(
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
        payment_intent=said_or_none(obj, "payment_intent"),
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
        account_name=text(obj, "account_name"),
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
                interval_count=number(line, "price", "recurring", "interval_count")
                or number(line, "plan", "interval_count"),
                quantity=number(line, "quantity"),
            )
