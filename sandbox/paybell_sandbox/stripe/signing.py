"""Events as Stripe posts them: the body's bytes and the `Stripe-Signature` header.

The header is HMAC-SHA256 over "time.body" with the endpoint's secret (docs.stripe.com/webhooks/signature).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any


def body(envelope: Mapping[str, Any]) -> bytes:
    """An envelope as Stripe posts it: UTF-8, indented."""
    return json.dumps(envelope, indent=2, ensure_ascii=False).encode()


def signature(raw: bytes, *secrets: str, at: int | None = None) -> str:
    """The header for this body. Several secrets give several v1 values, as while a secret is being rolled.

    `at`: Unix seconds; by default now, by the real clock, as the receiver checks it.
    """
    moment = int(time.time()) if at is None else at
    signed = b"%d.%b" % (moment, raw)
    values = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={moment}", *(f"v1={value}" for value in values)])
