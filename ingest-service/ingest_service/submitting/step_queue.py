"""Steps as a durable queue: claim, freeze, lease, record. SQL only; the caller owns the transaction.

A lease uses the database's clock and is fenced by a random id: whoever lost it changes nothing any more.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from ingest_service.submitting.step_changes import CallingStep, EndedStep, FrozenStep, StepResult

LEASE: Final = timedelta(seconds=30)
LANE_SHARES: Final = {1: 150, 2: 150, 3: 150, 4: 50}
"""At most so many steps of a lane in one claim of an account: together one batch, and a floor for each lane."""


async def claim(conn: asyncpg.Connection, account_ids: Sequence[str], now: datetime) -> list[asyncpg.Record]:
    """Locks due steps, lane by lane and the oldest first, with what is needed to freeze them. Not those that Stripe is asked about."""
    return await _claim(conn, dict.fromkeys(account_ids, LANE_SHARES), now, asks=False)


async def claim_asking(
    conn: asyncpg.Connection, shares: Mapping[str, Mapping[int, int]], now: datetime
) -> list[asyncpg.Record]:
    """Locks due steps that Stripe must be asked about: of each account and lane as many as it says."""
    return await _claim(conn, shares, now, asks=True)


async def _claim(
    conn: asyncpg.Connection, shares: Mapping[str, Mapping[int, int]], now: datetime, *, asks: bool
) -> list[asyncpg.Record]:
    wanted = [
        (account_id, lane, share) for account_id, lanes in shares.items() for lane, share in lanes.items() if share > 0
    ]
    if not wanted:
        return []
    return list(await conn.fetch(_CLAIM, *(list(column) for column in zip(*wanted, strict=True)), now, asks))


async def ask(conn: asyncpg.Connection, account_id: str, steps: Sequence[tuple[UUID, int]]) -> None:
    """Lets steps that were claimed in this transaction wait for a look at Stripe."""
    if steps:
        await conn.execute(_ASK, account_id, [step[0] for step in steps], [step[1] for step in steps])


async def lease(conn: asyncpg.Connection, account_id: str, steps: Sequence[tuple[UUID, int]], holder: UUID) -> None:
    """Leases steps that were claimed in this transaction; counts the try."""
    if steps:
        await conn.execute(_LEASE, account_id, [step[0] for step in steps], [step[1] for step in steps], holder, LEASE)


async def freeze(
    conn: asyncpg.Connection, account_id: str, steps: Sequence[FrozenStep], holder: UUID, *, leased: bool
) -> set[tuple[UUID, int]]:
    """Stores the frozen bytes and leases the steps; tells which were still waiting. `leased`: the holder must have them already."""
    if not steps:
        return set()
    columns = [list(column) for column in zip(*steps, strict=True)]
    rows = await conn.fetch(_FREEZE, account_id, *columns, holder, LEASE, leased)
    return {(row["plan_id"], row["number"]) for row in rows}


async def call(
    conn: asyncpg.Connection, account_id: str, steps: Sequence[CallingStep], holder: UUID, *, leased: bool
) -> set[tuple[UUID, int]]:
    """Hands steps over to those who call webhooks; tells which were still waiting. `leased`: the holder must have them already."""
    if not steps:
        return set()
    columns = [step.plan_id for step in steps], [step.number for step in steps], [step.truth for step in steps]
    rows = await conn.fetch(_CALL, account_id, *columns, holder, leased)
    return {(row["plan_id"], row["number"]) for row in rows}


async def end(conn: asyncpg.Connection, account_id: str, steps: Sequence[EndedStep]) -> None:
    """Ends steps that are waiting or frozen."""
    if steps:
        await conn.execute(_END, account_id, *(list(column) for column in zip(*steps, strict=True)))


async def record(conn: asyncpg.Connection, account_id: str, results: Sequence[StepResult], holder: UUID) -> None:
    """Applies what notify answered. A step that was cancelled meanwhile stays cancelled and keeps the answer."""
    if results:
        ordered = sorted(results, key=lambda result: (result.plan_id.bytes, result.number))
        columns: list[list[Any]] = [list(column) for column in zip(*ordered, strict=True)]
        await conn.execute(_RECORD, account_id, *columns, holder)


async def release(
    conn: asyncpg.Connection, account_id: str, steps: Sequence[tuple[UUID, int]], holder: UUID, reason: str
) -> None:
    """Gives steps back to the queue, to be tried again a little later each time (at most 5 minutes)."""
    if steps:
        await conn.execute(
            _RELEASE, account_id, [step[0] for step in steps], [step[1] for step in steps], holder, reason
        )


async def next_due(conn: asyncpg.Connection, account_ids: Sequence[str]) -> datetime | None:
    """Business time at which the next step or fact is due; None where nothing waits."""
    due: datetime | None = await conn.fetchval(_NEXT_DUE, account_ids)
    return due


_CLAIM = """
SELECT s.*, p.flow, p.variables, p.data_key_id AS variables_key_id, c.state AS concern_state, f.occurred_at AS fact_at, f.kind AS fact_kind,
    f.subject_id
