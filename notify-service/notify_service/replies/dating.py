"""Decides about starts that met a stop of their number, once the provider has said when each was written.

Asking happens outside any transaction and in a loop of its own: whoever waits for a date, nobody else waits with them.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog

from notify_service.delivery.twilio_client import ReadFailedError

from . import inbound
from .inbound import UndatedStart
from .keyword_order import stands, stands_by_arrival, undated
from .keywords import Meaning
from .ports import Clock, Consent, Provider

_log = structlog.get_logger()
_MOST = 20
_AT_ONCE = 4
_TRIES = 5
"""After so many failed look-ups the order of arrival decides."""


class Dating:
    """One account's undated starts. `asked_again`: after so long what is not decided comes up once more."""

    def __init__(
        self, account_id: str, provider: Provider, pool: Any, consent: Consent, clock: Clock, asked_again: timedelta
    ) -> None:
        self._account_id = account_id
        self._provider = provider
        self._pool = pool
        self._consent = consent
        self._clock = clock
        self._asked_again = asked_again

    async def turn(self, beat: Callable[[], None] = lambda: None) -> int:
        """Asks for the dates that are due and decides where they are known; how many starts were decided."""
        async with self._pool.acquire() as conn:
            due = await inbound.lease_undated(conn, self._account_id, _MOST, self._asked_again)
        gate = asyncio.Semaphore(_AT_ONCE)
        return sum(await asyncio.gather(*(self._date(one, gate, beat) for one in due)))

    async def _date(self, one: UndatedStart, gate: asyncio.Semaphore, beat: Callable[[], None]) -> bool:
        async with self._pool.acquire() as conn:
            stops = await inbound.stops_met(conn, self._account_id, one.address_id, one.keyword)
        for sid in undated([one.keyword, *stops]):
            try:
                async with gate:
                    found = await self._provider.look_up("message", sid)
            except ReadFailedError as error:
                _log.warning("reply.not_dated", account_id=self._account_id, sid=sid, error=str(error))
                continue
            finally:
                beat()
            if found.created_at is not None:
                async with self._pool.acquire() as conn:
                    await inbound.dated(conn, self._account_id, sid, found.created_at)
        return await self._decide(one)

    async def _decide(self, one: UndatedStart) -> bool:
        """Under the gate's lock, with the dates there are by now. False: they are asked for again when their time has come."""
        async with self._pool.acquire() as conn, conn.transaction():
            if not await inbound.lock(conn, self._account_id, one.keyword.sid, "undated"):
                return False
            await self._consent.lock(conn, self._account_id, one.address_id)
            start = await inbound.keyword(conn, self._account_id, one.keyword.sid)
            stops = await inbound.stops_met(conn, self._account_id, one.address_id, start)
            stood = stands(start, stops)
            if stood is None and one.tries >= _TRIES:
                stood = stands_by_arrival(start, stops)
            if stood is None:
                return False
            if stood:
                at = start.provider_at or self._clock.now()
                await self._consent.restore(
                    conn, self._account_id, one.address_id, channel=start.channel, at=at, sid=start.sid, words=""
                )
            detail = None if stood else "a later stop stands"
            await inbound.done(conn, self._account_id, start.sid, Meaning.START, one.address_id, detail)
        _log.info("reply.dated", account_id=self._account_id, sid=start.sid, stands=stood, tries=one.tries)
        return True
