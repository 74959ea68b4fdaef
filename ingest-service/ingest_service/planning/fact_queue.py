"""Facts that are ready to be planned, as a durable queue. SQL only; a claim holds its rows for the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

LANE_SHARES: Final = {1: 100, 2: 100, 3: 100, 4: 50}
"""At most so many facts of a lane in one claim of an account: the floor of the others."""

MOST_TRIES: Final = 8


class Planned(NamedTuple):
    """A fact that has been planned; the reason says why it made no message, if it made none."""

    fact_key: str
    reason: str | None


class Failed(NamedTuple):
    """A fact that could not be planned now."""

    fact_key: str
    reason: str


async def claim(conn: asyncpg.Connection, account_ids: Sequence[str], now: datetime) -> list[asyncpg.Record]:
    """Locks facts that are ready and due, lane by lane and the oldest first; what another planner holds is passed over."""
    return list(await conn.fetch(_CLAIM, account_ids, list(LANE_SHARES), list(LANE_SHARES.values()), now))


async def mark_planned(
    conn: asyncpg.Connection, account_id: str, facts: Sequence[Planned], *, epoch: int, rules_hash: bytes, now: datetime
) -> None:
    """Marks facts planned, for ever."""
    keys, reasons = [fact.fact_key for fact in facts], [fact.reason for fact in facts]
    await conn.execute(_PLANNED, account_id, keys, reasons, epoch, rules_hash, now)


async def put_off(conn: asyncpg.Connection, account_id: str, facts: Sequence[Failed]) -> None:
    """Puts facts off that could not be planned; after MOST_TRIES they are dropped with their reason, visible in the story."""
    keys, reasons = [fact.fact_key for fact in facts], [fact.reason for fact in facts]
    await conn.execute(_PUT_OFF, account_id, keys, reasons, MOST_TRIES)


_CLAIM = """
SELECT f.* FROM unnest($1::text[]) AS a (account_id)
CROSS JOIN unnest($2::smallint[], $3::integer[]) AS l (lane, share)
CROSS JOIN LATERAL (
    SELECT fact.account_id, fact_key, kind, concern, subject_id, customer_id, fact.lane, occurred_at, amount, exponent, currency,
        event_id, data_key_id, details
    FROM fact
    WHERE fact.account_id = a.account_id AND fact.lane = l.lane AND state = 'ready' AND due_at <= $4
        AND leased_until <= clock_timestamp()
    ORDER BY due_at, fact_key
    LIMIT l.share
    FOR UPDATE SKIP LOCKED
) AS f
"""

# by key, never by way of the open queue: see submitting/step_queue.py
_PLANNED = """
UPDATE fact SET state = 'planned', due_at = NULL, reason = p.reason, rules_epoch = $4, rules_hash = $5, planned_at = $6
FROM unnest($2::text[], $3::text[]) AS p (fact_key, reason)
WHERE fact.account_id = $1 AND fact.fact_key = p.fact_key AND (fact.state = 'ready') IS TRUE
"""

_PUT_OFF = """
UPDATE fact SET tries = tries + 1, reason = p.reason,
    leased_until = clock_timestamp() + LEAST(interval '1 second' * 2 ^ tries, interval '5 minutes'),
    state = CASE WHEN tries + 1 >= $4 THEN 'dropped' ELSE state END,
    due_at = CASE WHEN tries + 1 >= $4 THEN NULL ELSE due_at END
FROM unnest($2::text[], $3::text[]) AS p (fact_key, reason)
WHERE fact.account_id = $1 AND fact.fact_key = p.fact_key AND (fact.state = 'ready') IS TRUE
"""
