"""What callers are told later: stored with the change it tells of, leased when pulled, given again until acknowledged. SQL."""

import datetime
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from notify_service.delivery.ports import NewOutcome
from notify_service.intake.request import OWN

LEASE = datetime.timedelta(seconds=60)


@dataclass(frozen=True)
class Feed:
    """The feed of outcomes; ``told`` is called after rows were added (the transaction may still be open)."""

    told: Callable[[], None] = field(default=lambda: None)

    async def add(self, conn: Any, rows: Sequence[NewOutcome]) -> None:
        """Stores outcomes in the caller's transaction; what became of notify's own messages is told to nobody."""
        rows = [row for row in rows if not row.request_id.startswith(OWN)]
        if not rows:
            return
        written = [
            (
                uuid.uuid4(), row.caller, row.kind, row.notification_id, row.request_id, row.round, row.concern,
                orjson.dumps(dict(row.payload)).decode(), row.occurred_at,
            )
            for row in rows
        ]  # fmt: skip
        await conn.execute(
            """INSERT INTO outcome (account_id, outcome_id, caller, kind, notification_id, request_id, round, concern, payload, occurred_at)
               SELECT w.account_id, w.outcome_id, w.caller, w.kind, w.notification_id, w.request_id, w.round, w.concern, w.payload, w.occurred_at
               FROM unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::int[], $8::text[], $9::jsonb[],
                           $10::timestamptz[])
                    AS w (account_id, outcome_id, caller, kind, notification_id, request_id, round, concern, payload, occurred_at)""",
            [row.account_id for row in rows],
            *map(list, zip(*written, strict=True)),
        )
        self.told()


async def pull(conn: Any, caller: str, accounts: Sequence[str], kinds: Sequence[str], most: int) -> list[Any]:
    """Leases the oldest outcomes that nobody else holds."""
    rows: list[Any] = await conn.fetch(
        """WITH due AS MATERIALIZED (
               SELECT q.* FROM unnest($1::text[]) AS a (account_id) CROSS JOIN LATERAL (
                   SELECT o.account_id, o.outcome_id FROM outcome o
                   WHERE o.account_id = a.account_id AND o.caller = $2 AND o.acknowledged_at IS NULL
                     AND o.leased_until <= clock_timestamp() AND (cardinality($3::text[]) = 0 OR o.kind = ANY($3))
                   ORDER BY o.created_at, o.outcome_id LIMIT $4
                   FOR UPDATE SKIP LOCKED
               ) q LIMIT $4
           )
           UPDATE outcome o SET leased_until = clock_timestamp() + $5::interval
           FROM due WHERE o.account_id = due.account_id AND o.outcome_id = due.outcome_id
           RETURNING o.*""",
        list(accounts), caller, list(kinds), most, LEASE,
    )  # fmt: skip
    return sorted(rows, key=lambda row: (row["created_at"], row["outcome_id"]))


async def acknowledge(conn: Any, caller: str, outcomes: Sequence[tuple[str, uuid.UUID]]) -> None:
    """Never gives these again."""
    await conn.execute(
        """UPDATE outcome o SET acknowledged_at = clock_timestamp()
           FROM unnest($1::text[], $2::uuid[]) AS w (account_id, outcome_id)
           WHERE o.account_id = w.account_id AND o.outcome_id = w.outcome_id AND o.caller = $3 AND o.acknowledged_at IS NULL""",
        [account for account, _ in outcomes], [outcome for _, outcome in outcomes], caller,
    )  # fmt: skip
