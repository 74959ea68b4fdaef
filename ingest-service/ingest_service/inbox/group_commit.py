"""Commits concurrent webhooks together: what arrives while one commit is under way goes with the next.

A lone event waits for nobody; a thousand share a few commits. An answer is given only after the commit that holds the event.
The queue is Stripe's, not ours: whoever is not answered in time is forgotten here, and where too much waits nothing more is taken.
"""

import asyncio
import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from ingest_service.inbox import store
from ingest_service.inbox.envelope import Arrival
from ingest_service.sealing import Sealer

log = structlog.get_logger()

LARGEST_GROUP: Final = 200
LARGEST_BYTES: Final = 8 * 1024 * 1024
ACQUIRE_SECONDS: Final = 1.5
"""So long a commit waits for a connection; and, when it was cut off, for the server to say that it stopped."""
COMMITTERS: Final = 2
"""Groups under way at once: the next one fills while the last is being written."""


class NotStoredError(RuntimeError):
    """The event is not on disk; whoever sent it must send it again."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much may wait or be under way at once: what a healthy database takes in a few seconds."""

    events: int = 5_000
    bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event whose sender waits.

    Attributes:
        until: the loop's time at which its sender is answered in any case.
        done: resolved when it is on disk.
    """

    arrival: Arrival
    until: float
    done: asyncio.Future[None]


class GroupCommit:
    """Stores arrivals in groups."""

    def __init__(
        self,
        pool: Any,
        sealer: Sealer,
        now: Callable[[], datetime.datetime],
        stored: Callable[[list[tuple[str, str]]], None],
        room: Room | None = None,
    ) -> None:
        """``stored`` is called after each commit with (account, state) of every event that was new."""
        self._pool, self._sealer, self._now, self._stored = pool, sealer, now, stored
        self._room = room or Room()
        self._waiting: dict[asyncio.Future[None], Waiting] = {}
        self._committers: set[asyncio.Task[None]] = set()
        self.held_events = self.held_bytes = 0
        """What waits and what is under way."""

    async def store(self, arrival: Arrival, within_seconds: float) -> None:
        """Returns when the event is on disk.

        Raises:
            NotStoredError: where it is not, nobody knows within the time, or too many are waiting already.
        """
        if self.held_events >= self._room.events or self.held_bytes + len(arrival.raw) > self._room.bytes:
            raise NotStoredError("too many events are waiting to be stored")
        running = asyncio.get_running_loop()
        done: asyncio.Future[None] = running.create_future()
        until = running.time() + within_seconds
        self._hold(arrival, 1)
        self._waiting[done] = Waiting(arrival, until, done)
        if len(self._committers) < COMMITTERS:
            task = asyncio.ensure_future(self._commit())
            self._committers.add(task)
            task.add_done_callback(self._committers.discard)
        try:
            async with asyncio.timeout_at(until):
                await done
        except TimeoutError:
            raise NotStoredError("the database did not answer in time") from None
        finally:
            # its sender is answered or gone: nobody waits for it any more
            if self._waiting.pop(done, None) is not None:
                self._hold(arrival, -1)

    def _hold(self, arrival: Arrival, sign: int) -> None:
        self.held_events += sign
        self.held_bytes += sign * len(arrival.raw)

    def _next_group(self) -> list[Waiting]:
        """Takes the oldest that fit together."""
        group: list[Waiting] = []
        size = 0
        for each in self._waiting.values():
            size += len(each.arrival.raw)
            if group and (len(group) == LARGEST_GROUP or size > LARGEST_BYTES):
                break
            group.append(each)
        for each in group:
            del self._waiting[each.done]
        return group

    async def _commit(self) -> None:
        while self._waiting:
            group = self._next_group()
            try:
                await self._write(group)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be said to be stored
                _fail(group, NotStoredError(type(error).__name__))
            finally:
                for each in group:
                    self._hold(each.arrival, -1)

    async def _write(self, group: list[Waiting]) -> None:
        """One commit, for as long as somebody waits for it. What a commit made whose answer is lost is found by the repeat."""
        started = time.monotonic()
        async with (
            asyncio.timeout_at(max(each.until for each in group)),
            self._pool.acquire(timeout=ACQUIRE_SECONDS) as conn,
        ):
            made = await store.store(conn, self._sealer, [each.arrival for each in group], self._now())
            for each in group:
                if not each.done.done():
                    each.done.set_result(None)
            self._stored(made)
            took = round((time.monotonic() - started) * 1000, 1)
            log.info(
                "inbox.commit", count=len(group), new=len(made), duplicates=len(group) - len(made), duration_ms=took
            )


def _fail(group: list[Waiting], error: NotStoredError) -> None:
    for each in group:
        if not each.done.done():
            each.done.set_exception(error)
