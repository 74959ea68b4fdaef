"""Telling notify that a concern is over: durable rows, retried until they are answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg
import orjson
import structlog

from ingest_service import crashpoints
from ingest_service.beat import Beat, silent
from ingest_service.submitting import counters
from ingest_service.submitting.notify_client import ConfigureAccount, DoNotRepeat, NotifyClient, TryLater
from notify.v1.service_pb2 import CancelConcernResponse, CancelEffect

log = structlog.get_logger()

AT_ONCE: Final = 20


class Answer(NamedTuple):
    """What notify said to one cancel."""

    concern: str
    as_of: datetime
    result: str  # JSON
    cancelled: list[str]  # request ids
    already_sent: list[str]


@dataclass(frozen=True, slots=True)
class Cancels:
    """Sends cancels of these accounts."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    notify: NotifyClient

    async def turn(self, beat: Beat = silent) -> int:
        """Sends a batch of cancels, tells how many were due. The claim pushes each row ahead: that is its lease."""
        async with self.pool.acquire() as conn:
            rows = await conn.fetch(_CLAIM, self.account_ids, AT_ONCE)
        by_account: dict[str, list[asyncpg.Record]] = {}
        for row in rows:
            by_account.setdefault(row["account_id"], []).append(row)
        for account_id in sorted(by_account):
            beat()
            told = await asyncio.gather(
                *(self._tell(account_id, row["concern"], row["as_of"]) for row in by_account[account_id])
            )
            crashpoints.reach("in.after_cancel")
            answers = [answer for answer in told if answer is not None]
            if answers:
                async with self.pool.acquire() as conn, conn.transaction():
                    await _store(conn, account_id, answers)
                log.info("cancels.batch", account_id=account_id, count=len(answers), due=len(by_account[account_id]))
        return len(rows)

    async def _tell(self, account_id: str, concern: str, as_of: datetime) -> Answer | None:
        try:
            response = await self.notify.cancel(account_id, concern, as_of)
        except (TryLater, ConfigureAccount) as error:
            counters.CALLS.labels(account_id, "cancel", type(error).__name__).inc()
            return None
        except DoNotRepeat as error:
            counters.CALLS.labels(account_id, "cancel", type(error).__name__).inc()
            log.warning("cancels.refused", account_id=account_id, concern=concern)
            return Answer(concern, as_of, orjson.dumps({"refused": str(error)}).decode(), [], [])
        counters.CALLS.labels(account_id, "cancel", "ok").inc()
        return _answer(concern, as_of, response)


def _answer(concern: str, as_of: datetime, response: CancelConcernResponse) -> Answer:
    def requests(effect: CancelEffect.ValueType) -> list[str]:
        return [each.request_id for each in response.notifications if each.effect == effect]

    cancelled = requests(CancelEffect.CANCEL_EFFECT_CANCELLED)
    already_sent = requests(CancelEffect.CANCEL_EFFECT_ALREADY_SENT)
    told = orjson.dumps({"cancelled": cancelled, "already_sent": already_sent}).decode()
    return Answer(concern, as_of, told, cancelled, already_sent)


async def _store(conn: asyncpg.Connection, account_id: str, answers: Sequence[Answer]) -> None:
    cancelled = [request for answer in answers for request in answer.cancelled]
    sent = [request for answer in answers for request in answer.already_sent]
    if cancelled or sent:
        await conn.execute(_EFFECTS, account_id, cancelled, sent)
    columns = (
        [answer.concern for answer in answers],
        [answer.as_of for answer in answers],
        [answer.result for answer in answers],
    )
    await conn.execute(_ANSWERED, account_id, *columns)


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT c.* FROM unnest($1::text[]) AS a (account_id)
    CROSS JOIN LATERAL (
        SELECT cancel.account_id, concern FROM cancel
        WHERE cancel.account_id = a.account_id AND state = 'waiting' AND due_at <= clock_timestamp()
        ORDER BY due_at LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS c
)
UPDATE cancel SET tries = LEAST(tries + 1, 32000),
    due_at = clock_timestamp() + LEAST(interval '10 seconds' * 2 ^ LEAST(tries, 6) * (0.75 + random() / 2), interval '5 minutes')
FROM due WHERE cancel.account_id = due.account_id AND cancel.concern = due.concern
RETURNING cancel.account_id, cancel.concern, cancel.as_of
"""

# a cancel that was raised again meanwhile keeps waiting: what was answered is the older one
_ANSWERED = """
UPDATE cancel SET state = 'answered', result = a.result::jsonb
FROM unnest($2::text[], $3::timestamptz[], $4::text[]) AS a (concern, as_of, result)
WHERE cancel.account_id = $1 AND cancel.concern = a.concern AND cancel.as_of = a.as_of
"""

# what the provider already had was not cancelled, whatever we noted when the concern was settled
_EFFECTS = """
WITH touched AS MATERIALIZED (
    SELECT plan_id, number, request_id FROM step
    WHERE account_id = $1 AND (request_id = ANY ($2::text[]) OR request_id = ANY ($3::text[])) AND state IN ('submitted', 'cancelled')
    ORDER BY plan_id, number
    FOR UPDATE
)
UPDATE step SET updated_at = now(),
    state = CASE WHEN t.request_id = ANY ($2::text[]) THEN 'cancelled' ELSE 'submitted' END,
    reason = CASE WHEN t.request_id = ANY ($2::text[]) THEN COALESCE(step.reason, 'the matter was settled before it was sent')
                  ELSE 'it had been sent before the matter was settled' END
FROM touched AS t WHERE step.account_id = $1 AND step.plan_id = t.plan_id AND step.number = t.number
"""
