"""A look at a subject as it stands at Stripe: one expanded GET, and a judgement."""

from typing import Final

from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads
from ingest_service.submitting.truth import NotNow, Over, Seen, StillSo, judge

_PATHS: Final = {
    "in": "/v1/invoices/",
    "pi": "/v1/payment_intents/",
    "ch": "/v1/charges/",
    "py": "/v1/charges/",
    "du": "/v1/disputes/",
    "dp": "/v1/disputes/",
}
_EXPAND: Final = {"in": ["parent.subscription_details.subscription"]}


async def look(reads: StripeReads, account_id: str, subject_id: str) -> Seen:
    """Is what we would say of this subject still so? What cannot be looked up is believed as we recorded it."""
    kind = subject_id.partition("_")[0]
    if kind not in _PATHS:
        return StillSo()
    answer = await reads.get(
        account_id, _PATHS[kind] + subject_id, {"expand": _EXPAND[kind]} if kind in _EXPAND else None
    )
    match answer:
        case Found(body=body):
            return judge(body)
        case Gone():
            return Over("at Stripe it no longer exists")
        case AskLater(reason=reason):
            return NotNow(reason)
