"""Rows as the fold writes them, and the parts of the planning side on one database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg

from ingest_service.clock import Clock
from ingest_service.database import shipped
from ingest_service.planning import rules_store
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.planning.sealed_columns import seal_details
from ingest_service.sealing import Sealer
from ingest_service.submitting.cancels import Cancels
from ingest_service.submitting.handing_over import HandingOver
from ingest_service.submitting.looking import Looking
from ingest_service.submitting.looks import Looks, slots
from ingest_service.submitting.notify_client import NotifyClient
from ingest_service.submitting.outcomes import Outcomes
from ingest_service.submitting.running import Parts
from ingest_service.submitting.sorting import Sorting
from ingest_service.submitting.submission import Submission
from ingest_service.submitting.truth import Seen, StillSo

ACCOUNT = "main"
SEALER = Sealer({"k1": b"k" * 32})
AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
PERSON: Mapping[str, Any] = {
    "customer_id": "cus_1",
    "name": "Ada",
    "languages": ["en"],
    "time_zones": [],
    "places": [{"country": "US", "subdivision": "CA", "postal_code": "94107"}],
    "addresses": [
        {
            "number": "+14155550100",
            "source": "customer.phone",
            "first_seen_at": 1_790_000_000,
            "region_hints": ["US"],
            "given_in_transaction": True,
            "replaced_another": False,
        }
    ],
}


class FixedClock(Clock):
    """Business time that stands where a test puts it."""

    def __init__(self, at: datetime = AT) -> None:
        """Stands at this moment."""
        super().__init__()
        self.at = at

    def now(self) -> datetime:
        """The moment set."""
        return self.at

    def pass_(self, length: timedelta) -> None:
        """Lets time pass."""
        self.at += length


@dataclass
class Side:
    """The planning side over one database."""

    pool: asyncpg.Pool
    clock: FixedClock = field(default_factory=FixedClock)
    looks: dict[str, Seen] = field(default_factory=dict)
    looked_at: list[str] = field(default_factory=list)

    async def look(self, _account_id: str, subject_id: str, _fact: Mapping[str, Any]) -> Seen:
        """Stripe, as the test says it stands."""
        self.looked_at.append(subject_id)
        return self.looks.get(subject_id, StillSo())

    def planning(self) -> Planning:
        """A replica of the planner."""
        return Planning(self.pool, [ACCOUNT], self.clock, SEALER, RulesInForce(SEALER))

    def submission(self, notify: NotifyClient) -> Submission:
        """A replica of the submitter."""
        return Submission(self.pool, [ACCOUNT], self.clock, self.sorting(), HandingOver(self.pool, self.clock, notify))

    def looking(self, notify: NotifyClient, per_second: int = 20) -> Looking:
        """A replica of who looks at Stripe."""
        handing_over = HandingOver(self.pool, self.clock, notify)
        looks = Looks(slots(per_second))
        return Looking(self.pool, [ACCOUNT], self.clock, self.sorting(), handing_over, self.look, looks)

    async def look_up(self, notify: NotifyClient) -> None:
        """Takes due steps, and looks at Stripe until nothing is left to look at."""
        await self.submission(notify).turn()
        looking = self.looking(notify)
        while await looking.turn():
            await looking.looks.settle()

    @staticmethod
    def sorting() -> Sorting:
        """Who decides what a step needs."""
        return Sorting({ACCOUNT: ZoneInfo("UTC")}, SEALER)

    def cancels(self, notify: NotifyClient) -> Cancels:
        """A replica of the canceller."""
        return Cancels(self.pool, [ACCOUNT], notify)

    def outcomes(self, notify: NotifyClient) -> Outcomes:
        """A replica of the listener."""
        return Outcomes(self.pool, [ACCOUNT], notify, self.clock)

    def parts(self, notify: NotifyClient) -> Parts:
        """A whole replica."""
        return Parts(
            self.planning(), self.submission(notify), self.looking(notify), self.cancels(notify), self.outcomes(notify)
        )

    async def rules(self, file: Path | None = None) -> None:
        """Puts a rules file in force; without one, the shipped."""
        async with self.pool.acquire() as conn:
            await rules_store.apply(conn, ACCOUNT, file or shipped("rules.yaml"), SEALER, by="test")

    async def steps(self) -> list[asyncpg.Record]:
        """All steps, by plan and number."""
        return list(await self.pool.fetch("SELECT * FROM step WHERE account_id = $1 ORDER BY plan_id, number", ACCOUNT))

    async def step(self) -> asyncpg.Record:
        """The step with number 1, of which there is one."""
        rows = [row for row in await self.steps() if row["number"] == 1]
        assert len(rows) == 1
        return rows[0]

    async def plans(self) -> list[asyncpg.Record]:
        """All plans."""
        return list(await self.pool.fetch("SELECT * FROM plan WHERE account_id = $1 ORDER BY plan_id", ACCOUNT))

    async def facts(self, keys: Sequence[str], **what: Any) -> None:
        """Adds several facts that differ in their keys."""
        for key in keys:
            await self.fact(key, **what)

    async def fact(
        self,
        key: str = "payment_failed:in_1:1",
        *,
        concern: str = "invoice:in_1/unpaid",
        at: datetime | None = None,
        attributes: Mapping[str, Any] | None = None,
        person: Mapping[str, Any] = PERSON,
        amount: int = 4200,
        lane: int = 2,
        account_id: str = ACCOUNT,
    ) -> None:
        """Adds a fact that is ready, as the fold would; opens its concern."""
        at = at or self.clock.now()
        told = {"is_subscription": True, "attempt_count": 1, "metadata": {}, **(attributes or {})}
        key_id, details = seal_details(SEALER, account_id, key, {"attributes": told, "person": dict(person)})
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO concern (account_id, concern, state, opened_at) VALUES ($1, $2, 'open', $3) ON CONFLICT DO NOTHING",
                account_id, concern, at,
            )  # fmt: skip
            await conn.execute(
                "INSERT INTO fact (account_id, fact_key, kind, concern, subject_id, customer_id, lane, occurred_at, amount, exponent,"
                " currency, event_id, state, due_at, data_key_id, details)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 2, 'usd', $10, 'ready', $8, $11, $12)",
                account_id, key, key.partition(":")[0], concern, concern.partition(":")[2].partition("/")[0],
                person.get("customer_id"), lane, at, amount, f"evt_{key}", key_id, details,
            )  # fmt: skip
