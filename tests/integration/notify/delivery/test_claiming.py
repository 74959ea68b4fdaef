"""The claim: never one row for two, an opt-out always first, pace and lanes kept, indexes used."""

import asyncio
import datetime
import json
import random
import re
import time
from dataclasses import dataclass, replace
from typing import Any

import asyncpg
import pytest

from notify_service.consent import ledger
from notify_service.delivery import claim, resolver
from notify_service.delivery.case import Times
from notify_service.delivery.claim import Claimer
from notify_service.delivery.gatekeeping import LedgerGatekeeper
from notify_service.delivery.ports import Allowed, Forbidden, NotNow
from notify_service.delivery.service import sending_account_of
from notify_service.delivery.vault import SealedVault
from notify_service.replies import inbound
from notify_service.replies.consent import LedgerConsent
from tests.integration.notify.delivery.desk import (
    FINDER,
    FROM,
    POLICY,
    SEALER,
    StoredOutcomes,
    account,
    desk,
    eventually,
)


def claimer(gatekeeper: Any = None, **changes: Any) -> Claimer:
    return Claimer(
        sending_account_of(account(**changes)),
        Times(),
        SealedVault(SEALER),
        gatekeeper or LedgerGatekeeper(SEALER, lambda _account: POLICY, "main"),
        StoredOutcomes(),
    )


@dataclass(frozen=True, slots=True)
class NightGatekeeper(LedgerGatekeeper):
    """Whatever goes by night may not go before the morning."""

    morning: datetime.datetime

    def may(self, row: Any, gate: Any, channel: str, now: datetime.datetime) -> Allowed | Forbidden | NotNow:
        """The decision."""
        if row["kind"] == "night":
            return NotNow("quiet_hours", self.morning)
        return LedgerGatekeeper.may(self, row, gate, channel, now)


async def test_what_the_claim_decides_names_the_policy_in_force_and_stands_in_the_story(
    notify_pool: asyncpg.Pool,
) -> None:
    """Whatever becomes of a row there, intake's policy is not what decided, and intake's checks do not tell it."""
    async with desk(notify_pool, start=False) as d:
        now = d.clock.now()
        morning = now + datetime.timedelta(hours=2)
        newer = replace(POLICY, version=7)
        one = claimer(NightGatekeeper(SEALER, lambda _account: newer, "main", morning))
        await d.number("+14155551002", granted=())
        expected = {
            await d.submit("+14155551001", wake=False): ("sending", None, None),
            await d.submit("+14155551002", wake=False): ("suppressed", "no_consent", "consent"),
            await d.submit("+8613123456789", wake=False): ("suppressed", "country_not_allowed", "country"),
            await d.submit("+14155551003", wake=False, not_after=now): ("expired", "expired", "time"),
            await d.submit("+14155551004", wake=False, concern="over"): ("cancelled", "concern_cancelled", "concern"),
            await d.submit("+14155551005", wake=False, kind="night"): ("handed_back", "quiet_hours", "quiet_hours"),
            await d.submit("+14155551006", wake=False, kind="night", if_not_now="hold"): ("queued", "quiet_hours", "quiet_hours"),
            await d.submit("+14155551007", wake=False, kind="night", if_not_now="drop"): ("suppressed", "quiet_hours", "quiet_hours"),
            await d.submit("+14155551008", wake=False, channels=["whatsapp"]): ("failed", "sender_misconfigured", "sender"),
            (held := await d.submit("+14155551009", wake=False)): ("held", "sender_misconfigured", "words"),
        }  # fmt: skip
        await notify_pool.execute("UPDATE notification_body SET data_key_id = 'gone' WHERE notification_id = $1", held)
        await notify_pool.execute(
            "INSERT INTO concern_cancel VALUES ('main', 'local', 'over', $1, $1)", now + datetime.timedelta(days=1)
        )
        async with notify_pool.acquire() as conn:
            later = now + datetime.timedelta(seconds=1)
            await one.claim(conn, one.account.senders()["sms"], {2: 50}, later)
        checks = {
            row["notification_id"]: json.loads(row["checks"]) for row in await notify_pool.fetch("SELECT * FROM gate_check")
        }  # fmt: skip
        for notification, (state, reason, name) in expected.items():
            row = await d.row(notification)
            assert (row["state"], row["reason"], row["policy_version"]) == (state, reason, 7), name
            told = [(check[0], check[1], check[3], check[4]) for check in checks[notification]]
            assert told == ([] if name is None else [(name, False, {"policy": "7"}, later.isoformat())])
            assert all(check[2].endswith(".") for check in checks[notification])
        back = await notify_pool.fetch("SELECT due_at FROM notification WHERE state = 'handed_back'")
        assert [row["due_at"] for row in back] == [morning]


