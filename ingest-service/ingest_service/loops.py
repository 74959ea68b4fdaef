"""Keeps background loops honest: one that dies ends the process, one that hangs turns readiness red."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncpg
import structlog

from ingest_service.database import GONE

log = structlog.get_logger()

TROUBLE_SECONDS = 0.5
"""How long a loop waits after the database failed it, before it tries again."""


class LoopDiedError(RuntimeError):
    """A background loop ended although it must not; the process ends with it, to be started afresh."""


@dataclass
class Heartbeat:
    """When a loop last showed that it turns, and how far apart that may be."""

    name: str
    every_seconds: float
    beat: float = field(default_factory=time.monotonic)

    def late(self) -> bool:
        """Whether it has shown nothing for three of its periods (and at least 10 s)."""
        return time.monotonic() - self.beat > max(3 * self.every_seconds, 10.0)


class Loops:
    """The background loops of a process."""

    def __init__(self) -> None:
        """None yet."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._heartbeats: dict[str, Heartbeat] = {}
        self._heedless: set[str] = set()
        self.stopping = asyncio.Event()

    def add(self, name: str, run: Awaitable[None], *, heeds_stop: bool = True) -> None:
        """Runs something for ever; its end is the process's end, unless it is stopping.

        ``heeds_stop`` says that it looks at ``stopping`` and ends by itself; what does not is ended at once.
        """
        self._tasks[name] = asyncio.ensure_future(run)
        if not heeds_stop:
            self._heedless.add(name)

    def every(
        self,
        name: str,
        seconds: float,
        turn: Callable[[], Awaitable[int | None]],
        *,
        step_seconds: float = 0.0,
        heeds_stop: bool = True,
    ) -> None:
        """Runs a turn every so many seconds, and again at once while it says that it found work.

        The database's failures are logged and tried again; others are the loop's death.

        Args:
            name: of the loop.
            seconds: between two turns.
            turn: gives how much it found to do; None or 0 where there is no more.
            step_seconds: how long one step of a turn may wait for a vendor; after each the turn says ``beat``.
            heeds_stop: False where a turn may be cut off anywhere without harm, so that a stop does not wait for it.
        """

        found: int | None = None

        async def once() -> None:
            nonlocal found
            found = None
            found = await turn()

        async def run() -> None:
            while not self.stopping.is_set():
                await self.turn(name, once)
                if not found:
                    await self.pause(seconds)

        self._heartbeats[name] = Heartbeat(name, max(seconds, step_seconds))
        self.add(name, run(), heeds_stop=heeds_stop)

    def beat(self, name: str) -> None:
        """A loop shows that it turns. For turns of many steps: who waits for a vendor is slow, but does not hang."""
        self._heartbeats.setdefault(name, Heartbeat(name, 5.0)).beat = time.monotonic()

    async def turn(self, name: str, turn: Callable[[], Awaitable[None]]) -> bool:
        """One turn of a loop, with its heartbeat; whether it went well. For loops that wait for a bell themselves."""
        self.beat(name)
        try:
            await turn()
        except (asyncpg.PostgresError, *GONE) as error:
            log.warning("loop.database_trouble", loop=name, error=type(error).__name__)
            await self.pause(TROUBLE_SECONDS)
            return False
        return True

    async def pause(self, seconds: float) -> None:
        """Waits, but not beyond the stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return

    def late(self) -> list[str]:
        """The loops that do not turn."""
        return [heartbeat.name for heartbeat in self._heartbeats.values() if heartbeat.late()]

    async def watch(self) -> None:
        """Returns when the process is to stop.

        Raises:
            LoopDiedError: when a loop ended by itself.
        """
        stopping = asyncio.ensure_future(self.stopping.wait())
        done, _ = await asyncio.wait([stopping, *self._tasks.values()], return_when=asyncio.FIRST_COMPLETED)
        if stopping not in done:
            stopping.cancel()
            for name, task in self._tasks.items():
                if task in done:
                    error = None if task.cancelled() else task.exception()
                    log.error("loop.died", loop=name, error=type(error).__name__, exc_info=error)
                    raise LoopDiedError(f"the loop {name} ended: {type(error).__name__}")

    async def close(self, grace_seconds: float) -> None:
        """Lets every loop finish its turn, then ends what still runs."""
        self.stopping.set()
        finishing = [task for name, task in self._tasks.items() if name not in self._heedless]
        if finishing:
            await asyncio.wait(finishing, timeout=grace_seconds)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


async def measure_lag(observe: Callable[[float], None], every_seconds: float = 0.5) -> None:
    """Reports for ever by how many seconds the event loop is late."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(every_seconds)
        observe(max(0.0, time.monotonic() - before - every_seconds))
