"""How many reads of Stripe may leave: a budget for each account and endpoint, shared by replicas through one row.

Reads that wait here take their share of a slice of time together: one statement a slice and process, however many they are. What
is granted is used at once, so no replica keeps from another what it does not need.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

SHORTEST_SLICE: Final = 0.25
PATIENCE_SECONDS: Final = 10.0
"""So long a read waits for its turn."""


class Budget(Protocol):
    """How many reads may leave, whoever shares it."""

    async def turn(self, account_id: str, endpoint: str) -> bool:
        """Waits until a read may leave; False where it waited in vain."""
        ...

    async def close(self) -> None:
        """Lets nobody leave any more."""
        ...


@dataclass(slots=True)
class OwnPace:
    """A pace of this process alone, kept without a row: for a read-only command beside the services.

    A quarter of the services' budget: at the default both together are what Stripe allows an endpoint (25 a second).
    """

    per_second: float
    _next: dict[tuple[str, str], float] = field(default_factory=dict)

    @staticmethod
    def beside(services_per_second: int) -> "OwnPace":
        """Beside services that have this budget."""
        return OwnPace(services_per_second / 4)

    async def turn(self, account_id: str, endpoint: str) -> bool:
        """Waits for its place, however long: the one who waits is a person who sees how far it is."""
        now = asyncio.get_running_loop().time()
        at = max(now, self._next.get((account_id, endpoint), now))
        self._next[account_id, endpoint] = at + 1 / self.per_second
        await asyncio.sleep(at - now)
        return True

    async def close(self) -> None:
        """Nothing is held."""


@dataclass(slots=True)
class Queue:
    """The reads of one endpoint that wait, and who takes shares for them."""

    waiting: list[asyncio.Future[None]] = field(default_factory=list)
    taking: asyncio.Task[None] | None = None


def slice_of(per_second: int) -> tuple[float, int]:
    """The shortest slice of time that holds a whole number of reads, and that number: the rate is exactly what was asked for."""
    for seconds in (SHORTEST_SLICE, 2 * SHORTEST_SLICE):
        if (per_second * seconds).is_integer():
            return seconds, int(per_second * seconds)
    return 1.0, per_second


class StripeBudget:
    """The budget of every account."""

    def __init__(self, pool: Any, per_second: int) -> None:
        """So many reads a second for each account and endpoint."""
        self._pool = pool
        self._seconds, self._share = slice_of(per_second)
        self._queues: dict[tuple[str, str], Queue] = {}

    async def turn(self, account_id: str, endpoint: str) -> bool:
        """Waits until a read may leave; False where it waited in vain."""
        queue = self._queues.setdefault((account_id, endpoint), Queue())
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.waiting.append(granted)
        if queue.taking is None:
            queue.taking = asyncio.ensure_future(self._take(account_id, endpoint, queue))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await granted
        except TimeoutError:
            return False
        finally:
            if granted in queue.waiting:
                queue.waiting.remove(granted)
        return True

    async def _take(self, account_id: str, endpoint: str, queue: Queue) -> None:
        """Takes shares for those that wait, slice after slice, until nobody waits."""
        try:
            while queue.waiting:
                wanted = min(len(queue.waiting), self._share)
                got = await self._pool.fetchval(_TAKE, account_id, endpoint, wanted, self._share, self._seconds)
                for granted in queue.waiting[: got or 0]:
                    if not granted.done():
                        granted.set_result(None)
                del queue.waiting[: got or 0]
                if queue.waiting:
                    await asyncio.sleep(self._seconds / 2)
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            for granted in queue.waiting:
                if not granted.done():
                    granted.set_exception(error)
            queue.waiting.clear()
        finally:
            queue.taking = None

    async def close(self) -> None:
        """Takes no more shares; who waits waits in vain."""
        taking = [queue.taking for queue in self._queues.values() if queue.taking is not None]
        for task in taking:
            task.cancel()
        await asyncio.gather(*taking, return_exceptions=True)


# one row an endpoint, begun anew with every slice of the database's clock; `granted` tells whoever took last how much it was
_TAKE = """
INSERT INTO stripe_budget AS b (account_id, endpoint, slice, taken, granted)
VALUES ($1, $2, date_bin(make_interval(secs => $5), clock_timestamp(), 'epoch'), $3::integer, $3)
ON CONFLICT (account_id, endpoint) DO UPDATE
SET slice = EXCLUDED.slice,
    taken = CASE WHEN b.slice = EXCLUDED.slice THEN LEAST(b.taken + $3, $4::integer) ELSE $3 END,
    granted = CASE WHEN b.slice = EXCLUDED.slice THEN LEAST($3, $4 - b.taken) ELSE $3 END
WHERE b.slice <> EXCLUDED.slice OR b.taken < $4
RETURNING granted
"""
