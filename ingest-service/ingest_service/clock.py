"""Business time: one clock per process.

It is the machine's time and an offset that is kept in the database and can be moved in the sandbox only. Leases never use it;
they use the database's clock.
"""

import datetime

import asyncpg

UTC = datetime.UTC


class MovedClockError(RuntimeError):
    """The stored offset is not zero although the vendors are real."""


class Clock:
    """Tells business time."""

    def __init__(self, offset_seconds: int = 0) -> None:
        """With a known offset."""
        self._offset = datetime.timedelta(seconds=offset_seconds)

    @property
    def offset_seconds(self) -> int:
        """By how much business time is ahead of the machine's."""
        return int(self._offset.total_seconds())

    def now(self) -> datetime.datetime:
        """Business time, UTC."""
        return datetime.datetime.now(UTC) + self._offset

    async def refresh(
        self, conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]"
    ) -> bool:
        """Reads the stored offset; whether it changed."""
        stored: int = await conn.fetchval("SELECT offset_seconds FROM clock")
        changed = stored != self.offset_seconds
        self._offset = datetime.timedelta(seconds=stored)
        return changed

    async def move(
        self,
        conn: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]",
        offset_seconds: int,
    ) -> None:
        """Stores a new offset, which every replica takes over."""
        await conn.execute("UPDATE clock SET offset_seconds = $1", offset_seconds)
        self._offset = datetime.timedelta(seconds=offset_seconds)


def refuse_moved_clock(clock: Clock, *, vendors_on_loopback: bool) -> None:
    """Refuses a moved clock with real vendors.

    Raises:
        MovedClockError: saying what to do.
    """
    if clock.offset_seconds and not vendors_on_loopback:
        raise MovedClockError(
            f"business time is {clock.offset_seconds} s ahead in this database, which is only allowed in the sandbox: "
            "use another database, or run UPDATE clock SET offset_seconds = 0"
        )
