"""A question and its answer become lines: what was asked, what was answered, what was done, at Stripe too. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from ingest_service.planning.answers import ACTIONS, Action, Answer
from ingest_service.story.lines import Ended, Line, Row, money_of

_STRENGTHS: Final = {
    "bare": "without the code", "coded": "with the code", "keypress": "by a key press", "none": "",
}  # fmt: skip
_TRUST: Final = {
    "known_before": "a number that was known before the payment",
    "given_with": "a number that is known from this very payment only",
    "changed": "a number that changed since the payment or lately",
    "team": "the team",
}
_OUTCOMES: Final[dict[str, tuple[Ended, str]]] = {
    "safe": ("passed", "It was decided that the payment is safe"),
    "stopped": ("passed", "It was decided that the payment is stopped"),
    "acknowledged": ("passed", "It was acknowledged"),
    "nothing": ("stopped", "Nothing was done about it"),
    "held": ("deferred", "A person must decide"),
}


def question_line(row: Row) -> Line:
    """What was asked, and of what kind of number."""
    money = money_of(row["amount"], row["currency"])
    about = f" about a payment of {money} ({row['standing']})" if money else ""
    sentence = (
        f"Question {row['challenge_id'][:8]}{about} was put to {_TRUST[row['trust']]}; "
        f"an answer counts until {row['answer_by']:%Y-%m-%d %H:%M} UTC"
    )
    verdict: Ended = "open" if row["state"] == "open" else "passed"
    ids = {"challenge": row["challenge_id"], "concern": row["concern"], "plan": str(row["plan_id"])}
    return Line(_at(row["asked_at"]), "question", verdict, row["flow"], sentence, ids)


def answer_lines(rows: list[Any]) -> Iterator[Line]:
    """The audit trail of decisions, entry by entry."""
    for row in rows:
        details = orjson.loads(row["details"])
        verdict, sentence = _entry(row["entry"], row["who"], details)
        ids = {"challenge": row["challenge_id"], "entry": str(row["seq"])}
        ids |= {name: str(details[name]) for name in ("sid", "key", "object") if details.get(name)}
        yield Line(_at(row["at"]), "answer", verdict, row["entry"], sentence, ids)


def _entry(entry: str, who: str, details: dict[str, Any]) -> tuple[Ended, str]:
    match entry:
        case "answered" | "further_answer":
            further = "A further answer came: " if entry == "further_answer" else ""
            return "passed", f"{further}{_answer(details, who)}"
        case "call":
            return "open", f"Stripe is asked to {_does(details['action'])} ({details['object']})"
        case "stripe":
            return _stripe(details)
        case "decided":
            verdict, sentence = _OUTCOMES.get(details["outcome"], ("open", str(details["outcome"])))
            return verdict, f"{sentence}: {details['why']}"
        case "person":
            does = " and ".join(_does(action) for action in details["do"])
            return "passed", f"{who.removeprefix('operator:')} decided: {does}"
        case _:
            return "open", f"{entry} ({who})"


def _answer(details: dict[str, Any], who: str) -> str:
    match details["answer"]:
        case Answer.SILENCE:
            return "nobody answered in time"
        case Answer.UNREACHABLE:
            return "the question could not be put to anybody"
        case answer:
            how = " ".join(part for part in (_STRENGTHS.get(details["strength"], ""), _by(details["channel"])) if part)
            return f"the answer was {answer}{f', {how}' if how else ''}" if who == "recipient" else f"{who}: {answer}"


def _by(channel: str) -> str:
    return {"sms": "by text", "voice": "by call", "whatsapp": "by WhatsApp"}.get(channel, "")


def _stripe(details: dict[str, Any]) -> tuple[Ended, str]:
    does = _does(details["action"])
    match details["answer"]:
        case "done":
            status = f" ({details['status']})" if details.get("status") else ""
            return "passed", f"Stripe did it: {does}{status}"
        case "later":
            return "deferred", f"Stripe is asked again, with the same key, to {does}: {details['reason']}"
        case "left out":
            return "stopped", f"It was left out to {does}: {details['reason']}"
        case _:
            return "stopped", f"Stripe does not {does}: {details['reason']}"


def _does(action: str) -> str:
    return ACTIONS[Action(action)].does if action in tuple(Action) else action


def _at(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
