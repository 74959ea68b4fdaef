"""Hands frozen requests to notify in batches and records the answers, each with its own item.

The call leaves outside any transaction. Whatever happens before the answer is recorded, the same bytes go out again, and notify
knows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import structlog

from ingest_service import crashpoints
from ingest_service.beat import Beat, silent
from ingest_service.clock import Clock
from ingest_service.planning import plans
from ingest_service.submitting import counters, step_queue
from ingest_service.submitting.notify_client import (
    MOST_BYTES,
    ConfigureAccount,
    DoNotRepeat,
    NotifyClient,
    TryLater,
    batches,
)
from ingest_service.submitting.results import locally_rejected, step_result
from ingest_service.submitting.sorting import Ready
from ingest_service.submitting.step_changes import StepResult

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class HandingOver:
    """Hands over what is ready."""

    pool: asyncpg.Pool
    clock: Clock
    notify: NotifyClient

    async def submit(self, account_id: str, ready: Sequence[Ready], holder: UUID, beat: Beat = silent) -> None:
        """Hands over what this holder has leased; `beat` is called after each call, for a slow notify is no standstill."""
        for batch in batches([len(each.frozen) for each in ready]):
            await self._send(account_id, [ready[index] for index in batch], holder, beat)

    async def _send(self, account_id: str, batch: Sequence[Ready], holder: UUID, beat: Beat) -> None:
        """One call; where notify refuses a batch as a whole, its halves go alone until the wrong item stands alone."""
        beat()
        if len(batch) == 1 and len(batch[0].frozen) > MOST_BYTES:
            await self._record(
                account_id, [locally_rejected(batch[0].step.sent, "the request is larger than notify takes")], holder
            )
            return
        try:
            answers = await self.notify.submit([each.frozen for each in batch])
        except (TryLater, ConfigureAccount) as error:
            counters.CALLS.labels(account_id, "submit", type(error).__name__).inc()
            log.warning("submitting.put_off", account_id=account_id, count=len(batch), error=type(error).__name__)
            async with self.pool.acquire() as conn:
                why = (
                    "notify could not take it yet"
                    if isinstance(error, TryLater)
                    else "notify does not know this account yet"
                )
                await step_queue.release(conn, account_id, [each.step.key for each in batch], holder, why)
            return
        except DoNotRepeat as error:
            counters.CALLS.labels(account_id, "submit", type(error).__name__).inc()
            if len(batch) == 1:
                await self._record(
                    account_id, [locally_rejected(batch[0].step.sent, f"notify refused it: {error}")], holder
                )
                return
            middle = len(batch) // 2
            await self._send(account_id, batch[:middle], holder, beat)
            await self._send(account_id, batch[middle:], holder, beat)
            return
        crashpoints.reach("in.after_rpc")
        counters.CALLS.labels(account_id, "submit", "ok").inc()
        results = [step_result(each.step.sent, answer) for each, answer in zip(batch, answers, strict=True)]
        await self._record(account_id, results, holder)

    async def _record(self, account_id: str, results: Sequence[StepResult], holder: UUID) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await step_queue.record(conn, account_id, results, holder)
            ended = [result.plan_id for result in results if result.state not in ("waiting", "submitted")]
            if ended:
                await plans.close_finished(conn, account_id, ended, self.clock.now())
        for result in results:
            counters.step_ended(account_id, result.state, result.reason or "")
        states = {
            state: sum(result.state == state for result in results) for state in sorted({r.state for r in results})
        }
        log.info(
            "submitting.batch",
            account_id=account_id,
            count=len(results),
            **{f"to_{state}": n for state, n in states.items()},
        )
