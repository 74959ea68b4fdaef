"""Business time of the sandbox, which is that of both services: it can be moved forward.

The vendors' own dates (when Twilio created a message, when a signature was made) stay real.
"""

import asyncio
import contextlib
import datetime
import math
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import aiohttp

START_HOUR = 10
LONGEST_WAY = datetime.timedelta(days=9 * 366)
"""How far from real time business time may be moved; the services take ten years."""
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
        # rounded up: a minute to ten is not ten
        self.offset = math.ceil((start - real).total_seconds()) if self._services else 0
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

    async def begin(self) -> None:
        """Gives the services the offset of the start; where one has been moved before, goes on from there.

        A service keeps its offset in its database. Business time never runs backwards there, so a sandbox that was started
        anew takes over the offset that it finds.

        Raises:
            ClockNotMovedError: where a service cannot be reached or does not take it.
        """
        async with self._moving, _session() as session:
            found = [int(str((await _told(session, service))["offset_seconds"])) for service in self._services]
            self.offset = max([offset for offset in found if offset], default=self.offset)
            await self._put(session, self.offset)

    async def advance(self, seconds: float) -> None:
        """Moves business time forward.

        Raises:
            ClockNotMovedError: where a service does not take it, or the time would go back or too far.
        """
        async with self._moving:
            await self._advance(seconds)

    async def next_step(self) -> datetime.datetime | None:
        """Moves to the next moment at which a service has something to do; None where nothing waits.

        Raises:
            ClockNotMovedError: as for `advance`.
        """
        async with self._moving:
            async with _session() as session:
                told = [(await _told(session, service)).get("next_due_at") for service in self._services]
            moments = [datetime.datetime.fromisoformat(str(due)) for due in told if due is not None]
            due = min((moment for moment in moments if moment > self.now()), default=None)
            if due is not None:
                await self._advance((due - self.now()).total_seconds() + 1)
            return due

    async def _advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ClockNotMovedError("business time only moves forward")
        if (
            not abs(self.offset + seconds) <= LONGEST_WAY.total_seconds()
        ):  # which infinity and what is no number are not either
            raise ClockNotMovedError("business time stays within nine years of the machine's time")
        offset = self.offset + round(seconds)
        async with _session() as session:
            await self._put(session, offset)
        self.offset = offset

    async def _put(self, session: aiohttp.ClientSession, offset: int) -> None:
        for number, service in enumerate(self._services):
            try:
                await _told(session, service, offset)
            except ClockNotMovedError:
                for moved in self._services[:number]:
                    # the services must not live at different times; what cannot be moved back is moved on by the next try
                    with contextlib.suppress(ClockNotMovedError):
                        await _told(session, moved, self.offset)
                raise


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=_TIMEOUT)


async def _told(session: aiohttp.ClientSession, service: str, offset: int | None = None) -> dict[str, object]:
    """What a service says of its clock, after moving it where an offset is given."""
    url = f"{service}/clock"
    body = None if offset is None else {"offset_seconds": offset}
    try:
        async with session.request("GET" if body is None else "PUT", url, json=body) as answer:
            if answer.status >= 300:
                raise ClockNotMovedError(f"{url} answered {answer.status}: {(await answer.text())[:200]}")
            told = await answer.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ClockNotMovedError(f"{url} could not be reached: {type(error).__name__}") from error
    except ValueError as error:
        raise ClockNotMovedError(f"{url} did not answer JSON") from error
    if not isinstance(told, dict) or "offset_seconds" not in told:
        raise ClockNotMovedError(f"{url} did not say its offset_seconds")
    return told
