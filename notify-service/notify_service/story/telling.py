"""Tells a notification's story in plain sentences. Pure: rows in, the contract's messages out."""

import datetime
from typing import Any

import orjson

from notify.v1 import story_pb2
from notify_service import wire
from notify_service.story import questions
from notify_service.story.reading import Records

STATUS_SENTENCES = {
    "queued": "Twilio queued it.", "sending": "Twilio is sending it.", "sent": "The carrier took it.", "delivered": "The handset has it.",
    "undelivered": "The carrier could not deliver it.", "failed": "It failed before it left Twilio.", "read": "The recipient read it.",
    "accepted": "Twilio accepted it.", "canceled": "Twilio cancelled it.", "ringing": "The phone rings.", "completed": "The call ended.",
    "no-answer": "Nobody answered.", "busy": "The line was busy.", "in-progress": "The call was answered.",
}  # fmt: skip
ATTEMPT_SENTENCES = {
    "intent": "It is being handed to Twilio.", "accepted": "Twilio took it", "rejected": "Twilio refused it",
    "not_sent": "It did not reach Twilio", "unknown": "Twilio did not say whether it took it; it is being found out",
    "abandoned": "Nobody knows whether Twilio took it; it was given up",
}  # fmt: skip
REPLY_SENTENCES = {
    "stop": "From this number came STOP: nothing more is sent to it.", "start": "From this number came START.",
    "help": "From this number came HELP.", "answer": "From this number came a reply to a question.",
    "other": "From this number came a reply that is no keyword.",
}  # fmt: skip
WITNESSES = {"response": "by its answer", "callback": "by its status callback", "listing": "by its list of messages"}
VERDICT_OF_STATE = {
    "accepted": story_pb2.VERDICT_PASSED, "rejected": story_pb2.VERDICT_STOPPED, "not_sent": story_pb2.VERDICT_DEFERRED,
    "abandoned": story_pb2.VERDICT_STOPPED,
}  # fmt: skip
BAD_STATUSES = frozenset({"undelivered", "failed", "no-answer", "busy", "canceled"})


def tell(records: Records) -> story_pb2.Story:
    """The story, in the order in which things happened."""
    row = records.notification
    entries = [
        story_pb2.StoryEntry(
            at=wire.moment(row["business_created_at"]), stage=story_pb2.STAGE_INTAKE, verdict=story_pb2.VERDICT_PASSED, name="request",
            sentence=f"{row['caller']} asked to tell {row['person_id']} about {row['concern']} ({row['kind'].replace('_', ' ')}).",
            details={"request_id": row["request_id"], "round": str(row["round"])},
        )
    ]  # fmt: skip
    for checks in records.checks:
        entries += [_check(check) for check in orjson.loads(checks["checks"])]
    entries += [_attempt(attempt) for attempt in records.attempts]
    entries += [_receipt(receipt) for receipt in records.receipts]
    entries += [_reply(reply) for reply in records.replies]
    entries += [questions.told(event) for event in records.answers]
    entries += [_outcome(outcome) for outcome in records.outcomes]
    if row["state"] in ("suppressed", "cancelled", "expired", "held", "handed_back"):
        entries.append(_end(row))
    entries.sort(key=lambda entry: entry.at.ToNanoseconds())
    return story_pb2.Story(
        notification=wire.notification(row), attempts=[_call(attempt) for attempt in records.attempts], entries=entries
    )


def _check(check: list[Any]) -> story_pb2.StoryEntry:
    name, passed, sentence, details, at = check
    return story_pb2.StoryEntry(
        at=wire.moment(datetime.datetime.fromisoformat(at)),
        stage=story_pb2.STAGE_TEMPLATE if name == "template" else story_pb2.STAGE_GATE,
        verdict=story_pb2.VERDICT_PASSED if passed else story_pb2.VERDICT_STOPPED,
        name=name,
        sentence=sentence,
        details=details,
    )


