"""Questions as they stand: read with all that hangs on them, under lock where something is to be decided (SQL).

Locks are taken in one order everywhere: notifications by id, gates by id, questions by id.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

WAITING: Final = ("queued", "held")
"""States of a notification that a decision ends: nothing of it is under way, and nobody has it. What was handed back is its caller's:
its next round is refused."""
DEAD: Final = ("undelivered", "failed", "suppressed", "cancelled", "expired")
"""Ends in which nobody has the question."""
LATE_ANSWERS: Final = timedelta(days=7)
"""So long after a decision what is answered is still kept with the question."""

_LOCK_WAITING = """
SELECT challenge_id, notification_id FROM notification
WHERE account_id = $1 AND challenge_id = ANY($2) AND challenge_id IS NOT NULL AND state = ANY($3)
ORDER BY notification_id FOR UPDATE
"""
_COLUMNS = """challenge_id, caller, concern, moves_money, answer_within, answer_by, code_number, code_key_id, wrong_codes, state, answer,
       strength, asked_at, asking_back, told_again, decided_at, created_at"""
_LOCK = f"SELECT {_COLUMNS} FROM challenge WHERE account_id = $1 AND challenge_id = ANY($2) ORDER BY challenge_id FOR UPDATE"
_LOCK_FREE = f"{_LOCK} SKIP LOCKED"
_DUE = """
SELECT challenge_id FROM challenge WHERE account_id = $1 AND state = 'open' AND look_at <= $2 ORDER BY look_at, challenge_id LIMIT $3
"""
_ASKED = """
SELECT n.challenge_id, a.sender, min(c.created_at) AS created_at
FROM notification n
JOIN challenge c ON c.account_id = n.account_id AND c.challenge_id = n.challenge_id
JOIN attempt a ON a.account_id = n.account_id AND a.created_on = n.created_on AND a.notification_id = n.notification_id
WHERE n.account_id = $1 AND n.address_id = $2 AND n.challenge_id IS NOT NULL AND a.address_id = $2
  AND a.state IN ('intent', 'accepted', 'unknown') AND (c.state = 'open' OR c.decided_at > $3)
GROUP BY n.challenge_id, a.sender
"""
_MESSAGES = """
SELECT count(*) FILTER (WHERE n.state <> ALL($3)) AS alive, count(*) AS all,
       min(a.first) AS asked_at, coalesce(bool_or(a.maybe), false) AS maybe
FROM notification n
LEFT JOIN LATERAL (
    SELECT min(t.business_at) FILTER (WHERE t.state = 'accepted') AS first,
           bool_or(t.state IN ('intent', 'accepted', 'unknown')) AS maybe
    FROM attempt t WHERE t.account_id = n.account_id AND t.created_on = n.created_on AND t.notification_id = n.notification_id
) a ON true
WHERE n.account_id = $1 AND n.challenge_id = $2
"""
_UNREAD = """
SELECT 1 FROM inbound WHERE account_id = $1 AND state = 'received' AND tries < 2 AND business_at <= $2 LIMIT 1
"""
_LOOKED = """
UPDATE challenge SET asked_at = coalesce(asked_at, $3), look_at = $4 WHERE account_id = $1 AND challenge_id = $2
"""
_LOOK_AGAIN = """
UPDATE challenge c SET look_at = '-infinity'
FROM (SELECT DISTINCT challenge_id FROM notification WHERE account_id = $1 AND notification_id = ANY($2) AND challenge_id IS NOT NULL) n
WHERE c.account_id = $1 AND c.challenge_id = n.challenge_id AND c.state = 'open'
"""
_WRONG_CODE = """
UPDATE challenge SET wrong_codes = least(wrong_codes + 1, 1000) WHERE account_id = $1 AND challenge_id = $2
"""
_ASK_BACK = """
UPDATE challenge SET asking_back = 'wanted', back_address = $3, back_channel = $4 WHERE account_id = $1 AND challenge_id = $2
"""
_TOLD_AGAIN = "UPDATE challenge SET told_again = true WHERE account_id = $1 AND challenge_id = $2"
_MADE_SURE = "UPDATE challenge SET strength = $3 WHERE account_id = $1 AND challenge_id = $2 AND strength = 'bare'"
_ANSWERS_OF_OURS = """
SELECT count(*) FROM notification
WHERE account_id = $1 AND address_id = $2 AND challenge_id IS NOT NULL AND template = $3 AND business_created_at > $4
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A question's row. Times are business time, except `created_at`."""

    challenge_id: str
    caller: str
    concern: str
    moves_money: bool
    answer_within: timedelta
    answer_by: datetime
    code_number: int
    code_key_id: str
    wrong_codes: int
    state: str
    answer: str | None
    strength: str | None
    asked_at: datetime | None
    asking_back: str | None
    told_again: bool
    decided_at: datetime | None
    created_at: datetime

    @property
    def open(self) -> bool:
        """Whether it is not decided."""
        return self.state == "open"

    def deadline(self, asked_at: datetime | None) -> datetime:
        """The last moment for an answer, where it was first asked then."""
        first = self.asked_at or asked_at
        return self.answer_by if first is None else min(self.answer_by, first + self.answer_within)


