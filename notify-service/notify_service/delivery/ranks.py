"""The provider's statuses in the order of their progress, and what each means for a notification. Pure.

Source: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values and
https://www.twilio.com/docs/voice/api/call-resource#call-status-values. Callbacks come in any order and twice.
"""

from typing import Literal

DeliveryState = Literal["accepted", "sent", "delivered", "read", "undelivered", "failed"]

_MESSAGE: dict[str, tuple[int, DeliveryState]] = {
    "scheduled": (0, "accepted"),
    "accepted": (1, "accepted"),
    "queued": (2, "accepted"),
    "sending": (3, "accepted"),
    "sent": (4, "sent"),
    "delivered": (6, "delivered"),
    "undelivered": (6, "undelivered"),
    "failed": (6, "failed"),
    "canceled": (6, "failed"),
    "read": (7, "read"),
}
_CALL: dict[str, tuple[int, DeliveryState]] = {
    "queued": (1, "accepted"),
    "initiated": (2, "accepted"),
    "ringing": (3, "accepted"),
    "in-progress": (4, "sent"),
    "completed": (6, "delivered"),
    "busy": (6, "undelivered"),
    "no-answer": (6, "undelivered"),
    "canceled": (6, "failed"),
    "failed": (6, "failed"),
}
FINAL_RANK = 6


def rank(channel: str, status: str) -> int | None:
    """How far a status is, 0 to 7; None for a word the provider has never told us of."""
    known = (_CALL if channel == "voice" else _MESSAGE).get(status)
    return None if known is None else known[0]


def state_of(channel: str, status: str) -> DeliveryState:
    """What a known status makes of a notification; "accepted" for an unknown one, which says at least that it exists."""
    known = (_CALL if channel == "voice" else _MESSAGE).get(status)
    return "accepted" if known is None else known[1]


def moves(channel: str, old_rank: int, status: str) -> bool:
    """Whether `status` may replace one of `old_rank`: only forward; of two final ones the first stays."""
    new = rank(channel, status)
    return new is not None and new > old_rank
