"""What the webhook answers, and what is on disk when it has answered."""

import asyncio
import base64
import io
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import asyncpg
import orjson
import pytest
import structlog
from aiohttp import web

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.edge.stripe_webhook import Limits, StripeWebhook
from ingest_service.inbox.group_commit import GroupCommit
from ingest_service.inbox.store import place
from ingest_service.sealing import Sealer, parse_keys
from paybell_sandbox.stripe.signing import signature

SECRET, ROLLED, OTHER = "whsec_current", "whsec_rolled", "whsec_of_somebody_else"
LIMITS = Limits(body_seconds=0.3)


def account(name: str = "main", *, livemode: bool = False, stripe_account: str | None = None) -> Account:
    """An account with two secrets, as while one is rotated."""
    return Account(name, stripe_account, livemode, "sk_test_x", (SECRET, ROLLED), "US", "UTC", None)


def event(identity: str = "evt_1", **more: object) -> dict[str, object]:
    """A signed-to-be event."""
    given: dict[str, object] = {
        "id": identity, "object": "event", "type": "invoice.paid", "created": int(time.time()), "livemode": False,
        "api_version": "2026-10-28.endive", "data": {"object": {"id": "in_1", "object": "invoice"}},
    }  # fmt: skip
    return given | more


@dataclass
class Door:
    """The webhook, listening."""

    url: str
    pool: "asyncpg.Pool[asyncpg.Record]"
    sealer: Sealer
    answers: list[tuple[str, str, str]] = field(default_factory=list)

    async def post(
        self,
        body: bytes,
        *,
        secret: str = SECRET,
        at: int | None = None,
        path: str = "",
        headers: dict[str, str] | None = None,
    ) -> int:
        """The status that this body gets."""
        signed = {"Stripe-Signature": signature(body, secret, at=at), "Content-Type": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{self.url}/webhooks/stripe{path}", data=io.BytesIO(body), headers=signed | (headers or {})
            ) as answer,
        ):
            return answer.status

    async def stored(self) -> list[asyncpg.Record]:
        """What is on disk."""
        rows: list[asyncpg.Record] = await self.pool.fetch(
            "SELECT * FROM event WHERE account_id = ANY('{main,test,connected}') ORDER BY event_id"
        )
        return rows


