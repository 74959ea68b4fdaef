"""Takes submitted requests: a result for each, in order."""

import datetime
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import asyncpg
import structlog

from notify_service.challenges.codes import Codes
from notify_service.clock import Clock
from notify_service.consent.addresses import AddressBook
from notify_service.delivery.states import ImpossibleMoveError
from notify_service.intake import store
from notify_service.intake.choosing import choose, foreseen, numbers_of
from notify_service.intake.decision import Go
from notify_service.intake.preparing import AccountInForce, Prepared, prepare
from notify_service.intake.request import Request
from notify_service.intake.results import Key, Previewed, Rejected, Result, Stored, key_of
from notify_service.intake.taking import Taking
from notify_service.sealing import Sealer

log = structlog.get_logger()

TRIES = 3


class Intake:
    """Takes requests."""

    def __init__(
        self,
        pool: Any,
        clock: Clock,
        in_force: Callable[[str], AccountInForce],
        sealer: Sealer,
        book: AddressBook,
        codes: Codes,
        queued: Callable[[str], None],
    ) -> None:
        """``queued`` is called with an account after a commit that queued something for it, or that asks something."""
        self._pool, self._clock, self._in_force = pool, clock, in_force
        self._sealer, self._book, self._codes, self._queued = sealer, book, codes, queued

    async def submit(self, requests: Sequence[Request | Rejected]) -> list[Result]:
        """A result for each item, in order; what was rejected before stays so."""
        results: list[Result | None] = [item if isinstance(item, Rejected) else None for item in requests]
        by_account: dict[str, list[tuple[int, Request]]] = {}
        for index, item in enumerate(requests):
            if isinstance(item, Request):
                by_account.setdefault(item.account_id, []).append((index, item))
        for account_id, indexed in by_account.items():
            given = await self._submit_for(account_id, [request for _, request in indexed])
            for (index, _), result in zip(indexed, given, strict=True):
                results[index] = result
        return [result for result in results if result is not None]

    async def _submit_for(self, account_id: str, requests: Sequence[Request]) -> list[Result]:
        in_force, now = self._in_force(account_id), self._clock.now()
        prepared = [prepare(request, in_force) for request in requests]
        ready = [item for item in prepared if isinstance(item, Prepared)]
        real = [item for item in ready if not item.request.dry_run]
        dry = [item for item in ready if item.request.dry_run]
        stored = await self._take(account_id, real, in_force, now) if real else {}
        previews = await self._preview(account_id, dry, in_force, now) if dry else {}
        asks = any(item.request.question is not None for item in real)
        new = [one for one in stored.values() if isinstance(one, Stored) and not one.duplicate]
        if any(asks or one.state == "queued" for one in new):
            self._queued(account_id)
        results: list[Result] = []
        given: set[Key] = set()
        for item in prepared:
            if isinstance(item, Rejected):
                results.append(item)
                continue
            key = key_of(item.request)
            result = previews[key] if item.request.dry_run else stored[key]
            if key in given and isinstance(result, Stored):  # the same item twice in one batch
                result = replace(result, duplicate=True)
            given.add(key)
            results.append(result)
        return results

    async def _take(
        self, account_id: str, items: Sequence[Prepared], in_force: AccountInForce, now: datetime.datetime
    ) -> dict[Key, Result]:
        async def once(some: Sequence[Prepared]) -> dict[Key, Result]:
            async with self._pool.acquire() as conn, conn.transaction():
                return await Taking(conn, account_id, in_force, self._sealer, self._book, now, self._codes).take(some)

        try:
            return await _persistently(lambda: once(items))
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError, ValueError, ImpossibleMoveError) as error:
            # the database takes one of them not: the others must not suffer
            if len(items) == 1:
                log.exception("submit.item_not_stored", account_id=account_id, error=type(error).__name__)
                why = "cannot be stored: this is a defect of notify-service"
                return {key_of(items[0].request): Rejected("", why, "report it with the request_id")}
        alone: dict[Key, Result] = {}
        for item in items:
            for key, result in (await self._take(account_id, [item], in_force, now)).items():
                alone.setdefault(key, result)
        return alone

    async def _preview(
        self, account_id: str, items: Sequence[Prepared], in_force: AccountInForce, now: datetime.datetime
    ) -> dict[Key, Result]:
        async with self._pool.acquire() as conn:
            found = await self._book.find(conn, account_id, numbers_of(items))
            cancelled = await store.cancelled(
                conn, account_id, [(item.request.caller, item.request.concern) for item in items]
            )
        known = {number: one.verdicts for number, one in found.items()}
        previews: dict[Key, Result] = {}
        for item in items:
            request = item.request
            as_of = cancelled.get((request.caller, request.concern))
            outcome = foreseen(choose(item, known, in_force, now), known, as_of, in_force, now)
            stop = None if isinstance(outcome, Go) else outcome
            channel = outcome.channels[0] if isinstance(outcome, Go) else request.channels[0]
            previews[key_of(request)] = Previewed(channel, item.rendered, stop)
        return previews


async def _persistently(work: Callable[[], Awaitable[dict[Key, Result]]]) -> dict[Key, Result]:
    """Once more where the database gave way to another transaction: nothing of the first time is left."""
    for left in reversed(range(TRIES)):
        try:
            return await work()
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            if not left:
                raise
    raise AssertionError