async def test_rows_that_somebody_else_holds_are_not_looked_for_without_a_pause(notify_pool: asyncpg.Pool) -> None:
    """They are due and cannot be had: the loop comes again soon, and not at once."""
    async with desk(notify_pool, start=False) as d:
        await d.submit("+14155551001", wake=False)
        sending = d.delivery.lines["main"].sending
        async with notify_pool.acquire() as other, other.transaction():
            await other.execute("SELECT 1 FROM notification FOR UPDATE")
            assert 0 < await sending.turn() <= 0.1
        assert await sending.turn() == 0


async def test_two_workers_never_share_a_row(notify_pool: asyncpg.Pool) -> None:
    """Eight claimers at once: each notification is claimed exactly once, with exactly one attempt."""
    async with desk(notify_pool, start=False) as d:
        made = {await d.submit(f"+1415555{1000 + n % 17}", wake=False) for n in range(120)}
        one = claimer()
        sender = one.account.senders()["sms"]

        async def work() -> list[Any]:
            mine: list[Any] = []
            async with notify_pool.acquire() as conn:
                while batch := (await one.claim(conn, sender, {2: random.randint(1, 9)}, d.clock.now())).calls:
                    mine += [call.key.notification_id for call in batch]
            return mine

        claimed = [i for share in await asyncio.gather(*(work() for _ in range(8))) for i in share]
        assert len(claimed) == len(made)
        assert set(claimed) == made
        assert await notify_pool.fetchval("SELECT count(*) FROM attempt") == len(made)


async def test_a_second_open_attempt_is_impossible(notify_pool: asyncpg.Pool) -> None:
    """The database itself refuses it."""
    async with desk(notify_pool, start=False) as d:
        notification = await d.submit("+14155551001", wake=False)
        one = claimer()
        async with notify_pool.acquire() as conn:
            await one.claim(conn, one.account.senders()["sms"], {2: 1}, d.clock.now())
            await conn.execute(
                "UPDATE notification SET state = 'queued', due_at = now() WHERE notification_id = $1", notification
            )
            batch = await one.claim(conn, one.account.senders()["sms"], {2: 1}, d.clock.now())
        assert (batch.calls, batch.others) == ((), ("held",))
        assert len(await d.attempts(notification)) == 1


async def test_no_attempt_is_committed_after_the_stop(notify_pool: asyncpg.Pool) -> None:
    """200 stops race 200 claims: by the order of their commits, no intent follows its address's stop."""
    async with desk(notify_pool, start=False) as d:
        phones = [f"+1415555{1000 + n}" for n in range(200)]
        for phone in phones:
            await d.submit(phone, wake=False)
        one, consent = claimer(), LedgerConsent(SEALER, FINDER)

        async def stop(phone: str) -> None:
            await asyncio.sleep(random.random() * 0.15)
            async with notify_pool.acquire() as conn, conn.transaction():
                address = await consent.ensure(conn, "main", phone)
                await consent.revoke(conn, "main", address, channel="sms", at=d.clock.now(), sid="SM", words="STOP")

        async def send() -> None:
            async with notify_pool.acquire() as conn:
                for _ in range(40):
                    await one.claim(conn, one.account.senders()["sms"], {2: 3}, d.clock.now())
                    await asyncio.sleep(0.004)

        await asyncio.gather(*(stop(phone) for phone in phones), send(), send())
        await send()
        rows = await notify_pool.fetch(
            """SELECT n.address_id, n.state, n.reason, g.stopped, a.number IS NOT NULL AS attempted,
                      (SELECT min(e.recorded_at) FROM consent_entry e WHERE e.address_id = n.address_id AND e.verdict = 'revoked') AS stopped_at,
                      a.created_at
               FROM notification n JOIN gate g USING (account_id, address_id)
               LEFT JOIN attempt a ON a.notification_id = n.notification_id"""
        )
        assert len(rows) == 200
        assert all(row["stopped"] for row in rows)
        attempted = [row for row in rows if row["attempted"]]
        suppressed = [row for row in rows if row["state"] == "suppressed"]
        assert len(attempted) + len(suppressed) == 200
        assert attempted
        assert suppressed
        assert all(row["reason"] == "opted_out" for row in suppressed)
        # Both rows are written under the gate's lock, so the database's clock orders them as their commits.
        assert [row for row in attempted if row["created_at"] > row["stopped_at"]] == []


