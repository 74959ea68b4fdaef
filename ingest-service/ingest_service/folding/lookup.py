"""Looks again at held facts whose time has come, and asks Stripe where what is known is not enough: a few reads a fact.

A lease lies on the row while Stripe is asked, and no connection is held. What was learnt is kept for ever (which invoice a payment
belongs to, the customer), so nothing is asked twice. An event that tells more of a fact meanwhile takes its lease away: what was
found out then stands in what is known, and the fact is looked at again.
"""

import asyncio
import datetime
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import structlog

from ingest_service.accounts import Account
from ingest_service.beat import Beat, side_by_side, silent
from ingest_service.clock import Clock
from ingest_service.folding import fact_store, knowledge, pending
from ingest_service.folding.asking import Asking
from ingest_service.folding.fact_row import fact_row
from ingest_service.folding.keeping import InTables
from ingest_service.folding.presentment import is_of_bill, payment_of
from ingest_service.folding.resolving import Dropped, Holds, Known, LookUp, Pending, Resolution, Trouble, resolve
from ingest_service.planning.sealed_columns import open_details
from ingest_service.sealing import MissingKeyError, Sealer, UnsealableError
from ingest_service.stripe_reads import StripeReads

log = structlog.get_logger()

MOST: Final = 100
AT_ONCE: Final = 8
LEASE: Final = datetime.timedelta(minutes=5)
"""Longer than a whole batch takes where Stripe answers no question in time."""
AGAIN: Final = (5, 15, 60, 300)
"""Seconds until a fact is looked at again, by the number of tries."""
MOST_QUESTIONS: Final = 6
"""An invoice or why it was not paid, a checkout and its lines or a price, a charge, a customer: each answer may raise the next one, and
the last one must be looked at, too."""
UNREADABLE_TRIES: Final = 8
"""So often a row of ours that cannot be read is tried, before it is given up, visibly."""


Looked = Literal["ready", "settled", "open"]
"""What a look came to: the fact can be told; it waits, or is not told; Stripe must be asked."""

Look = Callable[[Any, uuid.UUID], Awaitable[Looked]]


