"""Between our values and the contract's messages. Pure."""

import datetime
import uuid
from typing import Any, assert_never

import orjson
from google.protobuf.timestamp_pb2 import Timestamp

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, outcome_pb2, recipient_pb2, service_pb2
from notify_service.intake.fields import RejectedError
from notify_service.intake.results import Previewed, Rejected, Result, Stored

STATE_PREFIX, REASON_PREFIX = "NOTIFICATION_STATE_", "REASON_"


def moment(value: datetime.datetime | None) -> Timestamp | None:
    """A time on the wire."""
    if value is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def state(name: str | None) -> "notification_pb2.NotificationState.ValueType":
    """Our state's number; unspecified for one that the contract lacks."""
    return notification_pb2.NotificationState.DESCRIPTOR.values_by_name.get(
        f"{STATE_PREFIX}{(name or '').upper()}", _Zero
    ).number  # type: ignore[return-value]


def reason(name: str | None) -> "notification_pb2.Reason.ValueType":
    """Our reason's number; unspecified for none and for one that the contract lacks."""
    return notification_pb2.Reason.DESCRIPTOR.values_by_name.get(f"{REASON_PREFIX}{(name or '').upper()}", _Zero).number  # type: ignore[return-value]


class _Zero:
    number = 0


def channel(name: str | None) -> "recipient_pb2.Channel.ValueType":
    """Our channel's number."""
    return recipient_pb2.Channel.Value(f"CHANNEL_{name.upper()}") if name else recipient_pb2.CHANNEL_UNSPECIFIED


def result(request_id: str, given: Result) -> service_pb2.SubmitResult:
    """What became of one submitted request."""
    answer = service_pb2.SubmitResult(request_id=request_id)
    match given:
        case Rejected(field, why, remedy):
            answer.rejected.CopyFrom(service_pb2.Rejected(field=field, reason=why, remedy=remedy))
        case Previewed(via, rendered, stop):
            if stop is not None:
                answer.suppressed.CopyFrom(service_pb2.Suppressed(reason=reason(stop.reason), detail=stop.detail))
            else:
                preview = service_pb2.Preview(
                    channel=channel(via), text=rendered.text, language=rendered.language, variant=rendered.variant,
                    template_version=rendered.version, segments=rendered.segments,
                )  # fmt: skip
                answer.accepted.CopyFrom(service_pb2.Accepted(preview=preview))
        case Stored():
            answer.round, answer.notification_id, answer.duplicate = (
                given.round,
                str(given.notification_id),
                given.duplicate,
            )
            _fill(answer, given)
        case _:
            assert_never(given)
    return answer


def _fill(answer: service_pb2.SubmitResult, given: Stored) -> None:
    if given.state in ("suppressed", "cancelled", "expired"):
        answer.suppressed.CopyFrom(service_pb2.Suppressed(reason=reason(given.reason), detail=given.detail or ""))
    elif given.state == "handed_back":
        answer.handed_back.CopyFrom(outcome_pb2.HandedBack(reason=reason(given.reason), until=moment(given.due_at)))
    else:
        answer.accepted.CopyFrom(service_pb2.Accepted(state=state(given.state), due_at=moment(given.due_at)))


def notification(row: Any) -> notification_pb2.Notification:
    """From a row of ``notification`` joined with its address's masked number."""
    classes = consent_pb2.MessageClass.Value(f"MESSAGE_CLASS_{row['message_class'].upper()}")
    return notification_pb2.Notification(
        notification_id=str(row["notification_id"]), request_id=row["request_id"], round=row["round"], account_id=row["account_id"],
        concern=row["concern"], kind=row["kind"], labels=orjson.loads(row["labels"]), state=state(row["state"]),
        reason=reason(row["reason"]), provider_code=row["provider_code"], detail=row["detail"] or "",
        channel=channel(next(iter(row["channels"]), None)), person_id=row["person_id"], masked_number=row["masked"] or "",
        template=row["template"], variant=row["variant"], template_version=row["template_version"], language=row["language"],
        segments=row["segments"], policy_version=row["policy_version"],
        consent_entry_ids=[f"{row['address_id']}:{seq}" for seq in row["consent_seqs"]], provider_sid=row["last_sid"] or "",
        possible_duplicate=row["possible_duplicate"], created_at=moment(row["business_created_at"]), state_at=moment(row["state_at"]),
        due_at=moment(row["due_at"]), not_after=moment(row["not_after"]), message_class=classes, lane=row["lane"],
    )  # fmt: skip


def outcome(row: Any) -> outcome_pb2.Outcome:
    """From a row of ``outcome``."""
    payload = orjson.loads(row["payload"])
    message = outcome_pb2.Outcome(
        outcome_id=str(row["outcome_id"]), account_id=row["account_id"], request_id=row["request_id"], round=row["round"],
        notification_id=str(row["notification_id"] or ""), concern=row["concern"], occurred_at=moment(row["occurred_at"]),
        kind=outcome_pb2.OutcomeKind.Value(f"OUTCOME_KIND_{row['kind'].upper()}"),
    )  # fmt: skip
    match row["kind"]:
        case "ended" | "corrected":
            message.ended.CopyFrom(
                outcome_pb2.Ended(
                    state=state(payload.get("state")), reason=reason(payload.get("reason")), provider_code=payload.get("provider_code") or 0,
                    provider_sid=payload.get("provider_sid") or "",
                )
            )  # fmt: skip
        case "handed_back":
            until = moment(datetime.datetime.fromisoformat(payload["until"]))
            message.handed_back.CopyFrom(outcome_pb2.HandedBack(reason=reason(payload.get("reason")), until=until))
        case _:
            message.decision.CopyFrom(
                challenge_pb2.Decision(
                    challenge_id=payload["challenge_id"], answer=challenge_pb2.Answer.Value(f"ANSWER_{payload['answer'].upper()}"),
                    strength=challenge_pb2.AnswerStrength.Value(f"ANSWER_STRENGTH_{payload.get('strength', 'unspecified').upper()}"),
                    channel=channel(payload.get("channel")), provider_sid=payload.get("provider_sid") or "",
                    answered_at=moment(row["occurred_at"]), wrong_codes=payload.get("wrong_codes", 0),
                    after_decision=payload.get("after_decision", False),
                )
            )  # fmt: skip
    return message


def state_name(number: int) -> str:
    """Our word for a state of the contract.

    Raises:
        RejectedError: where the contract lacks it.
    """
    found = notification_pb2.NotificationState.DESCRIPTOR.values_by_number.get(number)
    if found is None or number == 0:
        raise RejectedError("states", "has one that is unknown", "use states of notify.v1")
    return str(found.name.removeprefix(STATE_PREFIX).lower())


def kind_name(number: int) -> str:
    """Our word for a kind of outcome.

    Raises:
        RejectedError: where the contract lacks it.
    """
    found = outcome_pb2.OutcomeKind.DESCRIPTOR.values_by_number.get(number)
    if found is None or number == 0:
        raise RejectedError("kinds", "has one that is unknown", "use kinds of notify.v1")
    return str(found.name.removeprefix("OUTCOME_KIND_").lower())


def identity(text: str, field: str) -> uuid.UUID:
    """An id of ours.

    Raises:
        RejectedError: where it is none.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise RejectedError(field, "is not an id that notify gave", "use one as it was answered") from None
