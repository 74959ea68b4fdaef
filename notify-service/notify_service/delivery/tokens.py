"""The token in a status callback's address: which attempt it speaks of, unguessable and without personal data. Pure.

`{account}.{base64url(day, 2 bytes since 1970 + 16 random bytes)}`: the day names the partition, so that one index probe
finds the attempt.
"""

import base64
import binascii
import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta

_EPOCH = date(1970, 1, 1)
_FORM = re.compile(r"([a-z0-9][a-z0-9-]{0,62})\.([A-Za-z0-9_-]{24})")
_RETRY_ALWAYS = "#rc=5&rp=all"
"""Twilio by itself calls again only where it could not connect; the fragment is not sent and not signed."""


@dataclass(frozen=True, slots=True)
class CallbackToken:
    """Names one attempt to whoever was told its address."""

    account_id: str
    created_on: date
    token: bytes

    def __str__(self) -> str:
        day = (self.created_on - _EPOCH).days.to_bytes(2, "big")
        return f"{self.account_id}.{base64.urlsafe_b64encode(day + self.token).decode()}"

    @staticmethod
    def read(text: str) -> "CallbackToken | None":
        """The token a path holds; None for anything we never made."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(match[2])
        except binascii.Error:
            return None
        return CallbackToken(match[1], _EPOCH + timedelta(days=int.from_bytes(raw[:2], "big")), raw[2:])


def fresh() -> bytes:
    """16 bytes nobody can guess."""
    return secrets.token_bytes(16)


def status_address(public_url: str, token: CallbackToken) -> str:
    """The address given to the provider for an attempt, asking it to call again on any failure."""
    return f"{public_url.rstrip('/')}/webhooks/twilio/status/{token}{_RETRY_ALWAYS}"


def call_address(public_url: str, token: CallbackToken, turn: int = 0) -> str:
    """Where the provider asks what a call says next; `turn`: how often it has spoken. The query is signed with the address."""
    query = f"?turn={turn}" if turn else ""
    return f"{public_url.rstrip('/')}/webhooks/twilio/voice/{token}{query}{_RETRY_ALWAYS}"
