"""Tells what happened to the question that a message carries: heard, read as what, decided. Pure; no number, no code, no words."""

from typing import Any, Final

from notify.v1 import story_pb2
from notify_service import wire

_ANSWERS: Final = {
    "confirmed": "yes", "denied": "no", "unclear": "neither yes nor no", "silence": "nobody answered in time",
    "unreachable": "nobody could be asked",
}  # fmt: skip
_HOW: Final = {
    "coded": ", with the question's code", "bare": ", by words alone", "keypress_human": ", by a key that a person pressed",
}  # fmt: skip
_CHANNELS: Final = {"sms": "A text", "whatsapp": "A WhatsApp message", "voice": "A key press"}
_VERDICTS: Final = {"wrong_code": story_pb2.VERDICT_STOPPED, "unclear": story_pb2.VERDICT_OPEN}


def told(event: Any) -> story_pb2.StoryEntry:
    """One entry of a question's trail."""
    details = {"challenge": event["challenge_id"], "entry": str(event["seq"])}
    details |= {name: event[name] for name in ("answer", "strength", "channel") if event[name]}
    if event["provider_sid"]:
        details["sid"] = event["provider_sid"]
    return story_pb2.StoryEntry(
        at=wire.moment(event["business_at"]),
        stage=story_pb2.STAGE_REPLY,
        verdict=_VERDICTS.get(event["kind"], story_pb2.VERDICT_PASSED),
        name=f"question {event['kind'].replace('_', ' ')}",
        sentence=_sentence(event),
        details=details,
    )


def _sentence(event: Any) -> str:
    answer = _ANSWERS.get(event["answer"] or "", "")
    how = _HOW.get(event["strength"] or "", "")
    came = _CHANNELS.get(event["channel"] or "", "A reply")
    match event["kind"]:
        case "answer":
            return f"{came} was read as an answer: {answer}{how}."
        case "wrong_code":
            return f"{came} held a code that is not the question's; wrong codes decide nothing."
        case "unclear":
            return f"{came} could not be read as an answer."
        case "asked_back":
            return "The recipient was told once more how to answer."
        case "late":
            return f"{came} came after the decision: {answer}{how}."
        case _:
            return f"The question was decided: {answer}{how}."
