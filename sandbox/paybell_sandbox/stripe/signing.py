"""The `Stripe-Signature` header (docs.stripe.com/webhooks/signature): HMAC-SHA256 over "time.body" with the endpoint's secret."""

from __future__ import annotations

import hashlib
import hmac
import time


def signature(body: bytes, *secrets: str, at: int | None = None) -> str:
    """The header for this body. Several secrets give several v1 values, as while a secret is being rolled.

    `at`: Unix seconds; by default now, by the real clock, as the receiver checks it.
    """
    moment = int(time.time()) if at is None else at
    signed = b"%d.%b" % (moment, body)
    values = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={value}" for value in values)])
