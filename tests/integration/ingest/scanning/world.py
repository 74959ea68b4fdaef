"""Scanners on real PostgreSQL and the sandbox's Stripe, at a business time that stands where a test puts it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from ingest_service.accounts import Account
from ingest_service.folding.resolving import Holds
from ingest_service.planning import rules_store
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.scanning.scanner import Scanner
from ingest_service.scanning.work import Means
from ingest_service.stripe_reads import StripeReads, reading
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.stripe.world import Obj
from tests.integration.ingest.planning.rows import SEALER, FixedClock

AT = datetime(2026, 11, 23, 10, 0, 5, tzinfo=UTC)
MAIN = Account(
    account_id="main", stripe_account=None, livemode=False, api_key="sk_test_sandbox", webhook_secrets=(), region="US", zone="UTC", rules_file=None
)  # fmt: skip
RENEWALS = 'schedules: {renewal_reminders: {days: [7], who: all, at: "10:00"}}\nflows: []\n'


@dataclass
class ScanWorld:
    """One database, one Stripe, and scanners as many as asked for."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    box: RunningSandbox
    reads: StripeReads
    folder: Path
    clock: FixedClock = field(default_factory=lambda: FixedClock(AT))
    account: Account = MAIN
    facts_told: list[tuple[str, str, str]] = field(default_factory=list)

    def scanner(self) -> Scanner:
        """A replica."""
        means = Means(
            self.pool, self.clock, SEALER, Holds(), self.reads, told=lambda *labels: self.facts_told.append(labels)
        )
        return Scanner({"main": self.account}, means, RulesInForce(SEALER))

    async def scan(self, replicas: int = 1) -> None:
        """Works until nothing is due."""

        async def work(scanner: Scanner) -> None:
            while await scanner.turn():
                pass

        await asyncio.gather(*(work(self.scanner()) for _ in range(replicas)))

    async def rules(self, text: str) -> None:
        """Puts rules in force."""
        file = self.folder / "rules.yaml"
        file.write_text(text)
        async with self.pool.acquire() as conn:
            await rules_store.apply(conn, "main", file, SEALER, by="test")

    def play(self, story: str, **given: Any) -> dict[str, str]:
        """Lets something happen at Stripe, at this business time."""
        self.box.sandbox.clock.offset = round((self.clock.now() - datetime.now(UTC)).total_seconds())
        ids, _ = self.box.app[STRIPE].play(story, given)
        return dict(ids)

    def at_stripe(self, identity: str) -> Obj:
        """An object as Stripe has it, to be changed."""
        stripe = self.box.app[STRIPE]
        return stripe.accounts.world(stripe.accounts.main, livemode=False).need(identity)

    def many_renewals(self, number: int, days: int = 7) -> None:
        """So many subscriptions that renew on one day."""
        for one in range(number):
            self.play("renewal_due", days=days, expiring_card=False, name=f"Customer {one}")

    def asked(self, path: str) -> int:
        """How many calls of this path Stripe took."""
        return len(self.box.app[STRIPE].api.log.found(path=path))

    async def facts(self, kind: str = "%") -> dict[str, tuple[str, str | None]]:
        """Key to state and reason of every fact."""
        rows = await self.pool.fetch(
            "SELECT fact_key, state, reason FROM fact WHERE account_id = 'main' AND kind LIKE $1", kind
        )
        return {row["fact_key"]: (row["state"], row["reason"]) for row in rows}

    async def scans(self, scan: str) -> dict[str, str]:
        """Window to state of a scan's rows."""
        rows = await self.pool.fetch(
            "SELECT scan_window, state FROM scan WHERE account_id = 'main' AND scan = $1 ORDER BY 1", scan
        )
        return {row["scan_window"]: row["state"] for row in rows}

    def pass_(self, **length: float) -> None:
        """Lets time pass."""
        self.clock.pass_(timedelta(**length))


@asynccontextmanager
async def scan_world(pool: "asyncpg.Pool[asyncpg.Record]", folder: Path, **account: Any) -> AsyncIterator[ScanWorld]:
    """With its sandbox, until the block ends."""
    main = replace(MAIN, **account)
    async with (
        running(Settings(listen="127.0.0.1:0", time_scale=0.01)) as box,
        reading(pool, {"main": main}, api_base=box.stripe_api_base, per_second=100) as reads,
    ):
        yield ScanWorld(pool, box, reads, folder, account=main)