FROM unnest($1::text[], $2::smallint[], $3::integer[]) AS l (account_id, lane, share)
CROSS JOIN LATERAL (
    SELECT step.account_id, plan_id, number, step.lane, concern, state, due_at, not_after, request_id, round, data_key_id, frozen, tries
    FROM step
    WHERE step.account_id = l.account_id AND step.asks = $5 AND step.lane = l.lane AND state IN ('waiting', 'frozen') AND due_at <= $4
        AND leased_until <= clock_timestamp()
    ORDER BY due_at, plan_id, number
    LIMIT l.share
    FOR UPDATE SKIP LOCKED
) AS s
JOIN plan AS p ON p.account_id = s.account_id AND p.plan_id = s.plan_id
JOIN concern AS c ON c.account_id = s.account_id AND c.concern = s.concern
JOIN fact AS f ON f.account_id = s.account_id AND f.fact_key = p.fact_key
"""

# "(state …) IS TRUE" in statements that go by key: with the bare condition, and statistics of a moment when the queue was empty,
# the planner walks the whole open queue (the partial index) once for each row instead of looking the key up

_ASK = """
UPDATE step SET asks = true, updated_at = now() FROM unnest($2::uuid[], $3::smallint[]) AS s (plan_id, number)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number AND (step.state = 'waiting') IS TRUE
"""

_LEASE = """
UPDATE step SET lease = $4, leased_until = clock_timestamp() + $5::interval, tries = LEAST(tries + 1, 32000), updated_at = now()
FROM unnest($2::uuid[], $3::smallint[]) AS s (plan_id, number)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number
"""

_FREEZE = """
UPDATE step SET state = 'frozen', asks = false, data_key_id = s.key_id, frozen = s.frozen, truth = s.truth, truth_read_at = s.truth_read_at,
    lease = $8, leased_until = clock_timestamp() + $9::interval, reason = NULL, updated_at = now(),
    tries = LEAST(tries + CASE WHEN $10 THEN 0 ELSE 1 END, 32000)
FROM unnest($2::uuid[], $3::smallint[], $4::text[], $5::bytea[], $6::text[], $7::timestamptz[])
    AS s (plan_id, number, key_id, frozen, truth, truth_read_at)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number
    AND (step.state = 'waiting') IS TRUE AND (NOT $10 OR step.lease = $8)
RETURNING step.plan_id, step.number
"""

_CALL = """
UPDATE step SET state = 'submitted', asks = false, due_at = NULL, truth = s.truth, lease = NULL, leased_until = '-infinity', reason = NULL,
    updated_at = now()
FROM unnest($2::uuid[], $3::smallint[], $4::text[]) AS s (plan_id, number, truth)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number
    AND (step.state = 'waiting') IS TRUE AND (NOT $6 OR step.lease = $5)
RETURNING step.plan_id, step.number
"""

_END = """
UPDATE step SET state = s.state, reason = s.reason, due_at = NULL, updated_at = now()
FROM unnest($2::uuid[], $3::smallint[], $4::text[], $5::text[]) AS s (plan_id, number, state, reason)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number
    AND (step.state IN ('waiting', 'frozen')) IS TRUE
"""

_RECORD = """
WITH answered AS MATERIALIZED (
    SELECT step.plan_id, step.number, step.state = 'frozen' AS open, r.state, r.reason, r.due_at, r.notification_id, r.result
    FROM step JOIN unnest($2::uuid[], $3::smallint[], $4::integer[], $5::text[], $6::text[], $7::timestamptz[], $8::uuid[], $9::text[])
        AS r (plan_id, number, round, state, reason, due_at, notification_id, result) USING (plan_id, number)
    WHERE step.account_id = $1 AND step.round = r.round AND step.lease = $10 AND step.state IN ('frozen', 'cancelled')
    ORDER BY step.plan_id, step.number
    FOR UPDATE OF step
)
UPDATE step SET
    notification_id = COALESCE(a.notification_id, step.notification_id), result = a.result::jsonb, lease = NULL, updated_at = now(),
    leased_until = '-infinity',
    state = CASE WHEN a.open THEN a.state ELSE step.state END,
    reason = CASE WHEN a.open THEN a.reason ELSE step.reason END,
    due_at = CASE WHEN a.open THEN a.due_at ELSE step.due_at END,
    round = CASE WHEN a.open AND a.state = 'waiting' THEN step.round + 1 ELSE step.round END,
    frozen = CASE WHEN a.open AND a.state = 'waiting' THEN NULL ELSE step.frozen END,
    tries = CASE WHEN a.open AND a.state = 'waiting' THEN 0 ELSE step.tries END
FROM answered AS a
WHERE step.account_id = $1 AND step.plan_id = a.plan_id AND step.number = a.number
"""

_RELEASE = """
UPDATE step SET lease = NULL, reason = $5, updated_at = now(),
    leased_until = clock_timestamp() + LEAST(interval '250 milliseconds' * 2 ^ LEAST(tries, 12) * (0.75 + random() / 2), interval '5 minutes')
FROM unnest($2::uuid[], $3::smallint[]) AS s (plan_id, number)
WHERE step.account_id = $1 AND step.plan_id = s.plan_id AND step.number = s.number AND step.lease = $4
    AND (step.state IN ('waiting', 'frozen')) IS TRUE
"""

_NEXT_DUE = """
SELECT min(due_at) FROM unnest($1::text[]) AS a (account_id)
CROSS JOIN unnest(ARRAY[1, 2, 3, 4]::smallint[]) AS l (lane)
CROSS JOIN unnest(ARRAY[false, true]) AS k (asks)
CROSS JOIN LATERAL (
    (SELECT due_at FROM step WHERE step.account_id = a.account_id AND step.asks = k.asks AND step.lane = l.lane AND state IN ('waiting', 'frozen')
     ORDER BY due_at, plan_id, number LIMIT 1)
    UNION ALL
    (SELECT due_at FROM fact WHERE fact.account_id = a.account_id AND fact.lane = l.lane AND state IN ('held', 'looking_up', 'ready')
     ORDER BY due_at, fact_key LIMIT 1)
) AS due
"""