@pytest.fixture
async def door(ingest_pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Door]:
    """The webhook on real PostgreSQL."""
    sealer = Sealer(parse_keys(f"k1:{base64.b64encode(os.urandom(32)).decode()}"))
    clock, accounts = (
        Clock(),
        {
            "main": account(),
            "live": account("live", livemode=True),
            "connected": account("connected", stripe_account="acct_9"),
        },
    )
    found = Door("", ingest_pool, sealer)
    inbox = GroupCommit(ingest_pool, sealer, clock.now, lambda _: None)
    app = web.Application(client_max_size=4 * 1024 * 1024)
    StripeWebhook(accounts, inbox, clock.now, lambda *answer: found.answers.append(answer), LIMITS).setup(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


async def test_a_signed_event_is_on_disk_sealed_when_it_is_answered(door: Door) -> None:
    body = orjson.dumps(event())
    assert await door.post(body) == 200
    [row] = await door.stored()
    assert (row["event_id"], row["type"], row["state"], row["lane"]) == ("evt_1", "invoice.paid", "received", 2)
    payload = await door.pool.fetchrow("SELECT * FROM event_payload WHERE account_id = 'main'")
    assert payload is not None
    assert b"in_1" not in payload["ciphertext"]
    assert door.sealer.open(payload["data_key_id"], payload["ciphertext"], place("main", "evt_1")) == body


async def test_both_secrets_of_a_rotation_are_taken(door: Door) -> None:
    assert await door.post(orjson.dumps(event("evt_1")), secret=SECRET) == 200
    assert await door.post(orjson.dumps(event("evt_2")), secret=ROLLED) == 200
    assert len(await door.stored()) == 2


@pytest.mark.parametrize("what", ["unsigned", "stale", "future", "foreign", "flipped", "scheme", "empty"])
async def test_what_is_not_signed_by_stripe_lately_gets_400_and_nothing_is_stored(door: Door, what: str) -> None:
    body, now = orjson.dumps(event()), int(time.time())
    match what:
        case "unsigned":
            status = await door.post(body, headers={"Stripe-Signature": ""})
        case "stale":
            status = await door.post(body, at=now - 301)
        case "future":
            status = await door.post(body, at=now + 310)
        case "foreign":
            status = await door.post(body, secret=OTHER)
        case "flipped":
            status = await door.post(
                body.replace(b"in_1", b"in_2"), headers={"Stripe-Signature": signature(body, SECRET)}
            )
        case "scheme":
            status = await door.post(body, headers={"Stripe-Signature": signature(body, SECRET).replace("v1=", "v0=")})
        case _:
            status = await door.post(b"", headers={"Stripe-Signature": "t=1,v1=00"})
    assert status == 400
    assert await door.stored() == []


@pytest.mark.parametrize(
    "header", ["t={now},v1=\xe4", "\xe9", "t={now},v1=\xff\xfe", "t={now},v1=" + "0" * 64 + ",\xe4=1"]
)
async def test_a_signature_in_other_than_ascii_gets_400(door: Door, header: str) -> None:
    signed = header.format(now=int(time.time()))
    host, port = door.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nStripe-Signature: {signed}\r\n\r\n{{}}"
    writer.write(head.encode("latin-1"))
    async with asyncio.timeout(5):
        status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status.startswith(b"HTTP/1.1 400")
    assert await door.stored() == []


async def test_what_is_refused_is_a_line_with_account_status_and_size_and_nothing_of_the_body(door: Door) -> None:
    body = orjson.dumps(event(canary="Zanzibar"))
    with structlog.testing.capture_logs() as lines:
        assert await door.post(body, secret=OTHER) == 400
        assert await door.post(body, headers={"Content-Encoding": "gzip"}, path="/connected") == 415
        assert await door.post(b"x" * (2 * 1024 * 1024 + 1)) == 413
    assert [(one["event"], one["log_level"], one["account_id"], one["status"], one["size"]) for one in lines] == [
        ("webhook.refused", "warning", "main", 400, len(body)),
        ("webhook.refused", "warning", "connected", 415, len(body)),
        ("webhook.refused", "warning", "main", 413, 2 * 1024 * 1024 + 1),
    ]
    assert "Zanzibar" not in str(lines)


async def test_a_commit_is_one_line_however_many_posts_it_answers(door: Door) -> None:
    assert await door.post(orjson.dumps(event("evt_0"))) == 200
    with structlog.testing.capture_logs() as lines:
        bodies = [orjson.dumps(event(f"evt_{number}")) for number in range(20)]
        assert await asyncio.gather(*(door.post(body) for body in bodies)) == [200] * 20
    commits = [one for one in lines if one["event"] == "inbox.commit"]
    assert commits == lines
    assert (sum(one["count"] for one in commits), sum(one["new"] for one in commits)) == (20, 19)
    assert sum(one["duplicates"] for one in commits) == 1
    assert len(commits) < 20


async def test_a_body_over_the_limit_gets_413_whether_it_says_so_or_not(door: Door) -> None:
    big = b"x" * (2 * 1024 * 1024 + 1)
    assert await door.post(big) == 413

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(33):
            yield b"x" * 65536

    async with aiohttp.ClientSession() as session, session.post(f"{door.url}/webhooks/stripe", data=chunks()) as answer:
        assert answer.status == 413
    assert await door.stored() == []


async def test_an_encoded_body_gets_415(door: Door) -> None:
    assert await door.post(orjson.dumps(event()), headers={"Content-Encoding": "deflate"}) == 415
    assert await door.stored() == []


async def test_a_body_that_stalls_gets_408(door: Door) -> None:
    host, port = door.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    async with asyncio.timeout(5):
        status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert status.startswith(b"HTTP/1.1 408")


async def test_other_methods_get_405_and_unknown_accounts_404(door: Door) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{door.url}/webhooks/stripe") as answer:
        assert answer.status == 405
    assert await door.post(orjson.dumps(event()), path="/nobody") == 404


async def test_wrong_mode_and_wrong_account_are_set_aside_and_counted(door: Door) -> None:
    assert await door.post(orjson.dumps(event("evt_1", livemode=True))) == 200
    assert await door.post(orjson.dumps(event("evt_2", account="acct_7"))) == 200
    assert await door.post(orjson.dumps(event("evt_3")), path="/connected") == 200
    rows = await door.stored()
    assert [row["state"] for row in rows] == ["set_aside"] * 3
    assert "live mode" in rows[0]["reason"]
    assert "another Stripe account" in rows[1]["reason"]
    assert len(door.answers) == 3


async def test_the_same_ids_in_two_accounts_and_modes_are_two_events(door: Door) -> None:
    assert await door.post(orjson.dumps(event())) == 200
    assert await door.post(orjson.dumps(event(livemode=True)), path="/live") == 200
    assert await door.post(orjson.dumps(event(account="acct_9")), path="/connected") == 200
    rows = await door.pool.fetch("SELECT account_id, state FROM event WHERE event_id = 'evt_1' ORDER BY account_id")
    assert [tuple(row) for row in rows] == [("connected", "received"), ("live", "received"), ("main", "received")]


async def test_an_unknown_type_gets_200_and_is_kept_as_ignored(door: Door) -> None:
    assert await door.post(orjson.dumps(event(type="price.created"))) == 200
    [row] = await door.stored()
    assert (row["state"], row["reason"]) == ("ignored", "no flow uses price.created")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"id": "evt_1", ', "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (b'{"object": "event"}', "it has no id"),
        (b'{"id": "evt_1", "deep": ' + b"[" * 80 + b"]" * 80 + b"}", "its JSON nests deeper than 64 levels"),
        (b'{"id": "evt_1", "object": "v2.core.event", "type": "v1.invoice.paid"}', "it is a thin event"),
        (b'{"id": "evt\\u0000", "object": "event"}', "it has no id"),
    ],
)
async def test_a_signed_body_that_cannot_be_read_is_kept_set_aside_with_the_reason(
    door: Door, body: bytes, reason: str
) -> None:
    assert await door.post(body) == 200
    [row] = await door.stored()
    assert row["state"] == "set_aside"
    assert row["reason"].startswith(reason)


