"""Keeps the cancel of a concern and the intake of messages about it apart. SQL.

A cancel must see every message about its concern, and a row that is not committed yet cannot be seen. So intake holds a shared lock
on the concerns of its batch, and a cancel an exclusive one on its own: it waits for the batches under way, and the next ones see
its tombstone. Concerns share a fixed number of locks, so that a batch never needs more of the server's lock table.
"""

import datetime
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

LOCK_CLASS: Final = 7_230_931
BUCKETS: Final = 64


def bucket(account_id: str, caller: str, concern: str) -> int:
    """Which of the locks a concern has."""
    return zlib.crc32(f"{account_id}\x00{caller}\x00{concern}".encode()) % BUCKETS


async def share(conn: Any, account_id: str, concerns: Iterable[tuple[str, str]]) -> datetime.date:
    """Waits for cancels of these (caller, concern); gives the UTC day by the database's clock, so that it costs one statement."""
    buckets: Sequence[int] = sorted({bucket(account_id, caller, concern) for caller, concern in concerns})
    today: datetime.date = await conn.fetchval(
        """SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date
           FROM (SELECT count(pg_advisory_xact_lock_shared($1, b)) AS held FROM unnest($2::int[]) AS b) l WHERE l.held >= 0""",
        LOCK_CLASS,
        buckets,
    )
    return today


async def hold(conn: Any, account_id: str, caller: str, concern: str) -> None:
    """Waits for the batches under way and holds back the next ones, until the transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock($1, $2)", LOCK_CLASS, bucket(account_id, caller, concern))
