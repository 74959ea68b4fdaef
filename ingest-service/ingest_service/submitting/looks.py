"""Looks at Stripe that are under way: never more than the budget serves in about two seconds, so that nothing piles up here.

Each lane has slots of its own. A queue of thousands therefore stays in the database, where it costs nothing, and what is urgent
waits for no more than what is under way.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

log = structlog.get_logger()

SLOTS_A_READ: Final[Mapping[int, float]] = {1: 0.8, 2: 0.7, 3: 0.4, 4: 0.1}
"""Slots of each lane for each read that the budget allows a second: together two seconds of it."""


def slots(per_second: int) -> dict[int, int]:
    """How many looks of each lane may be under way for an account."""
    return {lane: max(1, round(per_second * share)) for lane, share in SLOTS_A_READ.items()}


@dataclass(slots=True)
class Looks:
    """The looks under way, by account and lane.

    Attributes:
        slots: of each lane of an account.
        freed: called when a slot became free.
    """

    slots: Mapping[int, int]
    freed: Callable[[], None] = lambda: None
    _busy: dict[tuple[str, int], int] = field(default_factory=dict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    def free(self, account_id: str) -> dict[int, int]:
        """Free slots by lane."""
        return {lane: most - self._busy.get((account_id, lane), 0) for lane, most in self.slots.items()}

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._under_way)

    def start(self, account_id: str, lane: int, look: Coroutine[Any, Any, None]) -> None:
        """Lets a look go on by itself; its slot is free when it ends. One that fails leaves its steps to their lease."""
        task = asyncio.create_task(look)
        self._under_way.add(task)
        self._busy[account_id, lane] = self._busy.get((account_id, lane), 0) + 1

        def ended(_task: asyncio.Task[None]) -> None:
            self._under_way.discard(task)
            self._busy[account_id, lane] -= 1
            self.freed()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.warning("submitting.look_up_failed", account_id=account_id, error=type(error).__name__)

        task.add_done_callback(ended)

    async def settle(self) -> None:
        """Returns when none is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def close(self, grace_seconds: float) -> None:
        """Waits for the looks that are about to end, then cancels the others: their leases lapse and somebody else looks."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=grace_seconds)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
