"""The submission loop: due steps are checked, frozen and handed to notify in batches; a lone one goes at once.

First transaction: claim, decide, freeze, lease. Then the call, outside any transaction. Second transaction: what notify answered.
A step that Stripe must be asked about goes to a queue of its own (see looking) and delays nobody here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

import asyncpg

from ingest_service import crashpoints
from ingest_service.beat import Beat, silent
from ingest_service.clock import Clock
from ingest_service.submitting import sorting, step_queue
from ingest_service.submitting.handing_over import HandingOver
from ingest_service.submitting.sorting import Sorted, Sorting


class Submitted(NamedTuple):
    """What a turn did: how many steps it claimed, and how many of them must be looked up first."""

    claimed: int
    look_up: int


@dataclass(frozen=True, slots=True)
class Submission:
    """Submits due steps of these accounts."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    clock: Clock
    sorting: Sorting
    handing_over: HandingOver

    async def turn(self, beat: Beat = silent) -> Submitted:
        """Takes one batch and hands it over."""
        holder = uuid4()
        claimed, decided = await self._take(holder)
        if claimed:
            crashpoints.reach("in.after_freeze")
        for account_id, each in decided.items():
            await self.handing_over.submit(account_id, each.ready, holder, beat)
        return Submitted(claimed, sum(len(each.look_up) for each in decided.values()))

    async def _take(self, holder: UUID) -> tuple[int, dict[str, Sorted]]:
        async with self.pool.acquire() as conn, conn.transaction():
            now = self.clock.now()
            rows = await step_queue.claim(conn, self.account_ids, now)
            decided = self.sorting.sort(rows, now)
            for account_id, each in decided.items():
                await sorting.store(conn, account_id, each, now, holder)
                await step_queue.ask(conn, account_id, [step.key for step in each.look_up])
        return len(rows), decided
