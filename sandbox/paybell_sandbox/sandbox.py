"""What the two vendors' sides and the page share: settings, seed, clock, faults and the feed of changes."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from paybell_sandbox.clock import BusinessClock
from paybell_sandbox.faults import Faults
from paybell_sandbox.settings import Settings

SLOWEST_LISTENER = 1_000
"""Changes a page may lag behind before it is told to load everything anew."""


@dataclass(frozen=True)
class Change:
    """Something that happened, for the page: ``kind`` is ``message``, ``call``, ``event``, ``delivery``, ``clock``, …"""

    number: int
    kind: str
    data: dict[str, Any]


@dataclass
class Sandbox:
    """One sandbox."""

    settings: Settings
    clock: BusinessClock
    faults: Faults
    random: random.Random
    _feed: deque[Change] = field(default_factory=lambda: deque(maxlen=SLOWEST_LISTENER))
    _listeners: set[asyncio.Event] = field(default_factory=set)
    violations: list[dict[str, Any]] = field(default_factory=list)
    """What a service did that the vendor would let pass or only warn of, and that is wrong nevertheless."""
    _number: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @staticmethod
    def create(settings: Settings) -> "Sandbox":
        """A sandbox in which nothing has happened."""
        return Sandbox(
            settings=settings,
            clock=BusinessClock(settings.zone, [settings.ingest_admin_url, settings.notify_admin_url]),
            faults=Faults(settings.seed),
            random=random.Random(settings.seed),  # noqa: S311 - reproducible on purpose
        )

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        """Tells everybody who watches."""
        self._number += 1
        self._feed.append(Change(self._number, kind, data))
        for listener in self._listeners:
            listener.set()

    def violation(self, what: str, **where: Any) -> None:
        """Notes something that a service must not do."""
        entry = {"what": what, **where, "at": self.clock.real_now().isoformat()}
        self.violations.append(entry)
        self.publish("violation", entry)

    async def changes(self, after: int | None = None) -> AsyncGenerator[Change, None]:
        """Changes as they happen, from the next one on, or from behind the one named.

        Who names one that is not remembered, or that this start of the sandbox never made, gets a ``reset`` first:
        it has to load everything anew.
        """
        seen = self._number if after is None else after
        with self.watching() as changed:
            while True:
                changed.clear()
                oldest = self._feed[0].number if self._feed else self._number + 1
                if not oldest - 1 <= seen <= self._number:
                    seen = self._number
                    yield Change(seen, "reset", {})
                for change in [change for change in self._feed if change.number > seen]:
                    seen = change.number
                    yield change
                await changed.wait()

    @contextmanager
    def watching(self) -> Iterator[asyncio.Event]:
        """An event that is set at every change."""
        changed = asyncio.Event()
        self._listeners.add(changed)
        try:
            yield changed
        finally:
            self._listeners.discard(changed)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs something beside: a delivery, a retry. It ends with the sandbox."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            task.get_loop().call_exception_handler(
                {"message": "a task of the sandbox failed", "exception": task.exception()}
            )

    async def close(self) -> None:
        """Ends everything that runs beside."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def waiting(self, seconds: float) -> float:
        """A vendor's waiting time, scaled."""
        return seconds * self.settings.time_scale


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
