"""Checkout sessions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from ingest_service.folding.parse.fields import Json, Snapshot, need_id, number, phone, presentment, table, text


@dataclass(frozen=True, slots=True)
class Session:
    """A checkout session.

    Attributes:
        makes_invoice: whether the purchase becomes a bill of its own, after it.
    """

    id: str
    payment_status: str
    mode: str
    customer: str
    payment_intent: str
    invoice: str
    amount: int
    currency: str
    presentment: tuple[int, str] | None
    locale: str
    phones: tuple[Snapshot, ...]
    name: str
    country: str
    metadata: dict[str, str]
    makes_invoice: bool


def session(obj: Json) -> Session:
    """A checkout session.

    Raises:
        MalformedError: where it has no id.
    """
    country = text(obj, "customer_details", "address", "country")
    locale = text(obj, "locale")
    creation = obj.get("invoice_creation")
    return Session(
        id=need_id(obj, "checkout session"),
        payment_status=text(obj, "payment_status"),
        mode=text(obj, "mode"),
        customer=text(obj, "customer"),
        payment_intent=text(obj, "payment_intent"),
        invoice=text(obj, "invoice"),
        amount=number(obj, "amount_total") or 0,
        currency=text(obj, "currency").lower(),
        presentment=presentment(obj),
        locale="" if locale == "auto" else locale,
        phones=tuple(phone(obj, "checkout.customer_details.phone", country, "customer_details", "phone")),
        name=text(obj, "customer_details", "name"),
        country=country,
        metadata=table(obj, "metadata"),
        makes_invoice=isinstance(creation, Mapping) and creation.get("enabled") is True,
    )
