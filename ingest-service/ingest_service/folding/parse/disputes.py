"""Disputes. Pure."""

from dataclasses import dataclass

from ingest_service.folding.parse.fields import Json, need_id, number, table, text


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute or, before money moves, an inquiry.

    Attributes:
        due_by: Unix seconds until which evidence is taken; None where no answer is possible.
    """

    id: str
    status: str
    amount: int
    currency: str
    charge: str
    payment_intent: str
    reason: str
    due_by: int | None
    inquiry: bool
    metadata: dict[str, str]


def dispute(obj: Json) -> Dispute:
    """A dispute.

    Raises:
        MalformedError: where it has no id.
    """
    status = text(obj, "status")
    return Dispute(
        id=need_id(obj, "dispute"),
        status=status,
        amount=number(obj, "amount") or 0,
        currency=text(obj, "currency").lower(),
        charge=text(obj, "charge"),
        payment_intent=text(obj, "payment_intent"),
        reason=text(obj, "reason"),
        due_by=number(obj, "evidence_details", "due_by") or None,  # 0 where no answer is possible
        inquiry=status.startswith("warning_"),
        metadata=table(obj, "metadata"),
    )