async def test_a_stop_in_progress_is_waited_for(notify_pool: asyncpg.Pool) -> None:
    """Deterministically: the claim blocks on the gate until the stop has committed, and then sees it."""
    async with desk(notify_pool, start=False) as d:
        notification = await d.submit("+14155551001", wake=False)
        one, consent = claimer(), LedgerConsent(SEALER, FINDER)
        async with notify_pool.acquire() as stopping, notify_pool.acquire() as sending:
            transaction = stopping.transaction()
            await transaction.start()
            address = await consent.ensure(stopping, "main", "+14155551001")
            await consent.revoke(stopping, "main", address, channel="sms", at=d.clock.now(), sid="SM", words="STOP")
            claiming = asyncio.create_task(one.claim(sending, one.account.senders()["sms"], {2: 5}, d.clock.now()))
            await eventually(
                lambda: notify_pool.fetchval(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            )
            await transaction.commit()
            assert (await claiming).calls == ()
        assert (await d.row(notification))["state"] == "suppressed"
        assert await d.attempts(notification) == []


async def test_a_sender_keeps_its_pace_in_segments_over_two_replicas(notify_pool: asyncpg.Pool) -> None:
    """20 segments a second: 16 messages of two segments take a second and a half at the least, however many replicas send."""
    senders = account().senders
    paced = account(senders=(type(senders[0])("sms", "sms", "", FROM, "", 20.0), senders[1]))
    async with (
        desk(notify_pool, accounts=[paced], start=False) as d,
        desk(notify_pool, accounts=[paced], start=False) as e,
    ):
        e.delivery.lines["main"].sending._client = d.delivery.lines["main"].sending._client
        made = [await d.submit(f"+1415555{1000 + n}", wake=False, segments=2) for n in range(16)]
        started = time.monotonic()
        d.delivery.start(d.loops)
        e.delivery.start(e.loops)
        for one in made:
            await d.until(one, "accepted", "sent", "delivered")
        elapsed = time.monotonic() - started
        assert 1.2 <= elapsed <= 6


async def test_the_urgent_lane_overtakes_and_the_last_one_moves(notify_pool: asyncpg.Pool) -> None:
    """With one slot a fraud question goes first although it came last."""
    async with desk(notify_pool, start=False, slots=1) as d:
        for n in range(10):
            await d.submit(f"+1415555{1000 + n}", wake=False, lane=3)
        urgent = await d.submit("+14155552000", wake=False, lane=1)
        d.delivery.start(d.loops)
        await d.until(urgent, "accepted", "sent", "delivered")
        before = await notify_pool.fetchval(
            "SELECT count(*) FROM attempt WHERE created_at < (SELECT created_at FROM attempt WHERE notification_id = $1)",
            urgent,
        )
        assert before == 0


async def test_a_body_that_does_not_open_is_held_and_blocks_nobody(notify_pool: asyncpg.Pool) -> None:
    """An operator must bring the key back."""
    async with desk(notify_pool) as d:
        bad = await d.submit("+14155551001", wake=False, due_at=d.clock.now().replace(year=2030))
        await notify_pool.execute("UPDATE notification_body SET data_key_id = 'gone' WHERE notification_id = $1", bad)
        await notify_pool.execute("UPDATE notification SET due_at = now() WHERE notification_id = $1", bad)
        good = await d.submit("+14155551002")
        await d.until(good, "delivered")
        assert (await d.row(bad))["state"] == "held"
        await notify_pool.execute("UPDATE notification SET not_after = now() WHERE notification_id = $1", bad)
        assert (await d.until(bad, "expired"))["reason"] == "expired"


PLANS = {
    "claim": (claim.CLAIM, ("main", "sms", [1, 2, 3, 4], [10, 10, 10, 10], None), "notification_due"),
    "resolver and sweep": (resolver.DUE, ("main", 100, None), "attempt_check|check_at_idx"),
    "replies": (inbound.OPEN, ("main", 50), "inbound_open"),
}


@pytest.mark.parametrize("name", PLANS)
async def test_hot_statements_use_their_indexes(notify_pool: asyncpg.Pool, name: str) -> None:
    """With tens of thousands of rows that are done and few that wait, nothing is read but what waits."""
    async with desk(notify_pool, start=False) as d:
        one = await d.submit("+14155551001", wake=False)
        async with notify_pool.acquire() as conn:
            columns = [
                row["column_name"]
                for row in await conn.fetch(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = 'notification'"
                )
            ]
            plain = ", ".join(
                {
                    "notification_id": "gen_random_uuid()",
                    "state": "'delivered'",
                    "due_at": "NULL",
                    "request_id": "g::text",
                }.get(c, c)
                for c in columns
            )
            await conn.execute(
                f"INSERT INTO notification ({', '.join(columns)}) SELECT {plain} FROM notification, generate_series(1, 20000) g"
            )
            await conn.execute(
                """INSERT INTO attempt (account_id, created_on, notification_id, number, token, channel, sender, address_id, state, sid,
                                        body_hash, not_after, business_at, check_at)
                   SELECT account_id, created_on, notification_id, 1, decode(md5(notification_id::text), 'hex'), 'sms', 'sms', address_id,
                          'accepted', 'SM' || md5(notification_id::text), '', now(), now(),
                          CASE WHEN notification_id = $1 THEN now() - interval '1 s' END FROM notification""",
                one,
            )
            await conn.execute(
                """INSERT INTO inbound (account_id, sid, channel, received_on, business_at, state)
                   SELECT 'main', g::text, 'sms', current_date, now(), CASE g WHEN 1 THEN 'received' ELSE 'done' END
                   FROM generate_series(1, 20000) g"""
            )
            await conn.execute("ANALYZE")
            statement, values, index = PLANS[name]
            fill = {"claim": d.clock.now(), "resolver and sweep": datetime.timedelta(seconds=60)}.get(name)
            given = [fill if value is None else value for value in values]
            transaction = conn.transaction()
            await transaction.start()
            plan = json.loads(await conn.fetchval("EXPLAIN (FORMAT JSON, ANALYZE) " + statement, *given))
            await transaction.rollback()
        text = json.dumps(plan)
        assert re.search(index, text), text
        scanned = [
            n for n in _nodes(plan[0]["Plan"]) if n["Node Type"] == "Seq Scan" and n.get("Actual Rows", 0) > 1000
        ]
        assert scanned == []
        removed = sum(n.get("Rows Removed by Filter", 0) for n in _nodes(plan[0]["Plan"]))
        assert removed < 1000


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(found for child in node.get("Plans", []) for found in _nodes(child))]


