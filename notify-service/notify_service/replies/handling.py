"""Acts on replies: an opt-out closes the gate, an opt-in opens its own channel again, the rest is noted.

Consent is decided by when the recipient wrote, not by when it reached us: where a stop and a start of one number meet within
a day, the provider's dates order them, and of equal ones the stop wins. The provider answers these words itself; we do not.
"""

from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import structlog

from notify_service.delivery.ports import Clock
from notify_service.delivery.receipts import DATABASE_GONE
from notify_service.delivery.twilio_client import ReadFailedError, TwilioClient
from notify_service.sealing import Sealer

from . import inbound
from .inbound import Keyword, OpenReply
from .keywords import Meaning, meaning
from .reply import Reply

_log = structlog.get_logger()
_MOST = 50
_DATES_TRIED = 5


class Consent(Protocol):
    """The ledger and the addresses, as replies need them. All within the caller's transaction."""

    async def find(self, conn: Any, account_id: str, e164: str) -> UUID | None:
        """The address of a number, if it has one."""
        ...

    async def ensure(self, conn: Any, account_id: str, e164: str) -> UUID:
        """The address of a number, made with its gate where there was none; the gate is locked for a change."""
        ...

    async def revoke(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Everything, on all channels and in all categories."""
        ...

    async def restore(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Transactional messages on this channel."""
        ...


class Replies:
    """One account's replies."""

    def __init__(
        self, account_id: str, client: TwilioClient, pool: Any, sealer: Sealer, consent: Consent, clock: Clock
    ) -> None:
        self._account_id = account_id
        self._client = client
        self._pool = pool
        self._sealer = sealer
        self._consent = consent
        self._clock = clock

    async def take(self, reply: Reply) -> bool:
        """Stores a reply; False where it is known already."""
        sealed = self._sealer.seal(reply.payload(), inbound.place(self._account_id, reply.sid))
        async with self._pool.acquire(timeout=2) as conn, conn.transaction():
            return await inbound.store(
                conn, self._account_id, reply.sid, reply.channel, sealed, self._clock.now(), reply.provider_at
            )

    async def turn(self) -> int:
        """Acts on what waits; how many replies that was."""
        async with self._pool.acquire() as conn:
            waiting = await inbound.waiting(conn, self._account_id, _MOST)
        done = 0
        for one in waiting:
            try:
                done += await self._act(one)
            except DATABASE_GONE:
                raise
            except Exception as error:  # noqa: BLE001 (one bad reply must not stand in the way of the others)
                await self._set_back(one.sid, type(error).__name__)
        return done

    async def _act(self, one: OpenReply) -> bool:
        if one.sealed is None:
            raise ValueError("its payload is no longer stored")
        raw = self._sealer.open(one.sealed.key_id, one.sealed.ciphertext, inbound.place(self._account_id, one.sid))
        reply = Reply.of_payload(raw, one.provider_at)
        meant = meaning(reply.body, reply.opt_out_type)
        dates: dict[str, datetime] = {}
        if meant in (Meaning.STOP, Meaning.START):
            dates = await self._dates(one, reply)
        async with self._pool.acquire() as conn, conn.transaction():
            if not await inbound.lock(conn, self._account_id, one.sid):
                return False
            for sid, date in dates.items():
                await inbound.dated(conn, self._account_id, sid, date)
            address_id, detail = await self._decide(conn, one, reply, meant, dates)
            await inbound.done(conn, self._account_id, one.sid, meant, address_id, detail)
        _log.info("reply.handled", account_id=self._account_id, sid=one.sid, meaning=meant.value, channel=reply.channel)
        return True

    async def _decide(
        self, conn: Any, one: OpenReply, reply: Reply, meant: Meaning, dates: dict[str, datetime]
    ) -> tuple[UUID | None, str | None]:
        at = dates.get(one.sid) or one.provider_at or self._clock.now()
        match meant:
            case Meaning.STOP:
                address_id = await self._consent.ensure(conn, self._account_id, reply.sender)
                await self._consent.revoke(
                    conn, self._account_id, address_id, channel=reply.channel, at=at, sid=one.sid, words=reply.body
                )
                others = await inbound.keywords_of(conn, self._account_id, address_id, one.sid)
                later = [k for k in others if k.meaning is Meaning.START and _written(k) > _when(one, dates)]
                for start in later:
                    # It overtook this stop on its way here.
                    await self._consent.restore(
                        conn,
                        self._account_id,
                        address_id,
                        channel=start.channel,
                        at=_written(start),
                        sid=start.sid,
                        words="",
                    )
                return address_id, "a later start stands" if later else None
            case Meaning.START:
                address_id = await self._consent.ensure(conn, self._account_id, reply.sender)
                others = await inbound.keywords_of(conn, self._account_id, address_id, one.sid)
                if any(k.meaning is Meaning.STOP and _written(k) >= _when(one, dates) for k in others):
                    return address_id, "a later stop stands"
                await self._consent.restore(
                    conn, self._account_id, address_id, channel=reply.channel, at=at, sid=one.sid, words=reply.body
                )
                return address_id, None
            case _:
                return await self._consent.find(conn, self._account_id, reply.sender), None

    async def _dates(self, one: OpenReply, reply: Reply) -> dict[str, datetime]:
        """The provider's dates of this keyword and those it meets, where they are not known; asked outside any transaction."""
        async with self._pool.acquire() as conn:
            address_id = await self._consent.find(conn, self._account_id, reply.sender)
            if address_id is None:
                return {}
            others = await inbound.keywords_of(conn, self._account_id, address_id, one.sid)
        if not others:
            return {}
        wanted = [k.sid for k in others if k.provider_at is None] + ([one.sid] if one.provider_at is None else [])
        found: dict[str, datetime] = {}
        for sid in wanted:
            try:
                listed = await self._client.look_up("message", sid)
            except ReadFailedError:
                if one.tries < _DATES_TRIED:
                    raise
                continue  # the order of arrival must do
            if listed.created_at is not None:
                found[sid] = listed.created_at
        return found

    async def _set_back(self, sid: str, why: str) -> None:
        async with self._pool.acquire() as conn:
            aside = await inbound.failed(conn, self._account_id, sid, why)
        (_log.error if aside else _log.warning)(
            "reply.set_aside" if aside else "reply.put_off", account_id=self._account_id, sid=sid, error=why
        )


def _written(keyword: Keyword) -> datetime:
    return keyword.provider_at or keyword.received_at


def _when(one: OpenReply, dates: dict[str, datetime]) -> datetime:
    return dates.get(one.sid) or one.provider_at or one.received_at
