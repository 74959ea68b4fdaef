"""A call of a webhook: what is posted, under which key, signed how. Pure.

The signature is Stripe's scheme: `t=1798761600,v1=<hex>`, HMAC-SHA256 of "1798761600." and the body under the webhook's secret.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import orjson

from ingest_service.folding.money import charged
from ingest_service.story.lines import happened

SIGNATURE: Final = "Paybell-Signature"
KEY: Final = "Idempotency-Key"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it is kept. `cause` names it within its plan, for ever; `body` is posted as it stands at every try."""

    account_id: str
    plan_id: UUID
    cause: str
    call_id: str
    webhook: str
    body: str
    asked_at: datetime  # business time


def made(account_id: str, plan_id: UUID, cause: str, webhook: str, told: Json, now: datetime) -> Call:
    """A call with its key, which whoever is called finds in the body, too, unless it is for people."""
    digest = hashlib.sha256("\0".join(("webhook", account_id, str(plan_id), cause)).encode()).hexdigest()[:40]
    body = told if set(told) == {"text"} else {"id": digest, **told}
    return Call(account_id, plan_id, cause, digest, webhook, orjson.dumps(body).decode(), now)


def step_call(account_id: str, plan_id: UUID, number: int, webhook: str, fact: Json, now: datetime) -> Call:
    """The call of a step to a team: the sentence that the story tells, as Slack and many others take it."""
    what = happened(fact["kind"], *charged(fact), fact["key"])
    return made(account_id, plan_id, f"step:{number}", webhook, {"text": f"{what[0].upper()}{what[1:]}"}, now)


def about(fact: Json) -> dict[str, Any]:
    """A fact by its ids, money and time. What was charged in minor units with Stripe's exponent; None where it is about no money."""
    amount, exponent, currency = charged(fact)
    return {
        "fact": {"key": fact["key"], "kind": fact["kind"], "subject": fact["subject_id"], "customer": fact["customer_id"],
                 "event": fact["event_id"], "at": datetime.fromtimestamp(fact["occurred_at"], UTC).isoformat(timespec="seconds")},
        "amount": amount, "exponent": exponent, "currency": currency,
    }  # fmt: skip


def signature(secret: str, body: bytes, at: datetime) -> str:
    """The value of the signature's header; `at` is the machine's time, because whoever is called compares it with theirs."""
    moment = str(int(at.timestamp()))
    signed = hmac.digest(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"t={moment},v1={signed.hex()}"
