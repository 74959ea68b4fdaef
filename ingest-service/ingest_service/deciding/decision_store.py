"""Decisions as a durable queue: received once, claimed with a lease, ended by whoever holds it. SQL only; the caller owns the transaction.

A lease uses the database's clock and is fenced by a random id: whoever lost it changes nothing any more. Questions are locked before
their decisions, and both before facts, concerns and steps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from ingest_service.deciding import audit, question_store
from ingest_service.deciding.audit import Entry
from ingest_service.planning.answers import GIVEN, SURE, Action, Answer, Strength

LEASE: Final = timedelta(seconds=90)
"""Longer than a decision takes where Stripe answers. Where every call runs into its 16 s another replica may take over: it repeats the same
calls with the same keys, and whoever lost the lease writes nothing."""


@dataclass(frozen=True, slots=True)
class Received:
    """An answer as notify tells it, or the want of one. `said_by`: recipient, notify, paybell."""

    challenge_id: str
    answer: Answer
    strength: Strength
    channel: str
    provider_sid: str
    answered_at: datetime
    said_by: str = "recipient"


async def receive(conn: asyncpg.Connection, account_id: str, answers: Iterable[Received], now: datetime) -> int:
    """Keeps each answer, the first to a question as its decision; tells how many decisions it made or opened again.

    A further answer that says the same changes nothing, unless the word alone was given before and it has the code: then it stands in
    the first one's place. One that says something else, or that comes after nobody answered, opens the decision again, for a person:
    nothing of ours weighs one word against another. An answer to no question of ours is left out.
    """
    by_question: dict[str, list[Received]] = {}
    for each in answers:
        by_question.setdefault(each.challenge_id, []).append(each)
    if not by_question:
        return 0
    await audit.lock(conn, account_id, list(by_question))
    known = sorted(row["challenge_id"] for row in await conn.fetch(_KNOWN, account_id, list(by_question)))
    made = 0
    for challenge_id in known:
        for each in by_question[challenge_id]:
            made += await _receive(conn, account_id, each, now)
    await question_store.close(conn, account_id, known, "answered")
    return made


async def _receive(conn: asyncpg.Connection, account_id: str, each: Received, now: datetime) -> bool:
    told = {
        "answer": each.answer, "strength": each.strength, "code_ok": each.strength == Strength.CODED, "channel": each.channel,
        "sid": each.provider_sid, "answered_at": each.answered_at.isoformat(timespec="seconds"),
    }  # fmt: skip
    row = await conn.fetchrow(
        _RECEIVE, account_id, each.challenge_id, each.answer, each.strength, each.channel, each.provider_sid, each.answered_at
    )  # fmt: skip
    if row is not None:
        await audit.append(conn, account_id, each.challenge_id, [Entry("answered", each.said_by, told)], now)
        return True
    before = await conn.fetchrow(_ANSWER, account_id, each.challenge_id)
    if each.answer not in GIVEN:
        return False
    if each.answer == before["answer"]:
        news = each.strength in SURE and await _make_sure(conn, account_id, each)
    else:
        news = each.answer != before["further"]
        if news:
            await conn.execute(_FURTHER, account_id, each.challenge_id, each.answer)
    if news:
        await audit.append(conn, account_id, each.challenge_id, [Entry("further_answer", each.said_by, told)], now)
    return news


async def _make_sure(conn: asyncpg.Connection, account_id: str, each: Received) -> bool:
    """Puts an answer with its code in the place of the word alone, where nothing was done about that; whether it did."""
    done = await conn.execute(
        _SURELY, account_id, each.challenge_id, each.strength, each.channel, each.provider_sid, each.answered_at
    )
    return bool(done == "UPDATE 1")


async def accounts_with_due(conn: asyncpg.Connection, account_ids: Sequence[str]) -> list[str]:
    """Which of these accounts have a decision that is due."""
    return [row["account_id"] for row in await conn.fetch(_WITH_DUE, account_ids)]


async def claim(conn: asyncpg.Connection, account_ids: Sequence[str], most: int, holder: UUID) -> list[asyncpg.Record]:
    """Leases decisions that are due, with their questions and plans; counts the try."""
    return list(await conn.fetch(_CLAIM, account_ids, most, holder, LEASE))


async def begin(
    conn: asyncpg.Connection, account_id: str, challenge_id: str, holder: UUID, calls: Sequence[dict[str, Any]]
) -> bool:
    """Stores what Stripe is about to be asked; False where the lease was lost, and then nothing may be asked."""
    done = await conn.execute(_BEGIN, account_id, challenge_id, holder, orjson.dumps(calls).decode(), LEASE)
    return bool(done == "UPDATE 1")


async def put_off(conn: asyncpg.Connection, account_id: str, challenge_id: str, holder: UUID, reason: str) -> bool:
    """Gives a decision back, to be tried again a little later each time (at most 5 minutes); whether it was still held."""
    return bool(await conn.execute(_PUT_OFF, account_id, challenge_id, holder, reason) == "UPDATE 1")


async def end(
    conn: asyncpg.Connection, account_id: str, challenge_id: str, holder: UUID, *, state: str, outcome: str, reason: str,
    further: str | None, now: datetime,
) -> bool:  # fmt: skip
    """Ends a decision; False where the lease was lost. One that another answer contradicted meanwhile stays open for that."""
    done = await conn.execute(_END, account_id, challenge_id, holder, state, outcome, reason, further, now)
    return bool(done == "UPDATE 1")


async def decide_by_person(
    conn: asyncpg.Connection, account_id: str, challenge_id: str, actions: Sequence[Action], operator: str, now: datetime
) -> bool:  # fmt: skip
    """Opens a held decision again with what a person decided; False where none is held."""
    await audit.lock(conn, account_id, [challenge_id])
    done = await conn.execute(_BY_PERSON, account_id, challenge_id, [str(action) for action in actions])
    if done != "UPDATE 1":
        return False
    entry = Entry("person", f"operator:{operator}", {"do": list(actions)})
    await audit.append(conn, account_id, challenge_id, [entry], now)
    return True


async def held(conn: asyncpg.Connection, account_ids: Sequence[str], most: int) -> list[asyncpg.Record]:
    """What waits for a person, the oldest first."""
    return list(await conn.fetch(_HELD, account_ids, most))


_KNOWN = "SELECT challenge_id FROM question WHERE account_id = $1 AND challenge_id = ANY ($2::text[])"

_RECEIVE = """
INSERT INTO decision (account_id, challenge_id, answer, strength, channel, provider_sid, answered_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting')
ON CONFLICT DO NOTHING RETURNING challenge_id
"""
_ANSWER = "SELECT answer, further FROM decision WHERE account_id = $1 AND challenge_id = $2 FOR UPDATE"
_FURTHER = """
UPDATE decision SET further = $3, state = 'waiting', outcome = NULL, due_at = '-infinity', tries = 0
WHERE account_id = $1 AND challenge_id = $2
"""
# Whoever judges the word alone right now loses the lease by it, and stores neither calls nor an end.
_SURELY = """
UPDATE decision SET strength = $3, channel = $4, provider_sid = $5, answered_at = $6, state = 'waiting', outcome = NULL,
    due_at = '-infinity', tries = 0, lease = NULL, leased_until = '-infinity'
WHERE account_id = $1 AND challenge_id = $2 AND strength = 'bare' AND state IN ('waiting', 'held')
    AND further IS NULL AND chosen IS NULL AND calls IS NULL
"""

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT d.* FROM unnest($1::text[]) AS a (account_id)
    CROSS JOIN LATERAL (
        SELECT decision.account_id, challenge_id FROM decision
        WHERE decision.account_id = a.account_id AND state = 'waiting' AND due_at <= clock_timestamp()
            AND leased_until <= clock_timestamp()
        ORDER BY due_at, challenge_id LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS d
), taken AS (
    UPDATE decision SET lease = $3, leased_until = clock_timestamp() + $4::interval, tries = LEAST(tries + 1, 32000)
    FROM due WHERE decision.account_id = due.account_id AND decision.challenge_id = due.challenge_id
    RETURNING decision.*
)
SELECT t.answer, t.strength, t.answered_at, t.further, t.chosen, t.generation, t.calls, t.tries, q.*,
    p.variables, p.data_key_id AS variables_key_id, p.lane, c.state = 'settled' OR EXISTS (
        SELECT FROM question AS o WHERE o.account_id = q.account_id AND o.plan_id = q.plan_id AND o.state = 'open'
    ) OR EXISTS (
        SELECT FROM step WHERE step.account_id = q.account_id AND step.plan_id = q.plan_id AND step.state IN ('waiting', 'frozen')
    ) AS others
FROM taken AS t
JOIN question AS q ON q.account_id = t.account_id AND q.challenge_id = t.challenge_id
JOIN concern AS c ON c.account_id = q.account_id AND c.concern = q.concern
JOIN plan AS p ON p.account_id = q.account_id AND p.plan_id = q.plan_id
ORDER BY q.account_id, q.challenge_id
"""

_WITH_DUE = """
SELECT a.account_id FROM unnest($1::text[]) AS a (account_id)
WHERE EXISTS (SELECT FROM decision WHERE decision.account_id = a.account_id AND state = 'waiting' AND due_at <= clock_timestamp()
    AND leased_until <= clock_timestamp())
"""

_BEGIN = """
UPDATE decision SET calls = $4::jsonb, leased_until = clock_timestamp() + $5::interval
WHERE account_id = $1 AND challenge_id = $2 AND lease = $3 AND (state = 'waiting') IS TRUE
"""
_PUT_OFF = """
UPDATE decision SET lease = NULL, leased_until = '-infinity', reason = $4,
    due_at = clock_timestamp() + LEAST(interval '500 milliseconds' * 2 ^ LEAST(tries, 12) * (0.75 + random() / 2), interval '5 minutes')
WHERE account_id = $1 AND challenge_id = $2 AND lease = $3 AND (state = 'waiting') IS TRUE
"""
_END = """
UPDATE decision SET lease = NULL, leased_until = '-infinity', reason = $6, decided_at = $8, due_at = '-infinity',
    state = CASE WHEN further IS DISTINCT FROM $7 THEN 'waiting' ELSE $4 END,
    outcome = CASE WHEN further IS DISTINCT FROM $7 THEN NULL ELSE $5 END
WHERE account_id = $1 AND challenge_id = $2 AND lease = $3 AND (state = 'waiting') IS TRUE
"""
_BY_PERSON = """
UPDATE decision SET chosen = $3::text[], generation = generation + 1, further = NULL, calls = NULL, state = 'waiting', outcome = NULL,
    due_at = '-infinity', tries = 0
WHERE account_id = $1 AND challenge_id = $2 AND state IN ('held', 'failed')
"""
_HELD = """
SELECT d.account_id, d.challenge_id, d.answer, d.strength, d.state, d.reason, d.decided_at, q.concern, q.flow, q.payment_intent, q.charge_id,
    q.amount, q.currency, q.standing, q.asked_at
FROM unnest($1::text[]) AS a (account_id)
CROSS JOIN LATERAL (
    SELECT * FROM decision WHERE decision.account_id = a.account_id AND state IN ('held', 'failed') ORDER BY recorded_at LIMIT $2
) AS d
JOIN question AS q ON q.account_id = d.account_id AND q.challenge_id = d.challenge_id
"""
