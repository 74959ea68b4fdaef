"""A folder on real PostgreSQL and the sandbox's Stripe."""

import asyncio
import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.folding.fold import Folding
from ingest_service.folding.lookup import Lookup
from ingest_service.folding.resolving import Holds
from ingest_service.inbox import envelope, store
from ingest_service.planning.sealed_columns import open_details
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import StripeReads
from paybell_sandbox.stripe.telling import Told, body, tell

NOW = int(datetime.datetime.now(datetime.UTC).timestamp())
NO_HOLD = Holds(success=datetime.timedelta(), failure=datetime.timedelta())


@dataclass
class House:
    """Everything that folds, and the Stripe that it asks."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    sealer: Sealer
    accounts: dict[str, Account]
    reads: StripeReads
    calls: Any
    """The call log of the sandbox's Stripe."""
    box: Any
    """The sandbox."""
    clock: Clock = field(default_factory=Clock)

    def folding(self, holds: Holds = NO_HOLD) -> Folding:
        """A folder."""
        return Folding(self.accounts, self.clock, self.sealer, holds)

    async def arrive(self, envelopes: Sequence[dict[str, Any]], account: str = "main") -> None:
        """Stores events as the webhook does."""
        now = datetime.datetime.now(datetime.UTC)
        arrivals = [envelope.arrival(self.accounts[account], event, body(event), "webhook", now) for event in envelopes]
        async with self.pool.acquire() as conn:
            await store.store(conn, self.sealer, arrivals, now)

    async def fold(self, workers: int = 1, most: int | None = None) -> None:
        """Folds until nothing is left."""

        async def work() -> None:
            while True:
                async with self.pool.acquire() as conn, conn.transaction():
                    folded = await self.folding().fold(conn, most)
                if not folded.events:
                    return

        await asyncio.gather(*(work() for _ in range(workers)))

    def lookup(self, beat: Callable[[], None] = lambda: None) -> Lookup:
        """Who looks at held facts."""
        return Lookup(self.pool, self.accounts, self.clock, self.sealer, NO_HOLD, self.reads, beat)

    async def look_up(self) -> None:
        """Looks at held facts until none is due."""
        lookup = self.lookup()
        while (await lookup.turn())[0]:
            pass

    def fail(self, *rules: Mapping[str, Any]) -> None:
        """Puts faults of Stripe in force."""
        self.box.sandbox.faults.replace([{"side": "stripe", **rule} for rule in rules])

    async def due_now(self) -> None:
        """Makes everything that was put off due."""
        await self.pool.execute(
            "UPDATE fact SET due_at = now() - interval '1 second' WHERE account_id = 'main' AND due_at IS NOT NULL"
        )
        await self.pool.execute("UPDATE event SET due_at = '-infinity' WHERE account_id = 'main' AND due_at > now()")

    async def facts(self, account: str = "main") -> dict[str, str]:
        """Key to state of every fact."""
        rows = await self.pool.fetch("SELECT fact_key, state FROM fact WHERE account_id = $1", account)
        return {row["fact_key"]: row["state"] for row in rows}

    async def details(self, key: str, account: str = "main") -> dict[str, Any]:
        """What a fact tells."""
        row = await self.pool.fetchrow("SELECT * FROM fact WHERE account_id = $1 AND fact_key = $2", account, key)
        assert row is not None
        return open_details(self.sealer, account, key, row["data_key_id"], row["details"])

    async def settled(self) -> set[str]:
        """The concerns that are over."""
        rows = await self.pool.fetch("SELECT concern FROM concern WHERE account_id = 'main' AND state = 'settled'")
        return {row["concern"] for row in rows}


def story(name: str, version: str = "2026-10-28.endive", **options: Any) -> tuple[Told, list[dict[str, Any]]]:
    """A story of now and its events."""
    told = tell(name, now=NOW - 60, **options)
    return told, told.envelopes(version)