async def test_the_ledger_of_a_raced_address_still_verifies(notify_pool: asyncpg.Pool) -> None:
    """The chain is written under the gate's lock."""
    async with desk(notify_pool, start=False) as d:
        address = await d.number("+14155551001")
        consent = LedgerConsent(SEALER, FINDER)

        async def stop() -> None:
            async with notify_pool.acquire() as conn, conn.transaction():
                await consent.revoke(conn, "main", address, channel="sms", at=d.clock.now(), sid="SM", words="STOP")

        await asyncio.gather(*(stop() for _ in range(20)))
        async with notify_pool.acquire() as conn:
            assert await ledger.verify(conn, "main", address)
            assert await conn.fetchval("SELECT chain_length FROM gate") == 22


async def test_a_row_whose_attempt_cannot_be_written_is_held_and_the_others_go_on(notify_pool: asyncpg.Pool) -> None:
    async with desk(notify_pool) as d:
        bad = await d.submit("+14155551001", wake=False)
        await notify_pool.execute(f"ALTER TABLE attempt ADD CHECK (notification_id <> '{bad}')")
        others = [await d.submit(f"+1415555101{number}", wake=False) for number in range(3)]
        await d.submit("+14155551020")
        for one in others:
            await d.until(one, "delivered")
        row = await d.until(bad, "held")
        assert "its attempt cannot be written (CheckViolationError)" in row["detail"]
