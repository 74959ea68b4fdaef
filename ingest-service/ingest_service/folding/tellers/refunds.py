"""What events about refunds say: one fact a refund, and another where it fails. Pure."""

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, without_none
from ingest_service.inbox.lanes import RECEIPT


def tell_refund(event: Event) -> Effects:
    refund = parse.refund(event.obj)
    told = SubjectTold(refund.id, "refund", refund.status, refund.customer, {"charge": refund.charge})
    failed = refund.status == "failed" or event.type == "refund.failed"
    issued = (
        not failed and refund.status != "canceled" and (event.type == "refund.created" or refund.status == "succeeded")
    )
    over = (f"refund:{refund.id}/issued",) if failed or refund.status == "canceled" else ()
    if not (failed or issued) or refund.amount <= 0:
        return Effects(subjects=(told,), settled=over)
    kind = "refund_failed" if failed else "refund_issued"
    draft = Draft(
        kind=kind,
        key=f"{kind}:{refund.id}",
        concern=f"refund:{refund.id}/{'failed' if failed else 'issued'}",
        subject_id=refund.id,
        customer_id=refund.customer,
        lane=RECEIPT,
        amount=refund.amount,
        currency=refund.currency,
        presentment=refund.presentment,
        attributes=without_none({
            "refund": refund.id, "charge": refund.charge, "payment_intent": refund.payment_intent, "refund_reason": refund.reason,
            "refund_status": refund.status, "failure_code": refund.failure_reason, "metadata": refund.metadata,
        }),
        need="charge",
        need_id=refund.charge,
        give_up=""
        if failed or "challenge_id" not in refund.metadata
        else "the customer's own answer caused it, and what became of the answer is told",
    )  # fmt: skip
    return Effects(subjects=(told,), drafts=(draft,), settled=over)
