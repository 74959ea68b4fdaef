"""Business time of the sandbox, which is that of both services: it can be moved forward.

The vendors' own dates (when Twilio created a message, when a signature was made) stay real.
"""

import asyncio
import contextlib
import datetime
import math
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import aiohttp

START_HOUR = 10
LONGEST_WAY = datetime.timedelta(days=9 * 366)
"""How far from real time business time may be moved; the services take ten years."""
MOST_LOOKS = 200
"""So many moments at which a service looks for something are passed over, before the clock stops at one all the same."""
LOOK_SECONDS = 10.0
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
        """Moves to the next moment at which something happens; None where nothing waits.

        That is where a message or a fact is due, or where a service looks for something and finds it. It looks every day, mostly
        in vain: such moments are passed over.

        Raises:
            ClockNotMovedError: as for `advance`.
        """
        moment: datetime.datetime | None = None
        async with self._moving, _session() as session:
            for _ in range(MOST_LOOKS):
                told = [await _told(session, service) for service in self._services]
                due, look = (self._soonest(told, name) for name in ("next_due_at", "next_scan_at"))
                moment = min((one for one in (due, look) if one is not None), default=None)
                if moment is None:
                    return None
                await self._advance((moment - self.now()).total_seconds() + 1)
                if moment == due or await self._found(session, _facts(told)):
                    return moment
        return moment

    def _soonest(self, told: Sequence[Mapping[str, object]], name: str) -> datetime.datetime | None:
        moments = [datetime.datetime.fromisoformat(str(one[name])) for one in told if one.get(name) is not None]
        return min((moment for moment in moments if moment > self.now()), default=None)

    async def _found(self, session: aiohttp.ClientSession, before: int) -> bool:
        """Whether what the services look for at this moment is there: waits until they have looked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                while True:
                    told = [await _told(session, service) for service in self._services]
                    if _facts(told) != before:
                        return True
                    if not any(one.get("scans_due") for one in told):
                        return False
                    await asyncio.sleep(0.05)
        return True

    async def _advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ClockNotMovedError("business time only moves forward")
        # infinity and what is no number are not within it either
        if not abs(self.offset + seconds) <= LONGEST_WAY.total_seconds():
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


def _facts(told: Sequence[Mapping[str, object]]) -> int:
    """How many facts the services know."""
    return sum(int(str(one.get("facts", 0))) for one in told)


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