async def test_fifty_equal_posts_at_once_are_one_event_and_fifty_times_200(door: Door) -> None:
    body = orjson.dumps(event())
    assert await asyncio.gather(*(door.post(body) for _ in range(50))) == [200] * 50
    assert len(await door.stored()) == 1


INSERTED_ELSEWHERE = """
INSERT INTO event (account_id, event_id, type, lane, source, created_at, received_on, business_at, state)
VALUES ('main', 'evt_1', 'x', 4, 'webhook', now(), current_date, now(), 'ignored')
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_an_event_that_another_replica_is_storing_at_this_moment_is_one_event_and_200(door: Door) -> None:
    async with door.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(INSERTED_ELSEWHERE)
        posting = asyncio.ensure_future(door.post(orjson.dumps(event())))
        async with asyncio.timeout(1.5):
            while not await door.pool.fetchval(WAITING):
                assert not posting.done()
        await transaction.commit()
    assert await posting == 200
    assert len(await door.stored()) == 1


async def test_200_comes_only_after_the_commit(door: Door) -> None:
    # another transaction holds the very row: the insert waits for it, and so must the answer
    async with door.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute(INSERTED_ELSEWHERE)
        posting = asyncio.ensure_future(door.post(orjson.dumps(event())))
        async with asyncio.timeout(1.5):
            while not await door.pool.fetchval(WAITING):
                assert not posting.done()
        await transaction.rollback()
    assert await posting == 200
    assert [row["state"] for row in await door.stored()] == ["received"]


async def test_a_database_that_does_not_answer_gives_503_within_two_seconds(door: Door) -> None:
    connections = [await door.pool.acquire() for _ in range(door.pool.get_max_size())]
    started = time.monotonic()
    try:
        assert await door.post(orjson.dumps(event())) == 503
    finally:
        for connection in connections:
            await door.pool.release(connection)
    assert time.monotonic() - started < 2.0
    assert await door.post(orjson.dumps(event())) == 200
