"""What becomes of a submitted request. Pure."""

import datetime
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notify_service.intake.decision import Stop
from notify_service.intake.fields import RejectedError
from notify_service.intake.request import Request
from notify_service.words.template import Rendered


@dataclass(frozen=True, slots=True)
class Rejected:
    """The item is wrong and nothing of it was stored."""

    field: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of an item, now or since before.

    Attributes:
        due_at: when it is due; where it was handed back, when its next round makes sense; else None.
    """

    notification_id: uuid.UUID
    round: int
    state: str
    reason: str | None
    detail: str | None
    due_at: datetime.datetime | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class Previewed:
    """A dry run: what would be sent, or why not."""

    channel: str
    rendered: Rendered
    stop: Stop | None


Result = Rejected | Stored | Previewed
Key = tuple[uuid.UUID, int, bytes]
"""What makes two items of a batch the same: notification, round and contents."""


def key_of(request: Request) -> Key:
    """A request's key."""
    return request.notification_id, request.round, request.content_hash


def reject(error: RejectedError) -> Rejected:
    """The result of an item that could not be read."""
    return Rejected(error.field, error.reason, error.remedy)


def twice_in_a_batch() -> Rejected:
    """The result of an item whose id another item of the batch has."""
    return Rejected(
        "request_id", "stands twice in the batch with different contents", "give each message its own request_id"
    )


def repeated(request: Request, row: Mapping[str, Any]) -> Rejected | Stored:
    """The result of a request of which a row is stored already."""
    if request.round > row["round"]:
        return Rejected(
            "round", f"round {row['round']} was not handed back", f"submit round {row['round'] + 1} only after it was"
        )
    if request.round == row["round"] and request.content_hash != bytes(row["content_hash"]):
        return Rejected(
            "request_id", "was taken with other contents", "resend the same bytes, or use another request_id"
        )
    return Stored(
        request.notification_id, row["round"], row["state"], row["reason"], row["detail"], row["due_at"], duplicate=True
    )
