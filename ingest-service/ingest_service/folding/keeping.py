"""Keeps what Stripe answered: in the tables, for ever, so that nothing is asked twice."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ingest_service.folding import knowledge, mirror, parse
from ingest_service.folding.effects import Alias
from ingest_service.folding.subject import Subject
from ingest_service.sealing import Sealer

Telling = Callable[[Subject], Subject]
"""An object with one more word about it."""


class Keeping(Protocol):
    """Where an account's answers are kept."""

    async def aliases(self, learnt: Sequence[Alias]) -> None:
        """What belongs to what."""
        ...

    async def subject(self, subject_id: str, kind: str, told: Telling) -> None:
        """What an object is."""
        ...

    async def customer(self, customer: parse.Customer, at: datetime.datetime) -> None:
        """Who a customer is, at this business time."""
        ...


@dataclass(frozen=True)
class InTables:
    """Keeps for one account in the database."""

    pool: Any
    sealer: Sealer
    account_id: str

    async def aliases(self, learnt: Sequence[Alias]) -> None:
        """A row each, for ever."""
        if learnt:
            async with self.pool.acquire() as conn:
                await knowledge.learn_aliases(conn, self.account_id, [(alias, "lookup") for alias in learnt])

    async def subject(self, subject_id: str, kind: str, told: Telling) -> None:
        """Merged into what events told of it."""
        async with self.pool.acquire() as conn, conn.transaction():
            subjects = await knowledge.lock_subjects(conn, self.sealer, self.account_id, {subject_id: kind}, ())
            subject = told(subjects.get(subject_id, Subject(subject_id, kind)))
            await knowledge.write_subjects(conn, self.sealer, self.account_id, [subject])

    async def customer(self, customer: parse.Customer, at: datetime.datetime) -> None:
        """Merged into what events told of them."""
        async with self.pool.acquire() as conn, conn.transaction():
            known = await knowledge.customers(conn, self.sealer, self.account_id, (), [customer.id])
            told = mirror.told(known.get(customer.id), customer, at)
            await knowledge.write_customers(conn, self.sealer, self.account_id, [told])
