"""Commits concurrent webhooks together: what arrives while one commit is under way goes with the next.

A lone event waits for nobody; a thousand share a few commits. An answer is given only after the commit that holds the event.
"""

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

from ingest_service.inbox import store
from ingest_service.inbox.envelope import Arrival
from ingest_service.sealing import Sealer

LARGEST_GROUP = 200
LARGEST_BYTES = 8 * 1024 * 1024
COMMITTERS = 2
"""Groups under way at once: the next one fills while the last is being written."""


class NotStoredError(RuntimeError):
    """The event is not on disk; whoever sent it must send it again."""


class GroupCommit:
    """Stores arrivals in groups."""

    def __init__(
        self,
        pool: Any,
        sealer: Sealer,
        now: Callable[[], datetime.datetime],
        stored: Callable[[list[tuple[str, str]]], None],
    ) -> None:
        """``stored`` is called after each commit with (account, state) of every event that was new."""
        self._pool, self._sealer, self._now, self._stored = pool, sealer, now, stored
        self._waiting: list[tuple[Arrival, asyncio.Future[None]]] = []
        self._committers: set[asyncio.Task[None]] = set()

    async def store(self, arrival: Arrival, within_seconds: float) -> None:
        """Returns when the event is on disk.

        Raises:
            NotStoredError: where it is not, or nobody knows within the time.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((arrival, done))
        if len(self._committers) < COMMITTERS:
            task = asyncio.ensure_future(self._commit())
            self._committers.add(task)
            task.add_done_callback(self._committers.discard)
        try:
            async with asyncio.timeout(within_seconds):
                await done
        except TimeoutError:
            raise NotStoredError("the database did not answer in time") from None

    def _next_group(self) -> list[tuple[Arrival, asyncio.Future[None]]]:
        size = count = 0
        for arrival, _ in self._waiting[:LARGEST_GROUP]:
            size += len(arrival.raw)
            if count and size > LARGEST_BYTES:
                break
            count += 1
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return [(arrival, done) for arrival, done in group if not done.done()]  # who has given up is answered already

    async def _commit(self) -> None:
        while self._waiting:
            group = self._next_group()
            if not group:
                continue
            try:
                async with self._pool.acquire(timeout=1.5) as conn:
                    made = await store.store(conn, self._sealer, [arrival for arrival, _ in group], self._now())
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be said to be stored
                for _, done in group:
                    if not done.done():
                        done.set_exception(NotStoredError(type(error).__name__))
                continue
            for _, done in group:
                if not done.done():
                    done.set_result(None)
            self._stored(made)
