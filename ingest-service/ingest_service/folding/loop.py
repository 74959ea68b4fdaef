"""The loops of folding: events as they come, held facts as they fall due."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ingest_service.apart import AccountsApart
from ingest_service.folding import fact_store
from ingest_service.folding.fold import Folded, FoldFailedError, Folding
from ingest_service.folding.lookup import Lookup
from ingest_service.inbox import store
from ingest_service.loops import Loops
from ingest_service.sealing import MissingKeyError
from ingest_service.wake import Bells

LOOK_ANYWAY_SECONDS = 1.0
BELLS = ("folding", "lookup")


class FoldingLoop:
    """Folds until nothing is left, then waits for its bell."""

    def __init__(self, folding: Folding, pool: object, bells: Bells, count: Callable[[Folded], None]) -> None:
        """``count`` is called with what each batch came to."""
        self._folding, self._pool, self._bells, self._count = folding, pool, bells, count
        self._careful = 0

    async def turn(self) -> int:
        """One batch; how many events it took. After a failure events are taken singly, so that a bad one stands alone."""
        most = 1 if self._careful else None
        try:
            async with self._pool.acquire() as conn, conn.transaction():  # type: ignore[attr-defined]
                folded = await self._folding.fold(conn, most)
        except FoldFailedError as error:
            return await self._after_failure(error)
        self._careful = max(0, self._careful - 1)
        self._count(folded)
        if folded.ready:
            self._bells.ring("planning")
        if folded.held:
            self._bells.ring("lookup")
        if folded.settled:
            self._bells.ring("cancels")
        if folded.announced:
            self._bells.ring("scanning")
        return folded.events

    async def _after_failure(self, error: FoldFailedError) -> int:
        if len(error.events) > 1:
            self._careful = len(error.events)
            return 1
        async with self._pool.acquire() as conn:  # type: ignore[attr-defined]
            for account_id, event_id in error.events:
                # what it belongs to was sealed with a key that is gone
                if isinstance(error.__cause__, MissingKeyError):
                    await store.wait_for_key(conn, account_id, [event_id])
                else:
                    reason = f"it could not be folded ({type(error.__cause__).__name__})"
                    await store.put_off(conn, account_id, event_id, reason)
        return 1


def add_loops(loops: Loops, bells: Bells, folding: FoldingLoop, lookup: Lookup, folders: int = 2) -> None:
    """Starts them."""

    async def fold(name: str) -> None:
        while not loops.stopping.is_set():
            taken = 0

            async def turn() -> None:
                nonlocal taken
                taken = await folding.turn()

            await loops.turn(name, turn)
            if not taken:
                await bells["folding"].wait(LOOK_ANYWAY_SECONDS)

    async def due(account_ids: Sequence[str]) -> list[str]:
        async with lookup.pool.acquire() as conn:
            return await fact_store.accounts_with_held(conn, account_ids, lookup.clock.now())

    async def look_for(account_id: str) -> None:
        looked, ready = await replace(lookup, accounts={account_id: lookup.accounts[account_id]}).turn()
        if looked:
            bells["lookup"].ring()
        if ready:
            bells.ring("planning")

    for number in range(1, folders + 1):
        loops.add(f"folding-{number}", fold(f"folding-{number}"))
    looking = AccountsApart("lookup", list(lookup.accounts), due, look_for)
    loops.add("lookup", looking.run(loops, bells["lookup"], LOOK_ANYWAY_SECONDS))