@dataclass(frozen=True)
class Lookup:
    """Looks again at held facts of these accounts. ``beat`` is called while it waits for Stripe: slow is not dead."""

    pool: Any
    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    holds: Holds
    reads: StripeReads
    beat: Beat = silent

    async def turn(self) -> tuple[int, int]:
        """Takes a batch; gives how many facts were looked at and how many became ready."""
        lease = uuid.uuid4()
        async with self.pool.acquire() as conn:
            rows = await fact_store.claim_held(conn, list(self.accounts), self.clock.now(), MOST, LEASE, lease)
        # what is known by now is enough for most: they do not wait for those that Stripe is asked about
        first = await self._each(rows, lease, self._settle)
        asked = [row for row, looked in zip(rows, first, strict=True) if looked == "open"]
        second = await self._each(asked, lease, self._find_out)
        return len(rows), [*first, *second].count("ready")

    async def _each(self, rows: Sequence[Any], lease: uuid.UUID, look: Look) -> list[Looked]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Any) -> Looked:
            async with gate:
                return await self._guarded(row, lease, look)

        return await side_by_side((one(row) for row in rows), self.beat)

    async def _guarded(self, row: Any, lease: uuid.UUID, look: Look) -> Looked:
        """One look. A fact or an answer that cannot be read stands in nobody else's way."""
        try:
            return await look(row, lease)
        except (UnsealableError, KeyError, TypeError, ValueError) as error:
            account_id, key = row["account_id"], row["fact_key"]
            log.warning("lookup.unreadable", account_id=account_id, fact_key=key, error=type(error).__name__)
            reason = f"what is stored of it cannot be read ({type(error).__name__}); check INGEST_DATA_KEYS"
            async with self.pool.acquire() as conn:
                if row["tries"] >= UNREADABLE_TRIES and not isinstance(error, MissingKeyError):
                    await fact_store.drop(conn, account_id, key, lease, reason)
                else:
                    await fact_store.put_off(conn, account_id, key, lease, reason, self._again(row))
            return "settled"

    async def _settle(self, row: Any, lease: uuid.UUID) -> Looked:
        """Settles a fact by what is known."""
        waiting = self._opened(row)
        resolution = await self._resolve(row["account_id"], waiting, _trouble(row))
        if isinstance(resolution, LookUp):
            return "open"
        return await self._write(row["account_id"], waiting, row["event_id"], resolution, lease)

    async def _find_out(self, row: Any, lease: uuid.UUID) -> Looked:
        """Asks Stripe what is missing, one question after the other."""
        account_id, key = row["account_id"], row["fact_key"]
        asking = Asking(InTables(self.pool, self.sealer, account_id), self.clock.now, self.reads, account_id)
        waiting, trouble = self._opened(row), _trouble(row)
        reason = "Stripe's answers do not settle it"
        vain: set[str] = set()
        for _ in range(MOST_QUESTIONS):
            resolution = await self._resolve(account_id, waiting, trouble)
            if not isinstance(resolution, LookUp):
                return await self._write(account_id, waiting, row["event_id"], resolution, lease)
            if resolution.what in vain:
                break
            answer = await asking.ask(resolution, waiting)
            if isinstance(answer, Dropped):
                return await self._write(account_id, waiting, row["event_id"], answer, lease)
            if isinstance(answer, Pending):
                waiting = answer
            else:
                vain.add(resolution.what)
                reason, trouble = answer, Trouble(answer, row["tries"], frozenset(vain))
        async with self.pool.acquire() as conn:
            await fact_store.put_off(conn, account_id, key, lease, reason, self._again(row))
        return "settled"

    def _opened(self, row: Any) -> Pending:
        stored = open_details(self.sealer, row["account_id"], row["fact_key"], row["data_key_id"], row["details"])
        return pending.from_json(stored, row["occurred_at"])

    def _again(self, row: Any) -> datetime.datetime:
        return self.clock.now() + datetime.timedelta(seconds=AGAIN[min(row["tries"], len(AGAIN)) - 1])

    async def _resolve(self, account_id: str, waiting: Pending, trouble: Trouble | None) -> Resolution:
        async with self.pool.acquire() as conn, conn.transaction():
            known = await self._know(conn, account_id, waiting)
        return resolve(waiting, known, self.clock.now(), self.holds, self.accounts[account_id].region, trouble)

    async def _know(self, conn: Any, account_id: str, waiting: Pending) -> Known:
        draft = waiting.draft
        ids = [one for one in (draft.subject_id, draft.need_id, draft.names_whom) if one]
        aliases = await knowledge.aliases(conn, account_id, [*ids, *filter(None, [draft.of_price])])
        if draft.of_price or is_of_bill(draft):
            ids += filter(None, [str(draft.attributes.get("subscription", ""))])
        if is_of_bill(draft):
            ids += filter(None, [payment_of(draft, aliases)])
        subjects = await knowledge.lock_subjects(conn, self.sealer, account_id, {}, ids)
        customer_ids = {draft.customer_id, *(subject.customer_id for subject in subjects.values())}
        customers = await knowledge.customers(conn, self.sealer, account_id, sorted(filter(None, customer_ids)))
        return Known(subjects, aliases, customers)

    async def _write(
        self, account_id: str, waiting: Pending, event_id: str, resolution: Resolution, lease: uuid.UUID
    ) -> Looked:
        fact = fact_row(self.sealer, account_id, waiting, event_id, resolution, self.clock.now())
        async with self.pool.acquire() as conn, conn.transaction():
            ours = await fact_store.write(conn, account_id, [fact], lease)
            if ours and not isinstance(resolution, Dropped):
                await fact_store.open_concerns(conn, account_id, [(waiting.draft.concern, waiting.occurred_at)])
        return "ready" if ours and fact.state == "ready" else "settled"


def _trouble(row: Any) -> Trouble | None:
    """What kept a fact waiting before this look, if anything did."""
    before = int(row["tries"]) - 1
    return Trouble(str(row["reason"]), before) if before else None
