"""Measures what waits: for the meters, and for whoever moves the clock. SQL."""

from collections.abc import Sequence
from typing import Any, Final

from ingest_service.clock import Clock
from ingest_service.folding import fact_store
from ingest_service.metrics import Metrics
from ingest_service.scanning import scan_queue
from ingest_service.submitting import step_queue

QUEUES: Final = {
    "event": "SELECT count(*), extract(epoch FROM clock_timestamp() - min(received_at)) FROM event WHERE account_id = $1 AND state = 'received'",
    "fact": "SELECT count(*), extract(epoch FROM $2::timestamptz - min(due_at)) FROM fact WHERE account_id = $1 AND state = 'ready'",
    "step": "SELECT count(*), extract(epoch FROM $2::timestamptz - min(due_at)) FROM step "
    "WHERE account_id = $1 AND state IN ('waiting', 'frozen') AND due_at <= $2",
    "decision": "SELECT count(*), extract(epoch FROM now() - min(recorded_at)) FROM decision WHERE account_id = $1 AND state = 'waiting'",
    "person": "SELECT count(*), extract(epoch FROM now() - min(recorded_at)) FROM decision "
    "WHERE account_id = $1 AND state IN ('held', 'failed')",
    "scan": "SELECT count(*), extract(epoch FROM $2::timestamptz - min(due_at)) FROM scan "
    "WHERE account_id = $1 AND state = 'open' AND due_at <= $2",
    "webhook": "SELECT count(*), extract(epoch FROM now() - min(recorded_at)) FROM webhook_call WHERE account_id = $1 AND state = 'waiting'",
    "webhook_set_aside": "SELECT count(*), extract(epoch FROM now() - min(recorded_at)) FROM webhook_call "
    "WHERE account_id = $1 AND state = 'set_aside'",
    "cancel": "SELECT count(*), extract(epoch FROM now() - min(recorded_at)) FROM cancel WHERE account_id = $1 AND state = 'waiting'",
}


async def measure(pool: Any, clock: Clock, metrics: Metrics, names: Sequence[str]) -> None:
    """Sets the gauges of what waits and for how long."""
    now = clock.now()
    async with pool.acquire() as conn:
        for account_id in names:
            for queue, statement in QUEUES.items():
                arguments = (account_id, now) if "$2" in statement else (account_id,)
                count, age = await conn.fetchrow(statement, *arguments)
                metrics.waiting.labels(account_id, queue).set(count)
                metrics.oldest.labels(account_id, queue).set(max(0.0, float(age or 0)))
            aside = await conn.fetchval(
                "SELECT count(*) FROM event WHERE account_id = $1 AND state = 'set_aside'", account_id
            )
            metrics.set_aside.labels(account_id).set(aside)


async def next_due(pool: Any, clock: Clock, names: Sequence[str]) -> dict[str, Any]:
    """When something is due next, in business time: a message or fact, and apart from them a scan, which may find nothing.

    Whoever moves the clock sees by the number of facts whether a scan found anything.
    """
    now, accounts = clock.now(), list(names)
    async with pool.acquire() as conn:
        moments = [await step_queue.next_due(conn, accounts), await fact_store.next_due(conn, accounts, now)]
        scan = await scan_queue.next_due(conn, accounts, now)
        looking = await conn.fetchval(
            "SELECT count(*) FROM scan WHERE account_id = ANY($1) AND state = 'open' AND due_at <= $2", accounts, now
        )
        facts = await conn.fetchval(
            "SELECT count(*) FROM fact WHERE account_id = ANY($1) AND state <> 'dropped'", accounts
        )
    due = min((moment for moment in moments if moment is not None), default=None)
    return {
        "next_due_at": due.isoformat() if due is not None else None,
        "next_scan_at": scan.isoformat() if scan is not None else None,
        "scans_due": looking,
        "facts": facts,
    }
