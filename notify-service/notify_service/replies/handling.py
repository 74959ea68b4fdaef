"""Acts on replies: a stop closes the gate, a start opens its own channel again, an answer decides its question, the rest is noted.

A stop needs nothing but our own database, so no vendor that hangs and no reply of anybody else can hold it up. Only a start that
meets a stop of its number has to wait: for the provider's dates (`dating.py`). The provider answers these words itself; we do not.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog

from notify_service import crashpoints, database
from notify_service.accounts import Sender
from notify_service.challenges import store as challenges
from notify_service.challenges.answering import Answers, Understood
from notify_service.challenges.asked_by import Heard, asked_by
from notify_service.challenges.reading import Word, read
from notify_service.sealing import Sealer

from . import inbound
from .inbound import OpenReply
from .keyword_order import Keyword, stands
from .keywords import Meaning, meaning
from .ports import Clock, Consent
from .reply import Reply

_log = structlog.get_logger()
_MOST = 50


class Replies:
    """One account's replies. `count` takes what a new reply was taken as; `senders`: the account's, by name."""

    def __init__(
        self,
        account_id: str,
        pool: Any,
        sealer: Sealer,
        consent: Consent,
        clock: Clock,
        count: Callable[[Meaning], None] = lambda _meaning: None,
        answers: Answers | None = None,
        senders: Mapping[str, Sender] = MappingProxyType({}),
    ) -> None:
        self._account_id = account_id
        self._pool = pool
        self._sealer = sealer
        self._consent = consent
        self._clock = clock
        self._count = count
        self._answers = answers
        self._senders = senders

    async def take(self, reply: Reply) -> bool:
        """Stores a reply with what it means; False where it is known already."""
        meant = meaning(reply.body, reply.opt_out_type)
        to = asked_by(self._senders, _heard(reply)) if reply.channel == "whatsapp" else ()
        sealed = self._sealer.seal(reply.payload(), inbound.place(self._account_id, reply.sid))
        async with self._pool.acquire(timeout=2) as conn, conn.transaction():
            new = await inbound.store(
                conn, self._account_id, reply.sid, reply.channel, meant, sealed, self._clock.now(), reply.provider_at, sorted(to)
            )  # fmt: skip
        if new:
            self._count(meant)
        return new

    async def turn(self) -> int:
        """Acts on what waits; how many replies that was."""
        async with self._pool.acquire() as conn:
            waiting = await inbound.waiting(conn, self._account_id, _MOST)
        done = 0
        for one in waiting:
            try:
                done += await self._act(one)
            except database.GONE:
                raise
            except Exception as error:  # noqa: BLE001 (one bad reply must not stand in the way of the others)
                await self._put_off(one, type(error).__name__)
        return done

    async def _act(self, one: OpenReply) -> bool:
        reply = self._opened(one)
        meant = meaning(reply.body, reply.opt_out_type)
        understood: Understood | None = None
        async with self._pool.acquire() as conn, conn.transaction():
            if not await inbound.lock(conn, self._account_id, one.sid, "received"):
                return False
            match meant:
                case Meaning.STOP:
                    became = await self._stop(conn, one, reply)
                case Meaning.START:
                    # Twilio takes a bare YES for a start; where a question is open it is an answer, too
                    hears = await self._hearing(conn, reply, only_words=True)
                    became = await self._start(conn, one, reply)
                    understood = await hears(one.business_at) if hears is not None else None
                case Meaning.HELP:
                    address_id = await self._consent.find(conn, self._account_id, reply.sender)
                    became = await self._done(conn, one, meant, address_id)
                case _:
                    became, understood = await self._other(conn, one, reply)
        crashpoints.reach("reply.after_commit")
        if understood is not None and self._answers is not None:
            self._answers.committed(understood)
        _log.info(
            "reply.handled",
            account_id=self._account_id,
            sid=one.sid,
            meaning=meant.value,
            channel=reply.channel,
            became=became,
        )
        return True

    async def _other(self, conn: Any, one: OpenReply, reply: Reply) -> tuple[str, Understood | None]:
        """An answer to a question that this number was asked, or nothing of ours: then nobody answers."""
        hears = await self._hearing(conn, reply)
        understood = await hears(one.business_at) if hears is not None else None
        crashpoints.reach("reply.before_commit")
        address_id = await self._consent.find(conn, self._account_id, reply.sender)
        if understood is None:
            return await self._done(conn, one, Meaning.OTHER, address_id), None
        return await self._done(conn, one, Meaning.ANSWER, address_id, understood.sentence), understood

    async def _hearing(
        self, conn: Any, reply: Reply, *, only_words: bool = False
    ) -> Callable[[datetime], Awaitable[Understood | None]] | None:
        """How the questions that this number was asked hear it, with what waits to ask them locked; None where there are none."""
        answers = self._answers
        heard = _heard(reply)
        if answers is None or (only_words and read(heard.text).word is Word.NEITHER):
            return None
        address_id = await self._consent.find(conn, self._account_id, reply.sender)
        if address_id is None or not (asked := await answers.asked(conn, address_id, heard)):
            return None
        await challenges.lock_waiting(conn, self._account_id, asked)
        return lambda at: answers.hear(conn, address_id, heard, asked, at)

    def _opened(self, one: OpenReply) -> Reply:
        if one.sealed is None:
            raise ValueError("its payload is no longer stored")
        raw = self._sealer.open(one.sealed.key_id, one.sealed.ciphertext, inbound.place(self._account_id, one.sid))
        return Reply.of_payload(raw, one.provider_at)

    async def _stop(self, conn: Any, one: OpenReply, reply: Reply) -> str:
        """Closes everything at once. Where a start of this day was written later, its dates will open the gate again."""
        address_id = await self._consent.ensure(conn, self._account_id, reply.sender)
        at = one.provider_at or self._clock.now()
        await self._consent.revoke(
            conn, self._account_id, address_id, channel=reply.channel, at=at, sid=one.sid, words=reply.body
        )
        await inbound.done(conn, self._account_id, one.sid, Meaning.STOP, address_id, None)
        reopened = await inbound.reopen_starts(conn, self._account_id, address_id)
        return "closed, starts asked anew" if reopened else "closed"

    async def _start(self, conn: Any, one: OpenReply, reply: Reply) -> str:
        address_id = await self._consent.ensure(conn, self._account_id, reply.sender)
        start = Keyword(one.sid, reply.channel, one.received_at, one.provider_at)
        match stands(start, await inbound.stops_met(conn, self._account_id, address_id, start)):
            case None:
                detail = "it met a stop: waits for the provider's dates"
                await inbound.await_dates(conn, self._account_id, one.sid, address_id, detail)
                return "undated"
            case False:
                return await self._done(conn, one, Meaning.START, address_id, "a later stop stands")
            case True:
                at = one.provider_at or self._clock.now()
                await self._consent.restore(
                    conn, self._account_id, address_id, channel=reply.channel, at=at, sid=one.sid, words=reply.body
                )
                return await self._done(conn, one, Meaning.START, address_id)

    async def _done(
        self, conn: Any, one: OpenReply, meant: Meaning, address_id: UUID | None, detail: str | None = None
    ) -> str:
        await inbound.done(conn, self._account_id, one.sid, meant, address_id, detail)
        return detail or "done"

    async def _put_off(self, one: OpenReply, why: str) -> None:
        """It is tried again, ever rarer. A stop, and what may be one, is never given up, and says so each time."""
        async with self._pool.acquire() as conn:
            aside, tries = await inbound.failed(conn, self._account_id, one.sid, why)
        may_stop = one.meaning in (Meaning.STOP, None)
        (_log.error if aside or may_stop else _log.warning)(
            "reply.set_aside" if aside else "reply.stop_not_done" if may_stop else "reply.put_off",
            account_id=self._account_id,
            sid=one.sid,
            tries=tries,
            error=why,
        )


def _heard(reply: Reply) -> Heard:
    return Heard(reply.sid, reply.channel, reply.to, reply.service, reply.button or reply.body, shared=reply.shared)
