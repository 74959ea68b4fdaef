"""Which accounts have facts to plan, and facts that cannot be planned until a person does something. SQL only."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg


async def accounts_with_ready(conn: asyncpg.Connection, account_ids: Sequence[str], now: datetime) -> list[str]:
    """The accounts that have facts to plan, in no order. A lone account is not asked about."""
    if len(account_ids) == 1:
        return list(account_ids)
    return [row["account_id"] for row in await conn.fetch(_WITH_READY, account_ids, now)]


async def let_wait(conn: asyncpg.Connection, account_id: str, facts: Sequence[str], reason: str) -> None:
    """Lets facts wait half a minute, as often as it takes: no try is counted, for it is not their fault."""
    if facts:
        await conn.execute(_LET_WAIT, account_id, facts, reason)


_WITH_READY = """
SELECT a.account_id FROM unnest($1::text[]) AS a (account_id)
WHERE EXISTS (SELECT FROM unnest('{1,2,3,4}'::smallint[]) AS l (lane) CROSS JOIN LATERAL (
    SELECT FROM fact WHERE fact.account_id = a.account_id AND fact.lane = l.lane AND fact.state = 'ready' AND fact.due_at <= $2
        AND fact.leased_until <= clock_timestamp()
    LIMIT 1) AS ready)
ORDER BY random()
"""

_LET_WAIT = """
UPDATE fact SET reason = $3, leased_until = clock_timestamp() + interval '30 seconds'
FROM unnest($2::text[]) AS w (fact_key)
WHERE fact.account_id = $1 AND fact.fact_key = w.fact_key AND (fact.state = 'ready') IS TRUE
"""
