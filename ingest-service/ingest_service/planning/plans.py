"""Ending plans: a concern is settled, or a plan has nothing left to say. SQL only; the caller owns the transaction.

Locks are taken in one order everywhere: facts, then concerns ascending, then steps by (plan, number), then plans, then cancels.
Whoever settles does it last in the transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg


class Settlement(NamedTuple):
    """A concern that is over: known at `as_of` (business time), because of `by` (a fact or an event)."""

    concern: str
    as_of: datetime
    by: str


async def settle(conn: asyncpg.Connection, account_id: str, concern: str, as_of: datetime, by: str) -> None:
    """Settles one concern; see settle_many."""
    await settle_many(conn, account_id, [Settlement(concern, as_of, by)])


async def settle_many(conn: asyncpg.Connection, account_id: str, settlements: Sequence[Settlement]) -> None:
    """Marks concerns settled, closes their open plans, cancels what has not been handed to notify, tells notify of the rest.

    A concern that is settled stays as it was settled first: what was said then is not said again at each later event of it.
    What is part of a concern is settled with it. Repeating is harmless. Five statements, whatever the number.
    `as_of` is the business time at which we knew; the cancel that goes to notify is dated after every look at the truth that
    let a request through, so that none of them can arrive after it and be sent.
    """
    if not settlements:
        return
    latest = {
        each.concern: each for each in sorted(settlements, key=lambda each: each.as_of, reverse=True)
    }  # the earliest wins
    ordered = [latest[concern] for concern in sorted(latest)]
    columns = [each.concern for each in ordered], [each.as_of for each in ordered], [each.by for each in ordered]
    newly = {row["concern"] for row in await conn.fetch(_SETTLE_CONCERNS, account_id, *columns)}
    each_of = [each for each in ordered if each.concern in newly]
    if not each_of:
        return
    parts = await conn.fetch(_OPEN_PARTS, account_id, [each.concern for each in each_of])
    await settle_many(conn, account_id, [latest[row["part_of"]]._replace(concern=row["concern"]) for row in parts])
    concerns, times = [each.concern for each in each_of], [each.as_of for each in each_of]
    await conn.execute(
        _CANCEL_STEPS, account_id, concerns, [f"the matter was settled by {each.by}" for each in each_of]
    )
    await conn.execute(_CLOSE_PLANS, account_id, concerns, times)
    await conn.execute(_RAISE_CANCELS, account_id, concerns, times)


async def close_finished(conn: asyncpg.Connection, account_id: str, plan_ids: Sequence[UUID], now: datetime) -> None:
    """Closes the open ones of these plans that have no message left to send and none under way."""
    await conn.execute(_CLOSE_FINISHED, account_id, sorted(set(plan_ids)), now)


_SETTLE_CONCERNS = """
INSERT INTO concern AS c (account_id, concern, state, opened_at, settled_at, settled_by)
SELECT $1, s.concern, 'settled', s.as_of, s.as_of, s.settled_by
FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS s (concern, as_of, settled_by)
ORDER BY s.concern
ON CONFLICT (account_id, concern) DO UPDATE
SET state = 'settled', settled_at = EXCLUDED.settled_at, settled_by = EXCLUDED.settled_by, updated_at = now()
WHERE c.state = 'open'
RETURNING concern
"""

# whoever plans such a part holds the whole of it first, so none is opened meanwhile
_OPEN_PARTS = (
    "SELECT concern, part_of FROM concern WHERE account_id = $1 AND part_of = ANY ($2::text[]) AND state = 'open'"
)

_CANCEL_STEPS = """
WITH ended AS MATERIALIZED (
    SELECT plan_id, number, concern FROM step
    WHERE account_id = $1 AND concern = ANY ($2::text[]) AND (state IN ('waiting', 'frozen')) IS TRUE
    ORDER BY plan_id, number
    FOR UPDATE
)
UPDATE step
SET state = 'cancelled', reason = why.reason, due_at = NULL, updated_at = now()
FROM ended JOIN unnest($2::text[], $3::text[]) AS why (concern, reason) USING (concern)
WHERE step.account_id = $1 AND step.plan_id = ended.plan_id AND step.number = ended.number
"""

_CLOSE_PLANS = """
UPDATE plan SET state = 'settled', closed_at = GREATEST(s.as_of, plan.opened_at)
FROM unnest($2::text[], $3::timestamptz[]) AS s (concern, as_of)
WHERE plan.account_id = $1 AND plan.concern = s.concern AND plan.state = 'open'
"""

# Only what notify may hold needs a word to notify: a step whose truth was read has been frozen, and may have left.
_RAISE_CANCELS = """
INSERT INTO cancel AS c (account_id, concern, as_of, state)
SELECT $1, s.concern, GREATEST(s.as_of, held.last_read + interval '1 millisecond'), 'waiting'
FROM unnest($2::text[], $3::timestamptz[]) AS s (concern, as_of)
JOIN LATERAL (
    SELECT max(truth_read_at) AS last_read FROM step
    WHERE account_id = $1 AND step.concern = s.concern AND state IN ('submitted', 'cancelled') AND truth_read_at IS NOT NULL
) AS held ON held.last_read IS NOT NULL
ORDER BY s.concern
ON CONFLICT (account_id, concern) DO UPDATE
SET as_of = EXCLUDED.as_of, state = 'waiting', due_at = '-infinity', tries = 0
WHERE c.as_of < EXCLUDED.as_of
"""

_CLOSE_FINISHED = """
UPDATE plan SET state = 'done', closed_at = GREATEST($3::timestamptz, opened_at)
WHERE account_id = $1 AND plan_id = ANY ($2::uuid[]) AND (state = 'open') IS TRUE AND NOT EXISTS (
    SELECT FROM step
    WHERE step.account_id = $1 AND step.plan_id = plan.plan_id AND step.state IN ('waiting', 'frozen', 'submitted'))
"""
