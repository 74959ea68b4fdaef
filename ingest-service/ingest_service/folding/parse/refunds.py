"""Refunds. Pure."""

from dataclasses import dataclass

from ingest_service.folding.parse.fields import Json, need_id, number, presentment, table, text


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
        presentment=presentment(obj),
        charge=text(obj, "charge"),
        payment_intent=text(obj, "payment_intent"),
        customer=text(obj, "customer"),
        reason=text(obj, "reason"),
        failure_reason=text(obj, "failure_reason"),
        metadata=table(obj, "metadata"),
    )
