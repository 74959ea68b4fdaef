"""Looks again at held facts whose time has come, and asks Stripe where what is known is not enough: at most two reads a fact.

A lease lies on the row while Stripe is asked, and no connection is held. What was learnt is kept for ever (which invoice a payment
belongs to, the customer), so nothing is asked twice.
"""

import asyncio
import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding import fact_store, knowledge, mirror, parse, pending
from ingest_service.folding.effects import Alias
from ingest_service.folding.fold import fact_row
from ingest_service.folding.mirror import Mirror
from ingest_service.folding.resolving import Holds, Known, LookUp, Pending, resolve
from ingest_service.folding.subject import Subject
from ingest_service.planning.sealed_columns import open_details
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads

MOST = 100
AT_ONCE = 8
LEASE = datetime.timedelta(seconds=40)
AGAIN = (5, 15, 60, 300)
"""Seconds until Stripe is asked again, by the number of tries."""


@dataclass(frozen=True)
class Lookup:
    """Looks again at held facts of these accounts."""

    pool: Any
    accounts: Mapping[str, Account]
    clock: Clock
    sealer: Sealer
    holds: Holds
    reads: StripeReads

    async def turn(self) -> tuple[int, int]:
        """Takes a batch; gives how many facts were looked at and how many became ready."""
        async with self.pool.acquire() as conn:
            rows = await fact_store.claim_held(conn, list(self.accounts), self.clock.now(), MOST, LEASE)
        if not rows:
            return 0, 0
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(row: Any) -> bool:
            async with gate:
                return await self._look(row)

        ready = await asyncio.gather(*(one(row) for row in rows))
        return len(rows), sum(ready)

    async def _look(self, row: Any) -> bool:
        account_id, key = row["account_id"], row["fact_key"]
        waiting = pending.from_json(
            open_details(self.sealer, account_id, key, row["data_key_id"], row["details"]), row["occurred_at"]
        )
        region = self.accounts[account_id].region
        for _ in range(3):  # an invoice, then a charge or a customer: each answer may raise the next question
            async with self.pool.acquire() as conn:
                known = await self._know(conn, account_id, waiting)
            resolution = resolve(waiting, known, self.clock.now(), self.holds, region)
            if not isinstance(resolution, LookUp):
                return await self._write(account_id, waiting, row["event_id"], resolution)
            failed = await self._ask(account_id, resolution)
            if failed is not None:
                wait = datetime.timedelta(seconds=AGAIN[min(row["tries"], len(AGAIN)) - 1])
                async with self.pool.acquire() as conn:
                    await fact_store.put_off(conn, account_id, [key], failed, self.clock.now() + wait)
                return False
        async with self.pool.acquire() as conn:
            await fact_store.put_off(
                conn, account_id, [key], "Stripe's answers do not settle it", self.clock.now() + LEASE
            )
        return False

    async def _know(self, conn: Any, account_id: str, waiting: Pending) -> Known:
        draft = waiting.draft
        ids = [one for one in (draft.subject_id, draft.need_id) if one]
        async with conn.transaction():
            subjects = await knowledge.lock_subjects(conn, account_id, {}, ids)
            aliases = await knowledge.aliases(conn, account_id, ids)
            customer_ids = {draft.customer_id, *(subject.customer_id for subject in subjects.values())}
            customers = await knowledge.customers(conn, self.sealer, account_id, sorted(filter(None, customer_ids)))
        return Known(subjects, aliases, customers)

    async def _write(self, account_id: str, waiting: Pending, event_id: str, resolution: Any) -> bool:
        fact = fact_row(self.sealer, account_id, waiting, event_id, resolution, self.clock.now())
        async with self.pool.acquire() as conn, conn.transaction():
            await fact_store.write(conn, account_id, [fact])
            if fact.state == "ready":
                await fact_store.open_concerns(conn, account_id, [(waiting.draft.concern, waiting.occurred_at)])
        return fact.state == "ready"

    async def _ask(self, account_id: str, question: LookUp) -> str | None:
        """Asks and keeps the answer; why not, where Stripe could not be asked."""
        match question.what:
            case "invoice_of_payment":
                return await self._invoice_of(account_id, question.identity)
            case "charge":
                return await self._charge(account_id, question.identity)
            case _:
                return await self._customer(account_id, question.identity)

    async def _invoice_of(self, account_id: str, payment_intent: str) -> str | None:
        params = {"payment[type]": "payment_intent", "payment[payment_intent]": payment_intent, "limit": 1}
        answer = await self.reads.get(account_id, "/v1/invoice_payments", params)
        if isinstance(answer, AskLater):
            return answer.reason
        listed = answer.body.get("data") if isinstance(answer, Found) else []
        invoice = parse.text(listed[0], "invoice") if isinstance(listed, list) and listed else ""
        await self._learn(account_id, [Alias(payment_intent, "invoice", invoice)])
        return None

    async def _charge(self, account_id: str, identity: str) -> str | None:
        answer = await self.reads.get(account_id, f"/v1/charges/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        charge = parse.charge(answer.body) if isinstance(answer, Found) else None
        now = self.clock.now()
        async with self.pool.acquire() as conn, conn.transaction():
            subjects = await knowledge.lock_subjects(conn, account_id, {identity: "charge"}, ())
            told = subjects.get(identity, Subject(identity, "charge"))
            if charge is not None:
                phones = [[one.number, one.source, one.country] for one in charge.phones]
                facts = {"payment_intent": charge.payment_intent, "captured": charge.captured, "phones": phones}
                told = told.told(status=charge.status, customer_id=charge.customer, at=now, facts=facts)
            await knowledge.write_subjects(conn, account_id, [told])
        return None

    async def _customer(self, account_id: str, identity: str) -> str | None:
        answer = await self.reads.get(account_id, f"/v1/customers/{identity}")
        if isinstance(answer, AskLater):
            return answer.reason
        now = self.clock.now()
        gone = parse.Customer(identity, deleted=True, name="", phones=(), languages=(), place={})
        told: Mirror = mirror.told(None, gone if isinstance(answer, Gone) else parse.customer(answer.body), now)
        async with self.pool.acquire() as conn, conn.transaction():
            await knowledge.write_customers(conn, self.sealer, account_id, [told])
        return None

    async def _learn(self, account_id: str, aliases: Sequence[Alias]) -> None:
        async with self.pool.acquire() as conn:
            await knowledge.learn_aliases(conn, account_id, [(alias, "lookup") for alias in aliases])
