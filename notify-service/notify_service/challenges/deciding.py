"""Decides a question: once, in the transaction that tells its caller, keeps the trail and ends what still waits to ask it (SQL)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notify_service.challenges import audit, store
from notify_service.challenges.audit import Entry
from notify_service.challenges.store import Question
from notify_service.challenges.weighing import Answer, Strength
from notify_service.delivery import states
from notify_service.delivery.case import NOTIFICATION_COLUMNS, Notification, Now
from notify_service.delivery.ports import NewOutcome, Outcomes
from notify_service.delivery.record import ended

_DECIDE = """
UPDATE challenge SET state = 'decided', answer = $3, strength = $4, channel = $5, provider_sid = $6, decided_at = $7, asking_back = NULL
WHERE account_id = $1 AND challenge_id = $2 AND state = 'open'
"""
_END_WAITING = f"""
UPDATE notification n SET state = 'cancelled', reason = 'question_decided', due_at = NULL, state_at = $3,
       detail = 'The question was decided.'
WHERE n.account_id = $1 AND n.notification_id = ANY($2) RETURNING {NOTIFICATION_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer. `strength`, `channel` and `sid` are empty where nobody answered."""

    answer: Answer
    at: datetime
    strength: Strength | None = None
    channel: str | None = None
    sid: str = ""


async def decide(
    conn: Any,
    account_id: str,
    question: Question,
    waiting: Sequence[UUID],
    given: Given,
    outcomes: Outcomes,
    now: datetime,
) -> None:
    """Decides an open question, locked by the caller's transaction as is what waits to ask it."""
    await conn.execute(
        _DECIDE, account_id, question.challenge_id, given.answer, given.strength, given.channel, given.sid or None, now
    )
    told = [_outcome(account_id, question, given, after_decision=False)]
    if waiting:
        for state in store.WAITING:
            states.check_notification(state, "cancelled")
        rows = await conn.fetch(_END_WAITING, account_id, list(waiting), now)
        told += [ended(Notification.of_row(account_id, row), "ended", Now(now, now)) for row in rows]
    await outcomes.add(conn, told)
    await audit.append(conn, account_id, question.challenge_id, _entry("decided", given))


async def tell_again(conn: Any, account_id: str, question: Question, given: Given, outcomes: Outcomes) -> None:
    """Tells of an answer that came after the decision: once of one that says something else, once of one that says the same for sure."""
    if given.answer == question.answer and given.strength is not None:
        await store.made_sure(conn, account_id, question.challenge_id, given.strength)
    else:
        await store.told_again(conn, account_id, question.challenge_id)
    await outcomes.add(conn, [_outcome(account_id, question, given, after_decision=True)])


async def keep_late(conn: Any, account_id: str, question: Question, given: Given) -> None:
    """Keeps an answer that came after the decision."""
    await audit.append(conn, account_id, question.challenge_id, _entry("late", given))


def worth_telling(question: Question, given: Given) -> bool:
    """Whether a late answer is told.

    It says something else, and is a strong one or a no, which protects; or it says the same with the code, where the word alone decided
    before: people often answer "NO" first, and read on then.
    """
    if question.told_again or given.answer not in ("confirmed", "denied"):
        return False
    sure = given.strength in ("coded", "keypress_human")
    if given.answer == question.answer:
        return sure and question.strength == "bare"
    return given.answer == "denied" or sure


def _entry(kind: audit.Kind, given: Given) -> Entry:
    return Entry(kind, given.at, given.answer, given.strength, given.channel, given.sid)


def _outcome(account_id: str, question: Question, given: Given, *, after_decision: bool) -> NewOutcome:
    payload: Mapping[str, Any] = {
        "challenge_id": question.challenge_id, "answer": given.answer, "strength": given.strength or "unspecified",
        "channel": given.channel, "provider_sid": given.sid, "wrong_codes": question.wrong_codes, "after_decision": after_decision,
    }  # fmt: skip
    return NewOutcome(account_id, question.caller, "decided", None, "", 0, question.concern, given.at, payload)
