"""Records what calls came to and what the provider tells, in batches; wakes whoever waits for it (SQL)."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from .batching import Batches
from .case import Now, Receipt
from .events import AttemptKey, Event, Told
from .ports import Clock
from .record import Recorder
from .tokens import CallbackToken

_log = structlog.get_logger()
DATABASE_GONE = (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, TimeoutError)
_PATIENCE_SECONDS = 20.0
ORPHANS_KEPT = timedelta(days=1)

_ATTEMPTS_NAMED = """
SELECT k.token, a.created_on, a.notification_id, a.number
FROM unnest($2::date[], $3::bytea[]) AS k (created_on, token)
JOIN attempt a ON a.account_id = $1 AND a.created_on = k.created_on AND a.token = k.token
"""
_ORPHAN = """
INSERT INTO orphan_receipt (account_id, sid, status, provider_code)
SELECT $1, o.* FROM unnest($2::text[], $3::text[], $4::int[]) AS o ON CONFLICT DO NOTHING
"""
_ADOPTABLE = """
SELECT o.sid, o.status, o.provider_code, a.created_on, a.notification_id, a.number
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
    """Whom to wake after a commit, and how to count."""

    queued: Callable[[], None]
    outcomes: Callable[[], None]
    count: Callable[[str, int], None]


class Records:
    """The one place through which an account's attempts change after their claim."""

    def __init__(self, recorder: Recorder, pool: Any, clock: Clock, wakes: Wakes) -> None:
        self._recorder = recorder
        self._pool = pool
        self._clock = clock
        self._wakes = wakes
        self.answers: Batches[Event] = Batches(self._write_patiently, DATABASE_GONE)
        self.words: Batches[CallbackWord] = Batches(self._write_words, DATABASE_GONE)

    @property
    def account_id(self) -> str:
        """Whose attempts."""
        return self._recorder.account.account_id

    async def write(self, events: Sequence[Event]) -> None:
        """Records events now, in a transaction of its own."""
        async with self._pool.acquire(timeout=2) as conn, conn.transaction():
            recorded = await self._recorder.apply(conn, events, self._now())
        self._wake(recorded)

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
            recorded = await self._recorder.apply(conn, events, self._now()) if events else None
            adopted = [[r[name] for r in rows] for name in ("sid", "status", "provider_code")]
            await conn.execute(_DROP_ADOPTED, self.account_id, *adopted)
            await conn.execute(_DROP_OLD, self.account_id, ORPHANS_KEPT)
        if recorded is not None:
            self._wake(recorded)

    async def _write_patiently(self, events: Sequence[Event]) -> None:
        """An answer is worth waiting for the database: without it the attempt counts as unknown for minutes."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while True:
            try:
                return await self.write(events)
            except DATABASE_GONE as error:
                if asyncio.get_running_loop().time() > deadline:
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
            recorded = await self._recorder.apply(conn, events, self._now()) if events else None
        if orphans:
            self._wakes.count("orphan_receipt", len(orphans))
        if recorded is not None:
            self._wake(recorded)

    def _now(self) -> Now:
        now = self._clock.now()
        return Now(now, now, random.random())  # noqa: S311 (spreads retries, guards nothing)

    def _wake(self, recorded: Any) -> None:
        for what, count in recorded.counted.items():
            self._wakes.count(what, count)
        if recorded.requeued:
            self._wakes.queued()
        if recorded.outcomes:
            self._wakes.outcomes()
