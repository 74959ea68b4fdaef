"""Checkout sessions. Pure."""

from dataclasses import dataclass

from ingest_service.folding.parse.fields import Json, Snapshot, need_id, number, phone, table, text


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
        phones=tuple(phone(obj, "checkout.customer_details.phone", country, "customer_details", "phone")),
        name=text(obj, "customer_details", "name"),
        country=country,
        metadata=table(obj, "metadata"),
    )
