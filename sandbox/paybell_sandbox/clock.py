"""Business time of the sandbox, which is that of both services: it can be moved forward.

The vendors' own dates (when Twilio created a message, when a signature was made) stay real.
"""

import asyncio
import datetime
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import aiohttp

START_HOUR = 10
_TIMEOUT = aiohttp.ClientTimeout(total=5)


class ClockNotMovedError(RuntimeError):
    """A service did not take the new time; nothing was moved. The message says which and what it answered."""


class BusinessClock:
    """Business time: real time and an offset that both services share."""

    def __init__(self, zone: str, services: Sequence[str]) -> None:
        """Starts at 10:00 of today in the zone.

        Args:
            zone: IANA zone of the phone.
            services: base URLs of the services' admin listeners; empty ones are left out.
        """
        self.zone = ZoneInfo(zone)
        self._services = [service.rstrip("/") for service in services if service]
        real = self.real_now()
        start = real.astimezone(self.zone).replace(hour=START_HOUR, minute=0, second=0, microsecond=0)
        self.offset = int((start - real).total_seconds()) if self._services else 0
        self._moving = asyncio.Lock()

    @staticmethod
    def real_now() -> datetime.datetime:
        """The machine's time, UTC."""
        return datetime.datetime.now(datetime.UTC)

    def now(self) -> datetime.datetime:
        """Business time, UTC."""
        return self.real_now() + datetime.timedelta(seconds=self.offset)

    def unix(self) -> int:
        """Business time in whole seconds since 1970."""
        return int(self.now().timestamp())

    @property
    def movable(self) -> bool:
        """Whether there are services to move."""
        return bool(self._services)

    async def push(self) -> None:
        """Tells the services the present offset.

        Raises:
            ClockNotMovedError: where one does not take it.
        """
        await self._put(self.offset)

    async def advance(self, seconds: float) -> None:
        """Moves business time forward.

        Raises:
            ClockNotMovedError: where a service does not take it, or the time would go back.
        """
        if seconds < 0:
            raise ClockNotMovedError("business time only moves forward")
        async with self._moving:
            offset = self.offset + round(seconds)
            await self._put(offset)
            self.offset = offset

    async def next_step(self) -> datetime.datetime | None:
        """Moves to the next moment at which a service has something to do; None where nothing waits."""
        due = [moment for moment in await self._next_due() if moment > self.now()]
        if not due:
            return None
        await self.advance((min(due) - self.now()).total_seconds() + 1)
        return min(due)

    async def _put(self, offset: int) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for service in self._services:
                try:
                    async with session.put(f"{service}/clock", json={"offset_seconds": offset}) as answer:
                        if answer.status >= 300:
                            raise ClockNotMovedError(
                                f"{service}/clock answered {answer.status}: {(await answer.text())[:200]}"
                            )
                except (aiohttp.ClientError, TimeoutError) as error:
                    raise ClockNotMovedError(f"{service}/clock could not be reached: {type(error).__name__}") from error

    async def _next_due(self) -> list[datetime.datetime]:
        moments = []
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            for service in self._services:
                async with session.get(f"{service}/clock") as answer:
                    due = (await answer.json()).get("next_due_at")
                    if due is not None:
                        moments.append(datetime.datetime.fromisoformat(due))
        return moments