@dataclass(frozen=True, slots=True)
class Messages:
    """What became of a question's notifications. `maybe`: one of them reached the provider or may have."""

    alive: int
    all: int
    asked_at: datetime | None
    maybe: bool


async def asked(conn: Any, account_id: str, address_id: UUID, now: datetime) -> dict[str, set[str]]:
    """The questions that were put to an address, open or decided not long ago, each with the names of the senders that asked."""
    found: dict[str, set[str]] = {}
    for row in await conn.fetch(_ASKED, account_id, address_id, now - LATE_ANSWERS):
        found.setdefault(row["challenge_id"], set()).add(row["sender"])
    return found


async def lock_waiting(conn: Any, account_id: str, ids: Sequence[str]) -> dict[str, list[UUID]]:
    """Locks the notifications of questions that a decision would end."""
    waiting: dict[str, list[UUID]] = {}
    for row in await conn.fetch(_LOCK_WAITING, account_id, sorted(ids), list(WAITING)):
        waiting.setdefault(row["challenge_id"], []).append(row["notification_id"])
    return waiting


async def lock(conn: Any, account_id: str, ids: Sequence[str], *, only_free: bool = False) -> dict[str, Question]:
    """Locks questions, in the order of their ids, after the notifications that wait; `only_free`: those nobody else has locked."""
    rows = await conn.fetch(_LOCK_FREE if only_free else _LOCK, account_id, sorted(ids))
    return {row["challenge_id"]: Question(**row) for row in rows}


async def due(conn: Any, account_id: str, now: datetime, limit: int) -> list[str]:
    """The open questions that somebody is to look at. Not locked: looking locks."""
    return [row["challenge_id"] for row in await conn.fetch(_DUE, account_id, now, limit)]


async def messages(conn: Any, account_id: str, challenge_id: str) -> Messages:
    """What became of a question's notifications."""
    return Messages(**await conn.fetchrow(_MESSAGES, account_id, challenge_id, list(DEAD)))


async def unread_replies(conn: Any, account_id: str, until: datetime) -> bool:
    """Whether replies that came until then wait to be read. One that could not be read holds nobody up for long."""
    return await conn.fetchval(_UNREAD, account_id, until) is not None


async def looked(conn: Any, account_id: str, challenge_id: str, asked_at: datetime | None, again: datetime) -> None:
    """Nothing is to be decided yet: look again then, or when something changes."""
    await conn.execute(_LOOKED, account_id, challenge_id, asked_at, again)


async def look_again(conn: Any, account_id: str, notifications: Sequence[UUID]) -> None:
    """Something changed for these notifications: whoever decides looks at their open questions again."""
    if notifications:
        await conn.execute(_LOOK_AGAIN, account_id, list(notifications))


async def wrong_code(conn: Any, account_id: str, challenge_id: str) -> None:
    """Counts a wrong code."""
    await conn.execute(_WRONG_CODE, account_id, challenge_id)


async def ask_back(conn: Any, account_id: str, challenge_id: str, address_id: UUID, channel: str) -> None:
    """Notes that we are to ask back, once."""
    await conn.execute(_ASK_BACK, account_id, challenge_id, address_id, channel)


async def told_again(conn: Any, account_id: str, challenge_id: str) -> None:
    """Notes that a later answer which says something else was told."""
    await conn.execute(_TOLD_AGAIN, account_id, challenge_id)


async def made_sure(conn: Any, account_id: str, challenge_id: str, strength: str) -> None:
    """Notes that the answer was given again, and more surely."""
    await conn.execute(_MADE_SURE, account_id, challenge_id, strength)


async def answers_of_ours(conn: Any, account_id: str, address_id: UUID, template: str, since: datetime) -> int:
    """How often we have asked an address back since then."""
    count: int = await conn.fetchval(_ANSWERS_OF_OURS, account_id, address_id, template, since)
    return count
