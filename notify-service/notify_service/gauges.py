"""Measures what waits: for the meters, and for whoever moves the clock. SQL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notify_service.accounts import Account
from notify_service.clock import Clock
from notify_service.metrics import Metrics


async def measure(pool: Any, clock: Clock, metrics: Metrics, accounts: Mapping[str, Account]) -> None:
    """Sets the gauges of what waits and for how long."""
    now = clock.now()
    async with pool.acquire() as conn:
        for account_id in accounts:
            rows = await conn.fetch(
                """SELECT state, count(*) AS number FROM notification
                   WHERE account_id = $1 AND state IN ('queued', 'sending', 'unresolved', 'held') GROUP BY state""",
                account_id,
            )
            counts = {row["state"]: row["number"] for row in rows}
            for state in ("queued", "sending", "unresolved", "held"):
                metrics.waiting.labels(account_id, state).set(counts.get(state, 0))
            oldest = await conn.fetch(
                "SELECT lane, min(due_at) AS due FROM notification WHERE account_id = $1 AND state = 'queued' GROUP BY lane",
                account_id,
            )
            ages = {row["lane"]: max(0.0, (now - row["due"]).total_seconds()) for row in oldest}
            for lane in (1, 2, 3, 4):
                metrics.oldest.labels(account_id, str(lane)).set(ages.get(lane, 0.0))
            rows = await conn.fetch(
                "SELECT state, count(*) AS number FROM inbound WHERE account_id = $1 AND state <> 'done' GROUP BY state",
                account_id,
            )
            counts = {row["state"]: row["number"] for row in rows}
            for state in ("received", "undated", "set_aside"):
                metrics.replies_waiting.labels(account_id, state).set(counts.get(state, 0))
            open_questions = await conn.fetchval(
                "SELECT count(*) FROM challenge WHERE account_id = $1 AND state = 'open'", account_id
            )
            metrics.challenges_open.labels(account_id).set(open_questions)


async def next_due(pool: Any, clock: Clock, accounts: Mapping[str, Account]) -> datetime | None:
    """When the next notification that still waits is due, or the time of the next open question is over, in business time."""
    async with pool.acquire() as conn:
        due: datetime | None = await conn.fetchval(
            """SELECT least(
                   (SELECT min(due_at) FROM notification WHERE account_id = ANY($1) AND state = 'queued' AND due_at > $2),
                   (SELECT min(look_at) FROM challenge WHERE account_id = ANY($1) AND state = 'open' AND look_at > $2))""",
            list(accounts),
            clock.now(),
        )
    return due
