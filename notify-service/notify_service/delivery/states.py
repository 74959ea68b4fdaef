"""Every move of a notification, of an attempt and of a question, and who makes it. docs/states.md draws this table.

Pure. Nothing else may change a state: whoever does checks the move against it first.
"""

from typing import Literal

NotificationState = Literal[
    "queued",
    "sending",
    "unresolved",
    "accepted",
    "sent",
    "delivered",
    "read",
    "undelivered",
    "failed",
    "delivery_unknown",
    "suppressed",
    "handed_back",
    "cancelled",
    "expired",
    "held",
]
AttemptState = Literal["intent", "accepted", "rejected", "not_sent", "unknown", "abandoned"]

START = "[*]"
ENDS = frozenset(
    {"delivered", "read", "undelivered", "failed", "delivery_unknown", "suppressed", "cancelled", "expired"}
)
"""States that are told to the caller as the notification's end."""
ALIVE = frozenset({"sending", "unresolved", "accepted", "sent", "delivered", "read"})
"""States in which the recipient has the message or may get it from an attempt under way."""

# (from, to): who does it
NOTIFICATION: dict[tuple[str, str], str] = {
    (START, "queued"): "intake",
    (START, "suppressed"): "intake",
    (START, "handed_back"): "intake: backlog",
    (START, "cancelled"): "intake: concern over",
    (START, "expired"): "intake: too late",
    ("handed_back", "queued"): "intake, next round",
    ("handed_back", "suppressed"): "intake, next round",
    ("handed_back", "handed_back"): "intake, next round: backlog",
    ("handed_back", "cancelled"): "cancel, or intake, next round: concern over",
    ("handed_back", "expired"): "intake, next round: too late",
    ("queued", "sending"): "claim",
    ("queued", "suppressed"): "claim: gate",
    ("queued", "handed_back"): "claim: not now",
    ("queued", "queued"): "claim: not now, held here",
    ("queued", "expired"): "claim or sweep: too late",
    ("queued", "cancelled"): "cancel, or claim: concern over",
    ("queued", "held"): "claim: body unreadable",
    ("queued", "failed"): "claim or sweep: no sender",
    ("sending", "accepted"): "response or callback",
    ("sending", "unresolved"): "call without answer, or lapsed",
    ("sending", "queued"): "not sent, or refused: next channel",
    ("sending", "failed"): "refused",
    ("sending", "suppressed"): "refused: opted out, or may not wait",
    ("sending", "handed_back"): "refused: later",
    ("unresolved", "accepted"): "response, callback or listing",
    ("unresolved", "queued"): "resolver: send once more, or late refusal",
    ("unresolved", "held"): "resolver: a person decides",
    ("unresolved", "cancelled"): "resolver: concern over",
    ("unresolved", "expired"): "resolver: too late",
    ("unresolved", "failed"): "late refusal",
    ("unresolved", "suppressed"): "late refusal",
    ("unresolved", "handed_back"): "late refusal",
    ("accepted", "sent"): "receipt",
    ("accepted", "delivered"): "receipt",
    ("accepted", "read"): "receipt",
    ("accepted", "undelivered"): "receipt",
    ("accepted", "failed"): "receipt",
    ("accepted", "handed_back"): "receipt: channel failed",
    ("accepted", "delivery_unknown"): "sweep",
    ("sent", "delivered"): "receipt",
    ("sent", "read"): "receipt",
    ("sent", "undelivered"): "receipt",
    ("sent", "failed"): "receipt",
    ("sent", "handed_back"): "receipt: channel failed",
    ("sent", "delivery_unknown"): "sweep",
    ("delivered", "read"): "receipt",
    ("delivery_unknown", "delivered"): "late receipt",
    ("delivery_unknown", "read"): "late receipt",
    ("delivery_unknown", "undelivered"): "late receipt",
    ("delivery_unknown", "failed"): "late receipt",
    ("undelivered", "delivered"): "receipt of an earlier attempt",
    ("failed", "delivered"): "receipt of an earlier attempt",
    ("undelivered", "read"): "late receipt",
    ("failed", "read"): "late receipt",
    ("held", "expired"): "sweep: too late",
    ("held", "cancelled"): "cancel",
    ("queued", "accepted"): "late witness",
    ("held", "accepted"): "late witness",
    ("expired", "accepted"): "late witness",
    ("cancelled", "accepted"): "late witness",
    ("suppressed", "accepted"): "late witness",
    ("handed_back", "accepted"): "late witness",
    ("failed", "accepted"): "late witness",
    ("undelivered", "accepted"): "late witness",
    ("delivery_unknown", "accepted"): "late witness",
}

ATTEMPT: dict[tuple[str, str], str] = {
    (START, "intent"): "claim",
    ("intent", "accepted"): "response, callback or listing",
    ("intent", "rejected"): "response",
    ("intent", "not_sent"): "response, or never started",
    ("intent", "unknown"): "call without answer, or lapsed",
    ("unknown", "accepted"): "response, callback or listing",
    ("unknown", "rejected"): "late response",
    ("unknown", "not_sent"): "late response, or two empty listings",
    ("unknown", "abandoned"): "two empty listings",
    ("rejected", "accepted"): "late witness",
    ("not_sent", "accepted"): "late witness",
    ("abandoned", "accepted"): "late witness",
}

QUESTION: dict[tuple[str, str], str] = {
    (START, "open"): "intake, with the first message that carries it",
    ("open", "decided"): "reply, key press, or the watch: its time is over, or nobody can be asked",
}


class ImpossibleMoveError(AssertionError):
    """A move that the table does not hold: a defect of ours, never the provider's."""

    def __init__(self, what: str, old: str, new: str) -> None:
        super().__init__(f"{what} cannot go from {old} to {new}; the table of moves is delivery/states.py")


def check_notification(old: str, new: str) -> None:
    """Raises where the table does not hold the move. Staying is no move."""
    if old != new and (old, new) not in NOTIFICATION:
        raise ImpossibleMoveError("a notification", old, new)


def check_attempt(old: str, new: str) -> None:
    """Raises where the table does not hold the move. Staying is no move."""
    if old != new and (old, new) not in ATTEMPT:
        raise ImpossibleMoveError("an attempt", old, new)


def check_notification_path(old: str, new: str) -> None:
    """As check_notification, for a step that binds and moves on at once: it may pass through "accepted"."""
    if old != new and (old, new) not in NOTIFICATION:
        check_notification(old, "accepted")
        check_notification("accepted", new)