def _attempt(attempt: Any) -> story_pb2.StoryEntry:
    sentence = ATTEMPT_SENTENCES[attempt["state"]]
    if attempt["state"] == "accepted":
        sentence += f", known {WITNESSES.get(attempt['witness'] or '', 'by its answer')}."
    elif attempt["state"] != "intent":
        sentence += f": {attempt['detail']}." if attempt["detail"] else "."
    details = {"state": attempt["state"], "sender": attempt["sender"]}
    if attempt["sid"]:
        details["sid"] = attempt["sid"]
    if attempt["provider_code"]:
        details["code"] = str(attempt["provider_code"])
    return story_pb2.StoryEntry(
        at=wire.moment(attempt["business_at"]),
        stage=story_pb2.STAGE_ATTEMPT,
        verdict=VERDICT_OF_STATE.get(attempt["state"], story_pb2.VERDICT_OPEN),
        name=f"attempt {attempt['number']}",
        sentence=sentence,
        details=details,
    )


def _receipt(receipt: Any) -> story_pb2.StoryEntry:
    status = receipt["status"]
    details = {"sid": receipt["sid"], "source": receipt["source"]}
    if receipt["provider_code"]:
        details["code"] = str(receipt["provider_code"])
    return story_pb2.StoryEntry(
        at=wire.moment(receipt["business_at"]),
        stage=story_pb2.STAGE_RECEIPT,
        verdict=story_pb2.VERDICT_STOPPED if status in BAD_STATUSES else story_pb2.VERDICT_PASSED,
        name=status,
        sentence=STATUS_SENTENCES.get(status, f"Twilio says: {status}."),
        details=details,
    )


def _reply(reply: Any) -> story_pb2.StoryEntry:
    meaning = reply["meaning"] or "other"
    return story_pb2.StoryEntry(
        at=wire.moment(reply["business_at"]),
        stage=story_pb2.STAGE_REPLY,
        verdict=story_pb2.VERDICT_STOPPED if meaning == "stop" else story_pb2.VERDICT_PASSED,
        name=meaning,
        sentence=REPLY_SENTENCES.get(meaning, REPLY_SENTENCES["other"]),
        details={"sid": reply["sid"], "channel": reply["channel"]},
    )


def _outcome(outcome: Any) -> story_pb2.StoryEntry:
    told = "was told" if outcome["acknowledged_at"] is not None else "is to be told"
    what = {
        "ended": "how it ended",
        "handed_back": "that it may not go yet",
        "corrected": "a later word",
        "decided": "the answer",
    }
    return story_pb2.StoryEntry(
        at=wire.moment(outcome["occurred_at"]),
        stage=story_pb2.STAGE_OUTCOME,
        verdict=story_pb2.VERDICT_PASSED if outcome["acknowledged_at"] is not None else story_pb2.VERDICT_OPEN,
        name=outcome["kind"],
        sentence=f"{outcome['caller']} {told} {what[outcome['kind']]}.",
        details={"outcome_id": str(outcome["outcome_id"])},
    )


def _end(row: Any) -> story_pb2.StoryEntry:
    words = {
        "suppressed": "It will not be sent.", "cancelled": "It was cancelled.", "expired": "It expired.", "held": "A person has to decide.",
        "handed_back": "It was handed back until it may go.",
    }  # fmt: skip
    deferred = row["state"] in ("held", "handed_back")
    return story_pb2.StoryEntry(
        at=wire.moment(row["state_at"]),
        stage=story_pb2.STAGE_GATE,
        verdict=story_pb2.VERDICT_DEFERRED if deferred else story_pb2.VERDICT_STOPPED,
        name=row["state"],
        sentence=f"{words[row['state']]} {row['detail'] or ''}".strip(),
        details={"reason": row["reason"] or ""},
    )


def _call(attempt: Any) -> story_pb2.Attempt:
    return story_pb2.Attempt(
        number=attempt["number"], channel=wire.channel(attempt["channel"]), state=attempt["state"], provider_sid=attempt["sid"] or "",
        provider_status=attempt["status"] or "", provider_code=attempt["provider_code"], created_at=wire.moment(attempt["created_at"]),
        resolved_at=wire.moment(attempt["resolved_at"]), witness=attempt["witness"] or "",
    )  # fmt: skip
