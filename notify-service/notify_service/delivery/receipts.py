"""Records what calls came to and what the provider tells, in batches; wakes whoever waits for it (SQL)."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog

from notify_service import database

from .batching import Batches
from .case import Now, Receipt
from .events import AttemptKey, Event, Told
from .ports import Clock
from .record import Recorded, Recorder
from .tally import Count, Tally
from .tokens import CallbackToken

_log = structlog.get_logger()
_PATIENCE_SECONDS = 20.0
ORPHANS_KEPT = timedelta(days=1)

_ATTEMPTS_NAMED = """
SELECT k.token, a.created_on, a.notification_id, a.number, a.sender
FROM unnest($2::date[], $3::bytea[]) AS k (created_on, token)
JOIN attempt a ON a.account_id = $1 AND a.created_on = k.created_on AND a.token = k.token
"""
_ORPHAN = """
INSERT INTO orphan_receipt (account_id, sid, status, provider_code)
SELECT $1, o.* FROM unnest($2::text[], $3::text[], $4::int[]) AS o ON CONFLICT DO NOTHING
"""
_ADOPTABLE = """
SELECT o.sid, o.status, o.provider_code, a.created_on, a.notification_id, a.number, a.sender
FROM orphan_receipt o JOIN attempt a ON a.account_id = o.account_id AND a.sid = o.sid
WHERE o.account_id = $1 AND a.created_on >= current_date - 40 LIMIT 200
"""
_DROP_ADOPTED = """
DELETE FROM orphan_receipt o USING unnest($2::text[], $3::text[], $4::int[]) AS d (sid, status, provider_code)
WHERE o.account_id = $1 AND o.sid = d.sid AND o.status = d.status AND o.provider_code = d.provider_code
"""
_DROP_OLD = "DELETE FROM orphan_receipt WHERE account_id = $1 AND received_at < clock_timestamp() - $2::interval"


@dataclass(frozen=True, slots=True)
class CallbackWord:
    """What a signed callback said, and whom its address names (None: nobody we know of)."""

    token: CallbackToken | None
    sid: str
    status: str
    provider_code: int


@dataclass(frozen=True, slots=True)
class Wakes:
    """Whom to wake or tell after a commit, and how to count. `heard`: a sender's name, a message's status and its code."""

    queued: Callable[[], None]
    outcomes: Callable[[], None]
    heard: Callable[[str, str, int], None]
    count: Count


class Records:
    """The one place through which an account's attempts change after their claim.

    `patience`: of so many seconds, how many an answer may really wait for the database; a shutdown allows fewer.
    """

    def __init__(
        self,
        recorder: Recorder,
        pool: Any,
        clock: Clock,
        wakes: Wakes,
        patience: Callable[[float], float] = lambda seconds: seconds,
    ) -> None:
        self._recorder = recorder
        self._pool = pool
        self._clock = clock
        self._wakes = wakes
        self._patience = patience
        self.answers: Batches[Event] = Batches(self._write_patiently, database.GONE)
        self.words: Batches[CallbackWord] = Batches(self._write_words, database.GONE)

    @property
    def account_id(self) -> str:
        """Whose attempts."""
        return self._recorder.account.account_id

    async def write(self, events: Sequence[Event], senders: Mapping[AttemptKey, str] | None = None) -> None:
        """Records events now, in a transaction of its own. `senders`: who sent what the provider tells of."""
        async with self._pool.acquire(timeout=2) as conn, conn.transaction():
            written = await self._apply(conn, events)
        self._committed(written, events, senders or {})

    async def adopt_orphans(self) -> None:
        """Binds receipts that came for nobody to attempts that have become known since; drops those older than a day."""
        async with self._pool.acquire() as conn, conn.transaction():
            rows = await conn.fetch(_ADOPTABLE, self.account_id)
            events = [
                Told(
                    AttemptKey(r["created_on"], r["notification_id"], r["number"]),
                    Receipt(r["status"], r["provider_code"], r["sid"], "callback"),
                )
                for r in rows
            ]
            written = await self._apply(conn, events)
            adopted = [[r[name] for r in rows] for name in ("sid", "status", "provider_code")]
            await conn.execute(_DROP_ADOPTED, self.account_id, *adopted)
            await conn.execute(_DROP_OLD, self.account_id, ORPHANS_KEPT)
        self._committed(written, events, {e.key: r["sender"] for e, r in zip(events, rows, strict=True)})

    async def _write_patiently(self, events: Sequence[Event]) -> None:
        """An answer is worth waiting for the database: without it the attempt counts as unknown for minutes."""
        started = asyncio.get_running_loop().time()
        while True:
            try:
                return await self.write(events)
            except database.GONE as error:
                waited = asyncio.get_running_loop().time() - started
                if self._patience(_PATIENCE_SECONDS - waited) <= 0:
                    raise
                _log.warning("attempt.recording_waits", account_id=self.account_id, error=type(error).__name__)
                await asyncio.sleep(0.2 + random.random() * 0.3)  # noqa: S311 (spreads, guards nothing)

    async def _write_words(self, words: Sequence[CallbackWord]) -> None:
        async with self._pool.acquire(timeout=2) as conn, conn.transaction():
            named = [w.token for w in words if w.token is not None]
            rows = await conn.fetch(
                _ATTEMPTS_NAMED, self.account_id, [t.created_on for t in named], [t.token for t in named]
            )
            keys = {
                (r["created_on"], r["token"]): AttemptKey(r["created_on"], r["notification_id"], r["number"])
                for r in rows
            }
            senders = {keys[r["created_on"], r["token"]]: r["sender"] for r in rows}
            events: list[Event] = []
            orphans: list[CallbackWord] = []
            for word in words:
                key = keys.get((word.token.created_on, word.token.token)) if word.token is not None else None
                if key is None:
                    orphans.append(word)
                else:
                    events.append(Told(key, Receipt(word.status, word.provider_code, word.sid, "callback")))
            if orphans:
                columns = [o.sid for o in orphans], [o.status for o in orphans], [o.provider_code for o in orphans]
                await conn.execute(_ORPHAN, self.account_id, *columns)
            written = await self._apply(conn, events)
        for orphan in orphans:
            _log.info("receipt.orphan", account_id=self.account_id, sid=orphan.sid, status=orphan.status)
        if orphans:
            self._wakes.count("orphan_receipt", {}, len(orphans))
        self._committed(written, events, senders)

    async def _apply(self, conn: Any, events: Sequence[Event]) -> tuple[Recorded, Tally] | None:
        if not events:
            return None
        now = self._clock.now()
        tally = Tally(self._recorder.outcomes)
        moment = Now(now, now, random.random())  # noqa: S311 (spreads retries, guards nothing)
        return await replace(self._recorder, outcomes=tally).apply(conn, events, moment), tally

    def _committed(
        self, written: tuple[Recorded, Tally] | None, events: Sequence[Event], senders: Mapping[AttemptKey, str]
    ) -> None:
        """Tells, counts and wakes; nothing before the commit, so nothing of what was rolled back."""
        if written is None:
            return
        recorded, tally = written
        for event in events:
            if isinstance(event, Told):
                self._heard(event, senders.get(event.key, ""))
        tally.committed(self._wakes.count)
        for what, count in recorded.counted.items():
            self._wakes.count(what, {}, count)
        if recorded.requeued:
            self._wakes.queued()
        if recorded.outcomes:
            self._wakes.outcomes()

    def _heard(self, event: Told, sender: str) -> None:
        word = event.word
        _log.info(
            "receipt",
            account_id=self.account_id,
            notification_id=str(event.key.notification_id),
            attempt=event.key.number,
            sid=word.sid,
            status=word.status,
            code=word.provider_code,
            source=word.source,
        )
        self._wakes.count("receipt", {"status": word.status, "code": str(word.provider_code)}, 1)
        self._wakes.heard(sender, word.status, word.provider_code)
