"""Scans as a durable queue: rows (account, scan, day) with a fenced lease and a cursor. SQL only; the caller owns the transaction.

A lease uses the database's clock and is fenced by a random id: whoever lost it changes nothing any more. Times of day are
business time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

LEASE: Final = timedelta(seconds=120)
"""For one page with its bills, which wait their turn in the budget of reads."""


class Row(NamedTuple):
    """A day as the agenda sees it."""

    scan: str
    window: str
    due_at: datetime


class Progress(NamedTuple):
    """What a page came to: the cursor behind it, how many facts are told and how many were missed."""

    after: str
    told: int
    missed: int


async def open_rows(conn: Any, account_id: str) -> list[Row]:
    """The days that are open, but for what an event asked for."""
    rows = await conn.fetch(
        "SELECT scan, scan_window, due_at FROM scan WHERE account_id = $1 AND state = 'open' AND event_id IS NULL",
        account_id,
    )
    return [Row(row["scan"], row["scan_window"], row["due_at"]) for row in rows]


async def add(conn: Any, account_id: str, rows: Sequence[Row]) -> None:
    """Adds days; those that are there or were done stay as they are."""
    await conn.execute(
        """INSERT INTO scan (account_id, scan, scan_window, state, due_at)
           SELECT $1, w.scan, w.scan_window, 'open', w.due_at
           FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS w (scan, scan_window, due_at)
           ON CONFLICT DO NOTHING""",
        account_id,
        *map(list, zip(*sorted(rows), strict=True)),
    )


async def move(conn: Any, account_id: str, rows: Sequence[Row]) -> None:
    """Gives open days another time: the schedule was changed."""
    await conn.execute(
        """UPDATE scan s SET due_at = w.due_at
           FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS w (scan, scan_window, due_at)
           WHERE s.account_id = $1 AND s.scan = w.scan AND s.scan_window = w.scan_window AND s.state = 'open'""",
        account_id,
        *map(list, zip(*sorted(rows), strict=True)),
    )


async def drop(conn: Any, account_id: str, rows: Sequence[Row]) -> None:
    """Takes away open days of schedules that are no longer in force, unless somebody is at one of them."""
    await conn.execute(
        """DELETE FROM scan s USING unnest($2::text[], $3::text[]) AS w (scan, scan_window)
           WHERE s.account_id = $1 AND s.scan = w.scan AND s.scan_window = w.scan_window AND s.state = 'open'
             AND s.leased_until <= clock_timestamp()""",
        account_id,
        [row.scan for row in rows],
        [row.window for row in rows],
    )


async def want(conn: Any, account_id: str, wanted: Sequence[tuple[str, str, str, datetime]]) -> None:
    """Asks for a look at single things, once each: (scan, window, the event that asks, when it happened)."""
    await conn.execute(
        """INSERT INTO scan (account_id, scan, scan_window, event_id, state, due_at)
           SELECT $1, w.scan, w.scan_window, w.event_id, 'open', w.due_at
           FROM unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[]) AS w (scan, scan_window, event_id, due_at)
           ON CONFLICT DO NOTHING""",
        account_id,
        *map(list, zip(*sorted(wanted), strict=True)),
    )


async def accounts_with_due(conn: Any, accounts: Sequence[str], now: datetime) -> list[str]:
    """Which of these accounts have a scan that is due."""
    rows = await conn.fetch(
        """SELECT a.account_id FROM unnest($1::text[]) AS a (account_id)
           WHERE EXISTS (SELECT FROM scan s WHERE s.account_id = a.account_id AND s.state = 'open' AND s.due_at <= $2
                         AND s.leased_until <= clock_timestamp())""",
        list(accounts),
        now,
    )
    return [row["account_id"] for row in rows]


async def claim(conn: Any, accounts: Sequence[str], now: datetime, holder: UUID) -> Any | None:
    """Leases the scan that has been due longest; None where none is."""
    return await conn.fetchrow(
        """WITH due AS MATERIALIZED (
               SELECT q.* FROM unnest($1::text[]) AS a (account_id)
               CROSS JOIN LATERAL (
                   SELECT s.account_id, s.scan, s.scan_window, s.due_at FROM scan s
                   WHERE s.account_id = a.account_id AND s.state = 'open' AND s.due_at <= $2 AND s.leased_until <= clock_timestamp()
                   ORDER BY s.due_at, s.scan LIMIT 1
                   FOR UPDATE SKIP LOCKED
               ) q ORDER BY q.due_at LIMIT 1
           )
           UPDATE scan s SET lease = $3, leased_until = clock_timestamp() + $4::interval, tries = LEAST(s.tries + 1, 32000)
           FROM due WHERE s.account_id = due.account_id AND s.scan = due.scan AND s.scan_window = due.scan_window
           RETURNING s.*""",
        list(accounts), now, holder, LEASE,
    )  # fmt: skip


async def still_ours(conn: Any, row: Any, holder: UUID) -> bool:
    """Locks the row and tells whether the lease is still this holder's."""
    found = await conn.fetchval(
        """SELECT true FROM scan
           WHERE account_id = $1 AND scan = $2 AND scan_window = $3 AND lease = $4 AND (state = 'open') IS TRUE FOR UPDATE""",
        row["account_id"], row["scan"], row["scan_window"], holder,
    )  # fmt: skip
    return found is True


async def advance(conn: Any, row: Any, progress: Progress) -> None:
    """Moves the cursor behind a page and prolongs the lease; the row is locked and ours."""
    await conn.execute(
        """UPDATE scan SET after_id = $4, pages = pages + 1, told = told + $5, missed = missed + $6, tries = 0,
                  leased_until = clock_timestamp() + $7::interval
           WHERE account_id = $1 AND scan = $2 AND scan_window = $3""",
        row["account_id"], row["scan"], row["scan_window"], progress.after, progress.told, progress.missed, LEASE,
    )  # fmt: skip


async def finish(conn: Any, row: Any, now: datetime, reason: str | None = None) -> None:
    """Ends a scan for ever; the row is locked and ours."""
    await conn.execute(
        """UPDATE scan SET state = 'done', done_at = $4, reason = $5, lease = NULL, leased_until = '-infinity'
           WHERE account_id = $1 AND scan = $2 AND scan_window = $3""",
        row["account_id"], row["scan"], row["scan_window"], now, reason,
    )  # fmt: skip


async def release(conn: Any, row: Any, holder: UUID, reason: str, *, afresh: bool = False) -> None:
    """Gives a scan back, to be tried again a little later each time (at most 5 minutes); `afresh`: from its first page."""
    await conn.execute(
        """UPDATE scan SET lease = NULL, reason = $5, after_id = CASE WHEN $6 THEN '' ELSE after_id END,
                  leased_until = clock_timestamp() + LEAST(interval '1 second' * 2 ^ LEAST(tries, 9), interval '5 minutes')
           WHERE account_id = $1 AND scan = $2 AND scan_window = $3 AND lease = $4 AND (state = 'open') IS TRUE""",
        row["account_id"], row["scan"], row["scan_window"], holder, reason, afresh,
    )  # fmt: skip


async def next_due(conn: Any, accounts: Sequence[str], after: datetime) -> datetime | None:
    """When a scan is due next."""
    found: datetime | None = await conn.fetchval(
        "SELECT min(due_at) FROM scan WHERE account_id = ANY($1) AND state = 'open' AND due_at > $2",
        list(accounts),
        after,
    )
    return found
