"""Matters out of our own tables: facts as they were folded, and when each was settled. SQL that only reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import asyncpg
import structlog

from ingest_service.planning.planning import opened_fact
from ingest_service.rehearsing.simulation import Heard, Matter
from ingest_service.sealing import Sealer, UnsealableError

log = structlog.get_logger()

PAGE: Final = 2_000


@asynccontextmanager
async def reading(pool: asyncpg.Pool) -> AsyncIterator[Any]:
    """A connection in which the database itself refuses every write, with one view of everything that is read."""
    async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
        yield conn


async def count(conn: Any, account_id: str, since: datetime, until: datetime) -> int:
    """How many facts happened since then."""
    return int(await conn.fetchval(_COUNT, account_id, since, until))


async def matters(
    conn: Any, account_id: str, since: datetime, until: datetime, sealer: Sealer
) -> AsyncIterator[tuple[Matter, int]]:
    """The concerns that have a fact since then, whole, page by page; each with how many of its facts cannot be opened."""
    after = ""
    while concerns := [row["concern"] for row in await conn.fetch(_CONCERNS, account_id, since, until, after, PAGE)]:
        rows = await conn.fetch(_FACTS, account_id, concerns, until)
        for concern, group in groupby(rows, key=lambda row: str(row["concern"])):
            yield _matter(account_id, concern, list(group), until, sealer)
        after = concerns[-1]


def _matter(
    account_id: str, concern: str, rows: list[asyncpg.Record], until: datetime, sealer: Sealer
) -> tuple[Matter, int]:
    heard: list[Heard] = []
    for row in rows:
        try:
            heard.append(Heard(opened_fact(row, sealer), row["planned_at"] or until))
        except (UnsealableError, ValueError, TypeError, KeyError) as error:
            log.warning(
                "rehearsing.fact_unreadable",
                account_id=account_id,
                fact_key=row["fact_key"],
                error=type(error).__name__,
            )
    return Matter(account_id, concern, heard, rows[0]["settled_at"]), len(rows) - len(heard)


_COUNT = """
SELECT count(*) FROM fact WHERE account_id = $1 AND state IN ('planned', 'ready') AND occurred_at BETWEEN $2 AND $3
"""

_CONCERNS = """
SELECT DISTINCT concern FROM fact
WHERE account_id = $1 AND state IN ('planned', 'ready') AND occurred_at BETWEEN $2 AND $3 AND concern > $4
ORDER BY concern LIMIT $5
"""

# older facts of these concerns too: what they began goes on in the time that is rehearsed
_FACTS = """
SELECT f.account_id, f.fact_key, f.kind, f.concern, f.subject_id, f.customer_id, f.lane, f.occurred_at, f.amount, f.exponent, f.currency,
    f.event_id, f.data_key_id, f.details, f.planned_at, c.settled_at
FROM fact AS f LEFT JOIN concern AS c ON c.account_id = $1 AND c.concern = f.concern
WHERE f.account_id = $1 AND f.concern = ANY ($2::text[]) AND f.state IN ('planned', 'ready') AND f.occurred_at <= $3
ORDER BY f.concern, f.occurred_at, f.fact_key
"""
