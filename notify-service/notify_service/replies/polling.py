"""Where no webhook can reach us: reads inbound messages from the provider's list, through the same table as webhooks (SQL)."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import structlog

from notify_service.delivery.listed import Listed
from notify_service.delivery.twilio_client import ReadFailedError, TwilioClient

from .handling import Replies
from .reply import Reply, split

_log = structlog.get_logger()
_OVERLAP = timedelta(minutes=5)
"""Read again each time: lists lag, and a reply is stored once however often it is seen."""
_FIRST = timedelta(hours=1)
_POLL = "inbound"

_READ_UNTIL = "SELECT read_until FROM poll_cursor WHERE account_id = $1 AND poll = $2"
_NOW = "SELECT clock_timestamp()"
_MOVE = """
INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ($1, $2, $3)
ON CONFLICT (account_id, poll) DO UPDATE SET read_until = greatest(poll_cursor.read_until, $3), updated_at = now()
"""


class InboundPolling:
    """One account's polling. `numbers`: ours, with their channel's prefix; None reads every inbound message of the account."""

    def __init__(
        self, account_id: str, client: TwilioClient, pool: Any, replies: Replies, numbers: Collection[str] | None
    ) -> None:
        self._account_id = account_id
        self._client = client
        self._pool = pool
        self._replies = replies
        self._numbers: list[str | None] = [None] if numbers is None else [*sorted(numbers)]

    async def turn(self) -> int:
        """Reads what is new; how many replies were."""
        async with self._pool.acquire() as conn:
            read_until = await conn.fetchval(_READ_UNTIL, self._account_id, _POLL)
            if read_until is None:
                read_until = await conn.fetchval(_NOW) - _FIRST
        found: list[Listed] = []
        try:
            for number in self._numbers:
                found += await self._client.messages_from_people(number, read_until - _OVERLAP)
        except ReadFailedError as error:
            _log.warning("inbound.poll_failed", account_id=self._account_id, error=str(error))
            return 0
        new = 0
        for one in sorted(found, key=_date):
            new += await self._replies.take(_reply(one))
        if found:
            async with self._pool.acquire() as conn:
                await conn.execute(_MOVE, self._account_id, _POLL, max(map(_date, found)))
        return new


def _date(listed: Listed) -> datetime:
    assert listed.created_at is not None
    return listed.created_at


def _reply(listed: Listed) -> Reply:
    channel, sender = split(listed.sender)
    return Reply(listed.sid, channel, sender, split(listed.to)[1], listed.body, "", listed.created_at)
