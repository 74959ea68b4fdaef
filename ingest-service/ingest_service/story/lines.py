"""Rows become lines: one plain sentence each, with its reason, in the order in which things happened. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, Literal

import orjson

from ingest_service.folding.money import exponent
from ingest_service.planning.fact_kinds import FACT_KINDS
from notify.v1.story_pb2 import Stage, Story, StoryEntry, Verdict

Row = Mapping[str, Any]
Where = Literal["event", "fact", "rule", "step", "question", "answer", "cancel", "notify"]
Ended = Literal["passed", "stopped", "deferred", "open"]

EFFECTS: Final = {
    "opened": "a plan was made",
    "joined": "it joined the plan that stood, which goes on with the newest words",
    "said_again": "it joined the plan that stood, and one more message is due",
    "restarted": "the plan that stood ended and a new one was made",
}
_RANK: Final[Mapping[str, int]] = {
    "event": 0,
    "fact": 1,
    "rule": 2,
    "step": 3,
    "question": 4,
    "answer": 5,
    "cancel": 6,
    "notify": 7,
}
_VERDICTS: Final[dict[int, Ended]] = {
    Verdict.VERDICT_PASSED: "passed",
    Verdict.VERDICT_STOPPED: "stopped",
    Verdict.VERDICT_DEFERRED: "deferred",
}
_STEP_VERDICTS: Final[dict[str, Ended]] = {
    "waiting": "open",
    "frozen": "open",
    "submitted": "open",
    "sent": "passed",
}
_GRADES: Final = {
    "fact": "it cannot become false",
    "record": "our own record said it is still so",
    "stripe": "Stripe was asked and said it is still so",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a story. Times are business time, ISO 8601; `ids` names what it rests on. No personal data."""

    at: str
    where: Where
    verdict: Ended
    name: str
    sentence: str
    ids: dict[str, str] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """As the console and `why` give it."""
        return asdict(self)


def event_line(row: Row) -> Line:
    """An event, and why it went no further if it did not."""
    said = {
        "received": ("open", f"Stripe's event {row['type']} was received and waits to be read"),
        "folded": ("passed", f"Stripe's event {row['type']} was received and read"),
        "ignored": ("stopped", f"Stripe's event {row['type']} was received and ignored"),
        "set_aside": ("stopped", f"Stripe's event {row['type']} was received and set aside"),
    }
    verdict, sentence = said[row["state"]]
    via = {
        "webhook": "",
        "poll": " (found by polling)",
        "backfill": " (found by backfill)",
        "replay": " (replayed)",
    }.get(row["source"], "")
    return Line(
        _at(row["business_at"]),
        "event",
        _ended(verdict),
        row["type"],
        _because(sentence + via, row["reason"]),
        {"event": row["event_id"]},
    )


def fact_line(row: Row, events: Iterable[Row]) -> Line:
    """A fact and what became of it."""
    told_by = sorted({event["event_id"] for event in events if event["fact_key"] == row["fact_key"]})
    source = f"told by {len(told_by)} event{'' if len(told_by) == 1 else 's'}"
    if str(row["event_id"]).startswith("scan:"):
        scan, _, day = str(row["event_id"]).removeprefix("scan:").rpartition(":")
        source = f"found by the scan {scan} of {day}"
    what = happened(row["kind"], row["amount"], row["exponent"], row["currency"], row["fact_key"])
    head = f"It means: {what}, {source}"
    said: dict[str, tuple[Ended, str]] = {
        "held": ("deferred", f"{head}; it is held for a moment"),
        "looking_up": ("deferred", f"{head}; it is being found out what it belongs to"),
        "ready": ("open", f"{head}; the rules are next"),
        "planned": ("stopped" if row["reason"] else "passed", head),
        "dropped": ("stopped", f"{head}; it was dropped"),
    }
    verdict, sentence = said[row["state"]]
    ids = {"fact": row["fact_key"], "concern": row["concern"], "subject": row["subject_id"]}
    return Line(_at(row["occurred_at"]), "fact", verdict, row["kind"], _because(sentence, row["reason"]), ids)


