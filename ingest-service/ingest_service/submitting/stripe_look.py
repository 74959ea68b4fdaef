"""A look at a subject as it stands at Stripe: one expanded GET, and a judgement."""

from collections.abc import Mapping
from typing import Any, Final

from ingest_service.folding import parse
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads
from ingest_service.submitting.truth import NotNow, Over, Seen, StillSo, judge, judge_suspect

_PATHS: Final = {
    "in": "/v1/invoices/", "pi": "/v1/payment_intents/", "ch": "/v1/charges/", "py": "/v1/charges/", "sub": "/v1/subscriptions/",
    "pm": "/v1/payment_methods/", "du": "/v1/disputes/", "dp": "/v1/disputes/",
}  # fmt: skip
_EXPAND: Final = {
    "in": ["parent.subscription_details.subscription"],
    "sub": ["default_payment_method", "default_source", "customer.invoice_settings.default_payment_method", "customer.default_source"],
}  # fmt: skip


_ON_REVIEW: Final = ["payment_intent", "review"]
_SUSPECTED: Final = {"pi": ["latest_charge", "review"], "ch": _ON_REVIEW, "py": _ON_REVIEW}


async def look(reads: StripeReads, account_id: str, subject_id: str, fact: Mapping[str, Any]) -> Seen:
    """Is what we would say of this subject still so? `fact` is what the message speaks of. What cannot be looked up is believed as we recorded it."""
    kind = subject_id.partition("_")[0]
    if kind not in _PATHS:
        return StillSo()
    suspected = fact.get("kind") == "fraud_suspected" and kind in _SUSPECTED
    expand = _SUSPECTED[kind] if suspected else _EXPAND.get(kind)
    answer = await reads.get(account_id, _PATHS[kind] + subject_id, {"expand": expand} if expand else None)
    match answer:
        case Found(body=body) if suspected:
            return judge_suspect(parse.suspect_of_payment(body) if kind == "pi" else parse.suspect(body))
        case Found(body=body):
            return judge(body, fact)
        case Gone():
            return Over("at Stripe it no longer exists")
        case AskLater(reason=reason):
            return NotNow(reason)
