"""Where Stripe cannot reach us, its event list is read whole: however long it is, whatever comes or fails meanwhile."""

import base64
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

import asyncpg
import pytest

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.inbox import polling
from ingest_service.inbox.polling import Polling
from ingest_service.sealing import Sealer, parse_keys
from ingest_service.stripe_reads import StripeReads, reading
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE

MAIN = Account(
    "main", None, livemode=False, api_key="sk_test_x", webhook_secrets=(), region="US", zone="UTC", rules_file=None
)
CONNECTED = replace(MAIN, account_id="connected", stripe_account="acct_1Connected0001")
SEALER = Sealer(parse_keys(f"k1:{base64.b64encode(os.urandom(32)).decode()}"))
BEGAN = int(time.time()) - 3_000
"""Unix seconds: up to here everything has been read."""
NUMBERED = re.compile("evt_[0-9]+")
A_TURN = 50
"""Events that a turn reads at most in these tests: five pages of ten."""


@dataclass
class Poller:
    """Who polls, and the Stripe that is polled."""

    box: RunningSandbox
    reads: StripeReads
    pool: "asyncpg.Pool[asyncpg.Record]"
    ends: list[str] = field(default_factory=list)
    made: list[tuple[str, str]] = field(default_factory=list)
    beats: int = 0

    def started(self, account: Account = MAIN) -> Polling:
        """A process that has just started."""
        return Polling(self.pool, account, Clock(), SEALER, self.reads, self.made.extend, self.ends.append, self._beat)

    def _beat(self) -> None:
        self.beats += 1

    def happen(self, numbers: Sequence[int], account: Account = MAIN) -> None:
        """Lets an event happen at Stripe for each number, one a second."""
        stripe = self.box.app[STRIPE]
        _, story = stripe.play("purchase", {}, account=account.stripe_account)
        pattern = next(each for each in story if each.type == "charge.succeeded")
        world = stripe.accounts.world(account.stripe_account or stripe.accounts.main, livemode=False)
        world.events[:] = [each for each in world.events if NUMBERED.fullmatch(each.id)]  # without the story's own
        for number in numbers:
            event = replace(pattern, id=f"evt_{number}", created=BEGAN + number)
            world.events.append(event)
            world.on_event(event)

    async def stored(self, account: str = "main") -> set[str]:
        """The ids of our events that are in the inbox."""
        rows = await self.pool.fetch("SELECT event_id FROM event WHERE account_id = $1", account)
        return {row["event_id"] for row in rows}

    async def cursor(self) -> asyncpg.Record:
        """How far it has read."""
        row = await self.pool.fetchrow("SELECT * FROM poll_cursor WHERE account_id = 'main'")
        assert row is not None
        return row


@pytest.fixture
async def poller(ingest_pool: "asyncpg.Pool[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Poller]:
    monkeypatch.setattr(polling, "PAGE", 10)
    monkeypatch.setattr(polling, "MOST_PAGES", A_TURN // 10)
    accounts = {"main": MAIN, "connected": CONNECTED}
    async with (
        running_sandbox(SandboxSettings(listen="127.0.0.1:0")) as box,
        reading(ingest_pool, accounts, api_base=box.stripe_api_base, per_second=100) as reads,
    ):
        for account_id in accounts:
            await ingest_pool.execute(
                "INSERT INTO poll_cursor (account_id, poll, read_until) VALUES ($1, 'events', to_timestamp($2))",
                account_id,
                BEGAN,
            )
        yield Poller(box, reads, ingest_pool)


def ids(numbers: Sequence[int]) -> set[str]:
    """As they are stored."""
    return {f"evt_{number}" for number in numbers}


async def test_a_list_longer_than_a_turn_is_read_to_its_end_over_restarts_while_more_happens(poller: Poller) -> None:
    before = (await poller.cursor())["read_until"]
    poller.happen(range(180))
    turns = 0
    while await poller.started().turn():
        turns += 1
        poller.happen([1_000 + turns])
        assert (await poller.cursor())["read_until"] == before, (
            "the cursor moves when the list is at its end, not before"
        )
    assert turns == 3
    assert await poller.stored() >= ids(range(180))
    while await poller.started().turn():
        pass
    assert await poller.stored() == ids([*range(180), *range(1_001, 1_004)])
    assert (await poller.cursor())["read_until"].timestamp() == BEGAN + 1_003
    assert (await poller.cursor())["walk_after"] is None
    assert poller.ends.count("goes_on") >= 3
    assert poller.beats >= 18, "each page is a sign of life"


async def test_what_fails_on_the_way_is_asked_again_where_it_failed(poller: Poller) -> None:
    poller.happen(range(120))
    assert await poller.started().turn() == 1
    poller.box.sandbox.faults.replace([{"side": "stripe", "operation": "events.list", "act": "500", "count": 1}])
    stands = (await poller.cursor())["walk_after"]
    assert await poller.started().turn() == 0
    assert poller.ends[-1] == "put_off"
    assert (await poller.cursor())["walk_after"] == stands
    while await poller.started().turn():
        pass
    assert await poller.stored() == ids(range(120))


async def test_a_place_that_stripe_knows_no_more_begins_the_walk_anew(poller: Poller) -> None:
    poller.happen(range(60))
    assert await poller.started().turn() == 1
    await poller.pool.execute("UPDATE poll_cursor SET walk_after = 'evt_gone' WHERE account_id = 'main'")
    assert await poller.started().turn() == 0
    assert poller.ends[-1] == "lost"
    while await poller.started().turn():
        pass
    assert await poller.stored() == ids(range(60))


async def test_two_replicas_that_poll_at_once_skip_nothing(poller: Poller) -> None:
    poller.happen(range(130))
    one, two = poller.started(), poller.started()
    more = True
    while more:
        more = bool(await one.turn()) | bool(await two.turn())
        poller.happen([2_000 + poller.beats])
    while await one.turn():
        pass
    assert await poller.stored() >= ids(range(130))
    latest = max(int(each.removeprefix("evt_")) for each in await poller.stored())
    assert (await poller.cursor())["read_until"].timestamp() == BEGAN + latest


async def test_a_connected_accounts_events_are_its_own_although_the_list_does_not_name_it(poller: Poller) -> None:
    poller.happen(range(5), CONNECTED)
    await poller.started(CONNECTED).turn()
    assert await poller.stored("connected") == ids(range(5))
    states = await poller.pool.fetch("SELECT DISTINCT state FROM event WHERE account_id = 'connected'")
    assert [row["state"] for row in states] == ["received"]
    assert set(poller.made) == {("connected", "received")}
    assert await poller.stored("main") == set()
