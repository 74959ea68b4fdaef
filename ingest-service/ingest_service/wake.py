"""Wakes loops when there is work: directly in this process, by NOTIFY in the others, and by polling in any case.

NOTIFY serialises commits, so at most one goes out every 20 ms a channel, outside the transaction that made the work.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

import asyncpg

NOTIFY_EVERY_SECONDS = 0.02


class Bell:
    """One loop's bell: set by whoever made work for it."""

    def __init__(self) -> None:
        """Silent."""
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """There is work."""
        self._rung.set()

    async def wait(self, at_most_seconds: float) -> bool:
        """Waits for a ring, or until it is time to look anyway; whether it rang."""
        try:
            async with asyncio.timeout(at_most_seconds):
                await self._rung.wait()
        except TimeoutError:
            return False
        finally:
            self._rung.clear()
        return True


class Bells:
    """Every bell of the process by name, joined with those of the other replicas."""

    def __init__(self, names: Iterable[str]) -> None:
        """One silent bell for each name."""
        self._bells = {name: Bell() for name in names}
        self._outgoing: set[str] = set()
        self._outgoing_ready = asyncio.Event()

    def __getitem__(self, name: str) -> Bell:
        """The bell of this name."""
        return self._bells[name]

    def ring(self, *names: str) -> None:
        """Wakes these loops here at once, and those of the other replicas soon."""
        for name in names:
            self._bells[name].ring()
            self._outgoing.add(name)
        self._outgoing_ready.set()

    def ring_all(self) -> None:
        """Wakes every loop of this process, as after the clock moved."""
        for bell in self._bells.values():
            bell.ring()

    async def publish(self, pool: "asyncpg.Pool[asyncpg.Record]", channel: str) -> None:
        """Tells the other replicas, for ever; errors are left to polling."""
        while True:
            await self._outgoing_ready.wait()
            self._outgoing_ready.clear()
            names, self._outgoing = sorted(self._outgoing), set()
            try:
                await pool.execute("SELECT pg_notify($1, $2)", channel, ",".join(names))
            except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
                continue
            finally:
                await asyncio.sleep(NOTIFY_EVERY_SECONDS)

    def heard(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        """Takes a notification from another replica."""
        for name in str(payload).split(","):
            if name in self._bells:
                self._bells[name].ring()

    async def listen(self, url: str, channel: str) -> None:
        """Hears the other replicas, for ever; reconnects, and rings everything after a gap."""
        while True:
            try:
                connection = await asyncpg.connect(url)
            except (asyncpg.PostgresError, OSError):
                await asyncio.sleep(1.0)
                continue
            try:
                await self._listen_on(connection, channel)
            except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
                await asyncio.sleep(1.0)
            finally:
                connection.terminate()

    async def _listen_on(self, connection: "asyncpg.Connection[asyncpg.Record]", channel: str) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, self.heard)
        self.ring_all()
        await lost.wait()
