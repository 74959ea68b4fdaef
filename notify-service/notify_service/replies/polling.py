"""Where no webhook can reach us: reads inbound messages from the provider's list, through the same table as webhooks (SQL).

The list holds both directions, so it is read in windows of time, the oldest first, and the cursor moves behind each of them whether
or not anybody wrote: what was read is never read again, except for a short overlap.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any

import structlog

from notify_service.delivery.listed import Listed
from notify_service.delivery.twilio_client import ReadFailedError, TooMuchError

from .handling import Replies
from .ports import Provider
from .reply import Reply, sender_of, split

_log = structlog.get_logger()
_OVERLAP = timedelta(minutes=5)
"""Read again each time: lists lag, and a reply is stored once however often it is seen."""
_FIRST = timedelta(hours=1)
WIDEST, NARROWEST = timedelta(minutes=15), timedelta(minutes=1)
"""How long a window is: it narrows where it holds too much, and the narrowest is read to its end whatever it holds."""
MOST_PAGES = 20
_POLL = "inbound"

_MARKS = """
SELECT clock_timestamp() AS now, (SELECT read_until FROM poll_cursor WHERE account_id = $1 AND poll = $2) AS read_until
"""
_MOVE = """
INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ($1, $2, $3)
ON CONFLICT (account_id, poll) DO UPDATE SET read_until = greatest(poll_cursor.read_until, $3), updated_at = now()
"""


class InboundPolling:
    """One account's polling.

    `numbers`: ours, with their channel's prefix; None reads every inbound message of the account at the provider, which
    several of ours may share: `is_ours` tells them apart, `is_shared` that a message cannot be told apart.
    """

    def __init__(
        self,
        account_id: str,
        provider: Provider,
        pool: Any,
        replies: Replies,
        numbers: Collection[str] | None,
        is_ours: Callable[[Listed], bool],
        is_shared: Callable[[Listed], bool],
    ) -> None:
        self._account_id = account_id
        self._provider = provider
        self._pool = pool
        self._replies = replies
        self._numbers: list[str | None] = [None] if numbers is None else [*sorted(numbers)]
        self._is_ours = is_ours
        self._is_shared = is_shared
        self._width = WIDEST

    async def turn(self, beat: Callable[[], None] = lambda: None) -> int:
        """Reads on up to now; how many replies were new. A window that cannot be read ends the turn: the next goes on there."""
        async with self._pool.acquire() as conn:
            marks = await conn.fetchrow(_MARKS, self._account_id, _POLL)
        started: datetime = marks["now"]
        since = (marks["read_until"] or started - _FIRST) - _OVERLAP
        new = 0
        while since < started:
            end = since + self._width
            last = end >= started
            try:
                found = await self._window(since, None if last else end, beat)
            except TooMuchError:
                self._width = max(self._width / 2, NARROWEST)
                continue
            except ReadFailedError as error:
                _log.warning("inbound.poll_failed", account_id=self._account_id, error=str(error))
                return new
            for one in found:
                new += await self._replies.take(_reply(one, shared=self._is_shared(one)))
            since = started if last else end
            async with self._pool.acquire() as conn:
                await conn.execute(_MOVE, self._account_id, _POLL, since)
        self._width = min(self._width * 2, WIDEST)
        if new:
            _log.info("inbound.polled", account_id=self._account_id, count=new)
        return new

    async def _window(self, since: datetime, until: datetime | None, beat: Callable[[], None]) -> list[Listed]:
        """What people wrote to us in a window, the oldest first."""
        most = MOST_PAGES if self._width > NARROWEST else None
        found: list[Listed] = []
        for number in self._numbers:
            found += await self._provider.messages_from_people(number, since, until, most, beat)
        return sorted(filter(self._is_ours, found), key=lambda one: one.created_at or since)


def _reply(listed: Listed, *, shared: bool) -> Reply:
    channel, sender = sender_of(listed.sender)
    return Reply(
        listed.sid, channel, sender, split(listed.to)[1], listed.body, "", listed.created_at, listed.messaging_service_sid, shared=shared
    )  # fmt: skip