def happened(kind: str, amount: int | None, exponent: int | None, currency: str | None, fact_key: str) -> str:
    """What a fact means: a payment succeeds of 42.00 USD (payment_succeeded:pi_1)."""
    known = FACT_KINDS.get(kind)
    what = known.happens if known else kind.replace("_", " ")
    of = f" of {told}" if (told := money(amount, exponent, currency)) else ""
    return f"{what}{of} ({fact_key})"


def plan_line(plan: Row, part: Row, fact_at: datetime) -> Line:
    """Which rule took a fact, for whom, and what it did."""
    effect = EFFECTS.get(part["effect"], part["effect"])
    sentence = f'Rule "{plan["rule"]}" (rules {plan["rules_epoch"]}) speaks of it to {who(plan["recipient"])}: {effect}'
    if plan["note"] and part["effect"] in ("opened", "restarted"):
        sentence += f"; {plan['note']}"
    ids = {"plan": str(plan["plan_id"]), "rule": plan["rule"], "flow": plan["flow"], "fact": part["fact_key"]}
    return Line(_at(fact_at), "rule", "passed", plan["flow"], sentence, ids)


def step_line(plan: Row, step: Row) -> Line:
    """A message of a plan and where it stands, in ingest's eyes."""
    if ", webhook " in step["name"]:
        return webhook_step_line(plan, step)
    message = f"Message {step['number']} to {who(plan['recipient'])}"
    due = f" on {step['due_at']:%Y-%m-%d %H:%M} UTC" if step["due_at"] else ""
    handed = f" (round {step['round']})" if step["round"] > 1 else ""
    sentences = {
        "waiting": f"{message} is due{due}{handed}",
        "frozen": f"{message} is on its way to notify{handed}",
        "submitted": f"{message} was given to notify{handed}",
        "sent": f"{message} was sent",
        "suppressed": f"{message} was not sent",
        "failed": f"{message} could not be delivered",
        "cancelled": f"{message} was cancelled",
        "expired": f"{message} was not sent in time",
        "skipped": f"{message} was skipped",
        "rejected": f"{message} was rejected",
    }
    sentence = _because(sentences[step["state"]], _words(step["reason"]))
    if step["truth"] and step["state"] in ("frozen", "submitted", "sent"):
        sentence += f"; before it left, {_GRADES.get(step['truth'], step['truth'])}"
    deferred = step["state"] == "waiting" and step["round"] > 1
    verdict: Ended = "deferred" if deferred else _STEP_VERDICTS.get(step["state"], "stopped")
    ids = {"request": step["request_id"], "round": str(step["round"]), "plan": str(plan["plan_id"])}
    if step["notification_id"]:
        ids["notification"] = str(step["notification_id"])
    at = step["due_at"] or step["truth_read_at"] or plan["closed_at"] or plan["opened_at"]
    return Line(_at(at), "step", verdict, step["name"], sentence, ids)


def webhook_step_line(plan: Row, step: Row) -> Line:
    """A webhook that is told instead of a person, and where that stands."""
    name = step["name"].rpartition(", webhook ")[2]
    call = f"The webhook {name} of {who(plan['recipient'])}"
    due = f" on {step['due_at']:%Y-%m-%d %H:%M} UTC" if step["due_at"] else ""
    sentences = {
        "waiting": f"{call} is called{due}",
        "submitted": f"{call} is being called",
        "sent": f"{call} was called",
        "failed": f"{call} could not be called and was set aside",
    }
    sentence = _because(sentences.get(step["state"], f"{call} is not called ({step['state']})"), _words(step["reason"]))
    verdict = "open" if step["state"] == "submitted" else _STEP_VERDICTS.get(step["state"], "stopped")
    at = step["due_at"] or step["updated_at"]
    return Line(_at(at), "step", verdict, step["name"], sentence, {"plan": str(plan["plan_id"])})


