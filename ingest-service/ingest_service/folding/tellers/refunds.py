"""What events about refunds say: one fact a refund, and another where it fails. Pure."""

from ingest_service.folding import parse
from ingest_service.folding.effects import Draft, Effects, Event, SubjectTold, without_none
from ingest_service.inbox.lanes import RECEIPT


def tell_refund(event: Event) -> Effects:
    refund = parse.refund(event.obj)
    told = SubjectTold(refund.id, "refund", refund.status, refund.customer, {"charge": refund.charge})
    # one that is cancelled did not come, either; one that waits for the customer's action is not out yet
    failed = refund.status in ("failed", "canceled") or event.type == "refund.failed"
    before = event.previous.get("status")
    out = refund.status == "succeeded" or (
        refund.status == "pending" and (event.type == "refund.created" or before == "requires_action")
    )
    issued = not failed and out
    over = (f"refund:{refund.id}/issued",) if failed else ()
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
        attributes={"by_answer": "challenge_id" in refund.metadata} | without_none({
            "refund": refund.id, "charge": refund.charge, "payment_intent": refund.payment_intent, "refund_reason": refund.reason,
            "refund_status": refund.status, "failure_code": refund.failure_reason, "metadata": refund.metadata,
        }),
        need="charge",
        need_id=refund.charge,
        give_up="it was cancelled before it went out" if refund.status == "canceled" and before == "requires_action" else "",
    )  # fmt: skip
    return Effects(subjects=(told,), drafts=(draft,), settled=over)
