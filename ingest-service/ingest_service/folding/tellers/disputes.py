"""What events about disputes say: one fact when it is opened, one when it is decided, and one where an inquiry becomes a chargeback
between the two: money is taken only then, and there is a new day for the evidence. Pure.
"""

from typing import Final

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, without_none
from ingest_service.folding.tellers import suspicions
from ingest_service.inbox.lanes import PAYMENT

DECIDED: Final = frozenset({"won", "lost", "warning_closed", "prevented"})
"""Statuses after which no evidence is taken any more."""


def tell_dispute(event: Event) -> Effects:
    """An open dispute is a matter until it is decided; what it came to is another one."""
    dispute = parse.dispute(event.obj)
    decided = dispute.status in DECIDED
    told = [SubjectTold(dispute.id, "dispute", dispute.status, "", {"charge": dispute.charge})]
    if dispute.charge:
        told.append(SubjectTold(dispute.charge, "charge", "", "", {"disputed": True}))
    charged_back = not (decided or dispute.inquiry) and str(event.previous.get("status", "")).startswith("warning_")
    matter = "result" if decided else "chargeback" if charged_back else "open"
    settled: tuple[str, ...] = (f"dispute:{dispute.id}/open",) if decided or charged_back else ()
    if decided:
        settled += (f"dispute:{dispute.id}/chargeback",)
    if owner := dispute.payment_intent or dispute.charge:
        # whoever was asked about it as fraud need not answer any more
        settled += suspicions.concerns(owner)
    tells = dispute.amount > 0 and (decided or charged_back or event.type == "charge.dispute.created")
    return Effects(
        subjects=tuple(told),
        drafts=(_draft(dispute, matter),) if tells else (),
        settled=settled,
    )


def _draft(dispute: parse.Dispute, matter: str) -> Draft:
    kind = "dispute_closed" if matter == "result" else "dispute_opened"
    again = ":chargeback" if matter == "chargeback" else ""  # a matter of its own: the inquiry may have been answered
    return Draft(
        kind=kind,
        key=f"{kind}:{dispute.id}{again}",
        concern=f"dispute:{dispute.id}/{matter}",
        subject_id=dispute.id,
        customer_id="",
        lane=PAYMENT,
        amount=dispute.amount,
        currency=dispute.currency,
        attributes=without_none({
            "dispute": dispute.id, "charge": dispute.charge, "payment_intent": dispute.payment_intent, "dispute_reason": dispute.reason,
            "dispute_status": dispute.status, "evidence_due": dispute.due_by, "metadata": dispute.metadata,
        }) | {"is_inquiry": dispute.inquiry},
        need="charge",
        need_id=dispute.charge,
    )  # fmt: skip
