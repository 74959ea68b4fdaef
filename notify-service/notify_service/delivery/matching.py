"""Which of the messages that the provider lists is the one of an attempt. Pure.

A body carries a reference of its own ("Ref 7F3K"), so text and time settle it for texts; a call carries nothing, so
sender and time must do, and at most one call is open to a number at a time.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .listed import From, Listed

CLOCK_ALLOWANCE = timedelta(seconds=60)
"""How far the provider's clock may lag behind ours."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What an attempt would look like in a listing. `reference` and `body_hash` are empty for a call."""

    sender: From
    not_before: datetime
    body_hash: bytes
    reference: str


def body_hash(text: str) -> bytes:
    """SHA-256 of the text as it was sent, white space at the ends apart (the provider trims it)."""
    return hashlib.sha256(text.strip().encode()).digest()


def sought(sender: From, intent_at: datetime, hashed: bytes, reference: str) -> Sought:
    """What to look for, for an attempt whose row was committed at `intent_at` (database's clock)."""
    return Sought(sender, intent_at - CLOCK_ALLOWANCE, hashed, reference)


def find(sought: Sought, listed: Sequence[Listed], taken: Collection[str], *, call: bool) -> Listed | None:
    """The oldest message that fits and that no other attempt holds; None if there is none."""
    fitting = [m for m in listed if m.sid not in taken and _fits(sought, m, call=call)]
    return min(
        fitting, key=lambda m: m.created_at or datetime.max.replace(tzinfo=sought.not_before.tzinfo), default=None
    )


def _fits(sought: Sought, listed: Listed, *, call: bool) -> bool:
    if not listed.direction.startswith("outbound-api"):
        return False
    if listed.created_at is None or listed.created_at < sought.not_before:
        return False
    if not _same_sender(sought.sender, listed):
        return False
    return call or body_hash(listed.body) == sought.body_hash or _carries(listed.body, sought.reference)


def _same_sender(sender: From, listed: Listed) -> bool:
    if not sender.messaging_service_sid and not sender.number:
        return True  # the sender is no longer configured
    if sender.messaging_service_sid:
        # Until the service has picked a number the record may name neither.
        return listed.messaging_service_sid in ("", sender.messaging_service_sid)
    return listed.sender == sender.number


def _carries(body: str, reference: str) -> bool:
    return bool(reference) and re.search(rf"(?<!\w){re.escape(reference)}(?!\w)", body) is not None