def call_line(row: Row) -> Line:
    """The call of a webhook, and what came of it."""
    tries = f" ({row['tries']} tries so far)" if row["tries"] and row["state"] == "waiting" else ""
    said: dict[str, tuple[Ended, str]] = {
        "waiting": ("open", f"The webhook {row['webhook']} is to be called{tries}"),
        "done": ("passed", f"The webhook {row['webhook']} was called"),
        "set_aside": ("stopped", f"The webhook {row['webhook']} was called {row['tries']} times in vain and set aside"),
    }
    verdict, sentence = said[row["state"]]
    ids = {"call": row["call_id"], "plan": str(row["plan_id"])}
    at = row["ended_at"] or row["asked_at"]
    return Line(_at(at), "answer", verdict, "webhook", _because(sentence, row["reason"]), ids)


def concern_line(row: Row) -> Line | None:
    """The end of a concern, if it has ended."""
    if row["state"] != "settled":
        return None
    sentence = f"The matter {row['concern']} is settled by {row['settled_by']}: whatever waited about it is not sent"
    return Line(_at(row["settled_at"]), "cancel", "stopped", "settled", sentence, {"concern": row["concern"]})


def cancel_line(row: Row) -> Line:
    """What notify was told of a concern's end."""
    if row["state"] == "waiting":
        sentence = f"notify is being told that {row['concern']} is over ({row['tries']} tries so far)"
        return Line(_at(row["as_of"]), "cancel", "open", "cancel", sentence, {"concern": row["concern"]})
    result = orjson.loads(row["result"] or "{}")
    counts = f"{len(result.get('cancelled', ()))} cancelled, {len(result.get('already_sent', ()))} already sent"
    sentence = f"notify was told that {row['concern']} is over: {counts}"
    return Line(_at(row["as_of"]), "cancel", "passed", "cancel", sentence, {"concern": row["concern"]})


def notify_lines(story: Story) -> Iterator[Line]:
    """What notify tells of one notification."""
    about = story.notification
    ids = {"notification": about.notification_id, "request": about.request_id}
    for entry in story.entries:
        yield _entry_line(entry, ids)


def _entry_line(entry: StoryEntry, ids: dict[str, str]) -> Line:
    stage = (
        Stage.Name(entry.stage).removeprefix("STAGE_").lower() if entry.stage in Stage.values() else str(entry.stage)
    )
    at = entry.at.ToDatetime(UTC)
    verdict = _VERDICTS.get(entry.verdict, "open")
    return Line(
        _at(at), "notify", verdict, entry.name or stage, entry.sentence, {**ids, "stage": stage, **dict(entry.details)}
    )


def ordered(lines: Iterable[Line]) -> list[Line]:
    """In the order of time; what is of one moment goes the way an event goes."""
    return sorted(lines, key=lambda line: (line.at[:19], _RANK[line.where], line.at))


def who(recipient: str) -> str:
    """ "customer" as "the customer", "team:finance" as "the finance team"."""
    return "the customer" if recipient == "customer" else f"the {recipient.removeprefix('team:')} team"


def money(amount: int | None, exponent: int | None, currency: str | None) -> str:
    """42.00 USD, or nothing."""
    if amount is None or exponent is None or not currency:
        return ""
    return f"{Decimal(amount).scaleb(-exponent)} {currency.upper()}"


def money_of(amount: int | None, currency: str) -> str:
    """The same of an amount as Stripe gives it."""
    return money(amount, exponent(currency.lower()), currency) if currency else ""


def _because(sentence: str, reason: str | None) -> str:
    return f"{sentence}: {reason}" if reason else sentence


def _words(reason: str | None) -> str | None:
    return reason.replace("_", " ") if reason and " " not in reason else reason


def _ended(word: str) -> Ended:
    match word:
        case "passed" | "stopped" | "deferred":
            return word
        case _:
            return "open"


def _at(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
