"""The loop of looks: steps that Stripe must be asked about, as many at once as the budget serves, each subject asked about once.

A lease lies on a step while Stripe is asked, and no connection is held. What is still so is frozen and handed over; what is over
settles its concern; where Stripe cannot be asked the step waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid4

import asyncpg

from ingest_service.beat import Beat, silent
from ingest_service.clock import Clock
from ingest_service.deciding import question_store
from ingest_service.folding import knowledge
from ingest_service.planning import plans
from ingest_service.sealing import UnsealableError
from ingest_service.submitting import sorting, step_queue
from ingest_service.submitting.handing_over import HandingOver
from ingest_service.submitting.looks import Looks
from ingest_service.submitting.preparing import DueStep
from ingest_service.submitting.refreshing import refreshed
from ingest_service.submitting.sorting import Sorted, Sorting
from ingest_service.submitting.truth import Bill, Look, NotNow, Over, StillSo


@dataclass(frozen=True, slots=True)
class Looking:
    """Looks for these accounts."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    clock: Clock
    sorting: Sorting
    handing_over: HandingOver
    look: Look
    looks: Looks

    async def turn(self, beat: Beat = silent) -> int:
        """Starts as many looks as there are free slots; tells how many steps were claimed."""
        free = {account_id: self.looks.free(account_id) for account_id in self.account_ids}
        holder = uuid4()
        async with self.pool.acquire() as conn, conn.transaction():
            now = self.clock.now()
            rows = await step_queue.claim_asking(conn, free, now)
            decided = self.sorting.sort(rows, now)
            for account_id, each in decided.items():
                await sorting.store(conn, account_id, each, now, holder)
                await step_queue.lease(conn, account_id, [step.key for step in each.look_up], holder)
        for account_id, each in decided.items():
            by_matter: dict[tuple[int, str, str], list[DueStep]] = {}
            for step in each.look_up:
                by_matter.setdefault((step.lane, *step.matter), []).append(step)
            for (lane, subject_id, _), steps in by_matter.items():
                self.looks.start(account_id, lane, self._look_up(account_id, subject_id, steps, holder))
            await self.handing_over.submit(account_id, each.ready, holder, beat)
        return len(rows)

    async def _look_up(self, account_id: str, subject_id: str, steps: Sequence[DueStep], holder: UUID) -> None:
        """Reads a subject, however many steps speak of it."""
        said = await self.look(account_id, subject_id, steps[0].variables["fact"])
        match said:
            case StillSo(bill=bill):
                await self._freeze(account_id, steps, holder, bill)
            case Over(reason=reason, status=status):
                by = f"a look at Stripe: {reason}"
                over = [plans.Settlement(concern, self.clock.now(), by) for concern in {step.concern for step in steps}]
                async with self.pool.acquire() as conn, conn.transaction():
                    if status:
                        await knowledge.learn_status(conn, account_id, subject_id, status)
                    await plans.settle_many(conn, account_id, over)
            case NotNow(reason=reason):
                async with self.pool.acquire() as conn:
                    await step_queue.release(conn, account_id, [step.key for step in steps], holder, reason)
            case _:
                assert_never(said)

    async def _as_of_now(self, account_id: str, steps: Sequence[DueStep], bill: Bill | None) -> Sequence[DueStep]:
        """The steps with the bill and the person as they stand now. Of a suspicion the person stays as they were when it paid."""
        told = [step.variables["fact"] for step in steps]
        ids = sorted(
            {str(fact["customer_id"]) for fact in told if fact["customer_id"] and fact["kind"] != "fraud_suspected"}
        )
        try:
            async with self.pool.acquire() as conn:
                mirrors = await knowledge.customers(conn, self.sorting.sealer, account_id, ids) if ids else {}
        except UnsealableError:
            mirrors = {}
        return [
            replace(
                step, variables={**step.variables, "fact": refreshed(fact, bill, mirrors.get(str(fact["customer_id"])))}
            )
            for step, fact in zip(steps, told, strict=True)
        ]

    async def _freeze(self, account_id: str, steps: Sequence[DueStep], holder: UUID, bill: Bill | None) -> None:
        read_at = self.clock.now()
        decided = Sorted()
        for step in await self._as_of_now(account_id, steps, bill):
            self.sorting.freeze(step, "stripe", read_at, decided)
        async with self.pool.acquire() as conn, conn.transaction():
            await question_store.ask(conn, account_id, decided.questions)
            kept = await sorting.store_frozen(conn, account_id, decided, holder, leased=True)
            await step_queue.end(conn, account_id, decided.ended)
        ready = [each for each in decided.ready if each.step.key in kept]
        await self.handing_over.submit(account_id, ready, holder)
