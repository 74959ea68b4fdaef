"""Calls of webhooks as a durable queue: stored once, claimed with a lease, ended by whoever holds it. SQL only.

A lease uses the database's clock and is fenced by a random id: whoever lost it changes nothing any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from ingest_service.planning import plans
from ingest_service.webhooks.call import Call

LEASE: Final = timedelta(seconds=30)


async def queue(conn: asyncpg.Connection, account_id: str, calls: Sequence[Call]) -> None:
    """Keeps calls that are new, in the caller's transaction: what decided them and they stand or fall together."""
    for call in sorted(calls, key=lambda call: (call.plan_id.bytes, call.cause)):
        await conn.execute(
            _QUEUE, account_id, call.plan_id, call.cause, call.call_id, call.webhook, call.body, call.asked_at
        )


async def claim(conn: asyncpg.Connection, account_ids: Sequence[str], most: int, holder: UUID) -> list[asyncpg.Record]:
    """Leases calls that are due; counts the try."""
    return list(await conn.fetch(_CLAIM, account_ids, most, holder, LEASE))


async def done(conn: asyncpg.Connection, row: Any, holder: UUID, now: datetime) -> bool:
    """Ends a call that was answered; False where the lease was lost."""
    if await conn.execute(_DONE, row["account_id"], row["call_id"], holder, now) != "UPDATE 1":
        return False
    await _end_step(conn, row, "sent", None, now)
    return True


async def failed(
    conn: asyncpg.Connection, row: Any, holder: UUID, reason: str, give_up_after: timedelta, now: datetime
) -> str | None:
    """Puts a call off, a little longer each time (at most an hour), or sets it aside where that has gone on for long enough.

    Tells its state, None where the lease was lost.
    """
    state: str | None = await conn.fetchval(
        _FAILED, row["account_id"], row["call_id"], holder, reason, give_up_after, now
    )
    if state == "set_aside":
        await _end_step(conn, row, "failed", reason, now)
    return state


async def again(conn: asyncpg.Connection, account_id: str, call_id: str) -> bool:
    """Lets a call that was set aside be made again, for as long as a new one; False where none is."""
    row = await conn.fetchrow(_AGAIN, account_id, call_id)
    return row is not None


async def set_aside(conn: asyncpg.Connection, account_ids: Sequence[str], most: int) -> list[asyncpg.Record]:
    """What was given up, the oldest first."""
    return list(await conn.fetch(_SET_ASIDE, account_ids, most))


async def _end_step(conn: asyncpg.Connection, row: Any, state: str, reason: str | None, now: datetime) -> None:
    kind, _, number = row["cause"].partition(":")
    if kind != "step":
        return
    await conn.execute(_STEP, row["account_id"], row["plan_id"], int(number), state, reason)
    await plans.close_finished(conn, row["account_id"], [row["plan_id"]], now)


_QUEUE = """
INSERT INTO webhook_call (account_id, plan_id, cause, call_id, webhook, body, asked_at, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting') ON CONFLICT DO NOTHING
"""

_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT d.* FROM unnest($1::text[]) AS a (account_id)
    CROSS JOIN LATERAL (
        SELECT webhook_call.account_id, plan_id, cause FROM webhook_call
        WHERE webhook_call.account_id = a.account_id AND state = 'waiting' AND due_at <= clock_timestamp()
            AND leased_until <= clock_timestamp()
        ORDER BY due_at, plan_id, cause LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS d
)
UPDATE webhook_call AS w SET lease = $3, leased_until = clock_timestamp() + $4::interval, tries = LEAST(tries + 1, 32000)
FROM due WHERE w.account_id = due.account_id AND w.plan_id = due.plan_id AND w.cause = due.cause
RETURNING w.account_id, w.plan_id, w.cause, w.call_id, w.webhook, w.body, w.tries
"""

_DONE = """
UPDATE webhook_call SET state = 'done', reason = NULL, ended_at = $4, lease = NULL, leased_until = '-infinity'
WHERE account_id = $1 AND call_id = $2 AND lease = $3 AND (state = 'waiting') IS TRUE
"""

_FAILED = """
UPDATE webhook_call SET lease = NULL, leased_until = '-infinity', reason = $4,
    state = CASE WHEN clock_timestamp() - recorded_at >= $5::interval THEN 'set_aside' ELSE 'waiting' END,
    ended_at = CASE WHEN clock_timestamp() - recorded_at >= $5::interval THEN $6::timestamptz END,
    due_at = clock_timestamp() + LEAST(interval '2 seconds' * 2 ^ LEAST(tries, 12) * (0.75 + random() / 2), interval '1 hour')
WHERE account_id = $1 AND call_id = $2 AND lease = $3 AND (state = 'waiting') IS TRUE
RETURNING state
"""

_AGAIN = """
UPDATE webhook_call SET state = 'waiting', tries = 0, due_at = '-infinity', ended_at = NULL, recorded_at = now()
WHERE account_id = $1 AND call_id = $2 AND state = 'set_aside' RETURNING call_id
"""

_SET_ASIDE = """
SELECT s.* FROM unnest($1::text[]) AS a (account_id)
CROSS JOIN LATERAL (
    SELECT account_id, call_id, webhook, cause, reason, tries, ended_at FROM webhook_call
    WHERE webhook_call.account_id = a.account_id AND state = 'set_aside' ORDER BY recorded_at LIMIT $2
) AS s
"""

_STEP = """
UPDATE step SET state = $4, reason = $5, due_at = NULL, updated_at = now()
WHERE account_id = $1 AND plan_id = $2 AND number = $3 AND state IN ('submitted', 'failed')
"""
