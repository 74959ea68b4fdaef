"""What may happen to a step, as values that the queue stores. Pure."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ingest_service.webhooks.call import Call


class FrozenStep(NamedTuple):
    """A request ready to leave, as it shall be stored."""

    plan_id: UUID
    number: int
    key_id: str
    frozen: bytes
    truth: str
    truth_read_at: datetime


class CallingStep(NamedTuple):
    """A step that calls a webhook instead of asking notify, and how its truth was known."""

    plan_id: UUID
    number: int
    truth: str
    call: Call


class EndedStep(NamedTuple):
    """A step that comes to its end without having been submitted."""

    plan_id: UUID
    number: int
    state: str
    reason: str


class StepResult(NamedTuple):
    """What a submission made of a step."""

    plan_id: UUID
    number: int
    round: int
    state: str  # submitted, suppressed, rejected, waiting (handed back), expired, sent, failed, cancelled
    reason: str | None
    due_at: datetime | None  # set exactly where the state is waiting
    notification_id: UUID | None
    result: str  # JSON without personal data
