"""Whether Stripe signed it, and lately. Pure.

The SDK checks that a signature is not older than five minutes; one from the future passes it, so that is checked here.
"""

import time
from collections.abc import Sequence
from typing import Final

import stripe

TOLERANCE_SECONDS: Final = 300


def is_signed(raw: bytes, header: str, secrets: Sequence[str], now: float | None = None) -> bool:
    """Whether one of the secrets made this signature within five minutes of now.

    Args:
        raw: the body as it came.
        header: ``Stripe-Signature``.
        secrets: of the endpoint; several while one is rotated.
        now: Unix time of the machine, never business time.
    """
    if not header.isascii():  # the SDK compares as text and raises on anything else
        return False
    moment = time.time() if now is None else now
    signed_at = _signed_at(header)
    if signed_at is None or abs(moment - signed_at) > TOLERANCE_SECONDS:
        return False
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return False
    return any(_verifies(text, header, secret) for secret in secrets)


def _signed_at(header: str) -> int | None:
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name == "t":
            return int(value) if value.isascii() and value.isdigit() and len(value) < 13 else None
    return None


def _verifies(text: str, header: str, secret: str) -> bool:
    try:
        # the age was checked above, both ways and against one clock
        return bool(stripe.WebhookSignature.verify_header(text, header, secret, tolerance=None))
    except (stripe.SignatureVerificationError, ValueError):
        return False
