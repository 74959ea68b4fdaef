"""A sender, and a message or call as the provider holds it: values, so that pure modules can speak of them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class From:
    """Who sends: a number (with its channel's prefix) or a Messaging Service."""

    number: str = ""
    messaging_service_sid: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A message or call as Twilio holds it. `body` is empty for calls and redacted messages."""

    sid: str
    direction: str
    to: str
    sender: str
    messaging_service_sid: str
    body: str
    status: str
    code: int
    created_at: datetime | None
