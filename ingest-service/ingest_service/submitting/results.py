"""What notify's answers make of a step. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, assert_never
from uuid import UUID

import orjson

from ingest_service.submitting.step_changes import StepResult
from notify.v1.notification_pb2 import NotificationState, Reason
from notify.v1.service_pb2 import SubmitResult

STATE_OF_ENDED: Final[dict[int, str]] = {
    NotificationState.NOTIFICATION_STATE_DELIVERED: "sent",
    NotificationState.NOTIFICATION_STATE_READ: "sent",
    NotificationState.NOTIFICATION_STATE_DELIVERY_UNKNOWN: "sent",
    NotificationState.NOTIFICATION_STATE_UNDELIVERED: "failed",
    NotificationState.NOTIFICATION_STATE_FAILED: "failed",
    NotificationState.NOTIFICATION_STATE_SUPPRESSED: "suppressed",
    NotificationState.NOTIFICATION_STATE_CANCELLED: "cancelled",
    NotificationState.NOTIFICATION_STATE_EXPIRED: "expired",
}
"""A step's state for each final state of its notification; what is not here is not final."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A step that was submitted."""

    plan_id: UUID
    number: int
    round: int
    not_after: datetime


def step_result(step: Sent, answer: SubmitResult) -> StepResult:
    """Reads one item's answer."""
    notification_id = _uuid(answer.notification_id)
    told: dict[str, Any] = {"round": answer.round or step.round, "duplicate": answer.duplicate}
    kind = answer.WhichOneof("result")
    match kind:
        case "accepted":
            state = STATE_OF_ENDED.get(answer.accepted.state, "submitted")
            told |= {"answer": "accepted", "state": state_word(answer.accepted.state)}
            return _result(step, state, None, notification_id, told)
        case "suppressed":
            told |= {"answer": "suppressed", "reason": reason_word(answer.suppressed.reason)}
            return _result(step, "suppressed", reason_word(answer.suppressed.reason), notification_id, told)
        case "handed_back":
            reason = reason_word(answer.handed_back.reason)
            until = answer.handed_back.until.ToDatetime(UTC)
            told |= {"answer": "handed_back", "reason": reason, "until": until.isoformat()}
            if until >= step.not_after:
                why = f"notify may not send before {until:%Y-%m-%d %H:%M} UTC ({reason}), which is past its use"
                return _result(step, "expired", why, notification_id, told)
            return _result(step, "waiting", reason, notification_id, told, due_at=until)
        case "rejected":
            wrong = answer.rejected
            told |= {"answer": "rejected", "field": wrong.field, "reason": wrong.reason, "remedy": wrong.remedy}
            why = f"notify rejected {wrong.field}: {wrong.reason}. {wrong.remedy}"
            return _result(step, "rejected", why, notification_id, told)
        case None:
            told |= {"answer": "unknown"}
            return _result(
                step,
                "rejected",
                "notify gave an answer this version does not know; update ingest-service",
                notification_id,
                told,
            )
        case _:
            assert_never(kind)


def locally_rejected(step: Sent, reason: str) -> StepResult:
    """A request that cannot be put to notify at all, or that notify refuses as a whole."""
    return _result(step, "rejected", reason, None, {"answer": "rejected", "reason": reason})


def reason_word(reason: int) -> str:
    """REASON_QUIET_HOURS as "quiet_hours"; an unknown number, which a newer notify may send, as "reason_99"."""
    try:
        return Reason.Name(reason).removeprefix("REASON_").lower()  # type: ignore[arg-type]
    except ValueError:
        return f"reason_{reason}"


def state_word(state: int) -> str:
    """NOTIFICATION_STATE_QUEUED as "queued"."""
    try:
        return NotificationState.Name(state).removeprefix("NOTIFICATION_STATE_").lower()  # type: ignore[arg-type]
    except ValueError:
        return f"state_{state}"


def _result(
    step: Sent,
    state: str,
    reason: str | None,
    notification_id: UUID | None,
    told: dict[str, Any],
    *,
    due_at: datetime | None = None,
) -> StepResult:
    return StepResult(
        step.plan_id, step.number, step.round, state, reason, due_at, notification_id, orjson.dumps(told).decode()
    )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
