"""ingest-service as a process: what it says before it starts, and how it ends."""

import asyncio
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from ingest_service.accounts import Account
from ingest_service.inbox import envelope, store
from paybell_sandbox.stripe.telling import body, tell
from tests.e2e.pair import free_port
from tests.integration.ingest.planning.rows import SEALER, Side
from tests.integration.ingest.service import command, environment, hanging_stripe, served
from tests.standins.wire import wired

BAD = "flows:\n  - flow: failed\n    on: payment_faild\n    steps: [{template: payment_failed}]\n"
MAIN = Account(
    "main", None, livemode=False, api_key="sk_test_x", webhook_secrets=(), region="US", zone="UTC", rules_file=None
)


async def test_check_and_serve_say_what_is_wrong_with_a_rules_file_and_serve_does_not_start(
    ingest_database_url: str, tmp_path: Path
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(BAD)
    variables = environment(ingest_database_url, INGEST_RULES_FILE=str(rules))
    for words in (("check",), ("serve",), ("rules", "apply")):
        code, _, complained = await command(*words, **variables)
        assert code == 1
        assert f"{rules}:3:" in complained
        assert "payment_failed" in complained, "the remedy"
        assert "Traceback" not in complained


async def test_check_explains_good_rules(ingest_database_url: str) -> None:
    code, said, complained = await command("check", **environment(ingest_database_url))
    assert (code, complained) == (0, "")
    assert "payment" in said


async def test_every_bad_setting_is_named_at_once_by_check_and_by_serve(ingest_database_url: str) -> None:
    variables = environment(ingest_database_url, INGEST_LOG_LEVEL="LOUD", INGEST_ZONE="Europe/Wien", STRIPE_API_KEY="")
    for words in (("check",), ("serve",)):
        code, _, complained = await command(*words, **variables)
        assert code == 1
        assert "INGEST_LOG_LEVEL: must be one of DEBUG, INFO" in complained
        assert "INGEST_ZONE: must be an IANA zone" in complained
        assert "Traceback" not in complained


@pytest.mark.parametrize("words", [
    ("serve",), ("migrate",), ("rules", "apply"), ("why", "evt_1"), ("decisions", "held"), ("decisions", "verify"),
    ("decisions", "decide", "q-1", "nothing"), ("webhooks", "set-aside"), ("webhooks", "again", "c-1"),
])  # fmt: skip
async def test_a_database_that_is_down_is_a_sentence(words: tuple[str, ...]) -> None:
    elsewhere = f"postgres://ingest:secret@127.0.0.1:{free_port()}/ingest?sslmode=disable"
    code, _, complained = await command(*words, **environment(elsewhere))
    assert code == 1
    assert "the database cannot be reached (ConnectionRefusedError): check INGEST_DATABASE_URL" in complained
    assert "Traceback" not in complained
    assert "secret" not in complained


@pytest.mark.parametrize(("words", "ends", "tells"), [
    (("decisions", "held"), 0, "nothing waits for a person"),
    (("decisions", "verify"), 0, "every trail is whole"),
    (("decisions", "decide", "q-1", "dance"), 1, "dance is no action; use one of: "),
    (("decisions", "decide", "q-1", "nothing"), 1, "`ingest-service decisions held` lists those that do"),
    (("webhooks", "set-aside"), 0, "no call was given up"),
    (("webhooks", "again", "c-1"), 1, "`ingest-service webhooks set-aside` lists those that are"),
    (("why", "evt_1", "--account", "elsewhere"), 1, "there is no account elsewhere: there are main"),
])  # fmt: skip
async def test_a_command_for_people_tells_what_there_is_or_what_to_do(
    ingest_database_url: str, words: tuple[str, ...], ends: int, tells: str
) -> None:
    code, said, complained = await command(*words, **environment(ingest_database_url))
    assert code == ends
    assert tells in (complained if ends else said)
    assert "Traceback" not in complained


async def test_a_port_that_is_taken_is_a_sentence(ingest_database_url: str) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    listen = f"127.0.0.1:{taken.sockets[0].getsockname()[1]}"
    code, _, complained = await command("serve", **environment(ingest_database_url, INGEST_ADMIN_LISTEN=listen))
    taken.close()
    assert code == 1
    assert f"INGEST_ADMIN_LISTEN={listen} cannot be listened on" in complained
    assert "Traceback" not in complained


async def test_with_the_real_stripe_a_database_that_may_lose_commits_is_refused(ingest_database_url: str) -> None:
    # the server of the tests has fsync off
    code, _, complained = await command("serve", **environment(ingest_database_url, "https://api.stripe.com"))
    assert code == 1
    assert "fsync, full_page_writes, synchronous_commit off" in complained


async def work_for_stripe(pool: asyncpg.Pool) -> None:
    """A step and an event that Stripe must be asked about."""
    side = Side(pool)
    await side.rules()
    side.clock.at = datetime.now(UTC) - timedelta(days=3, minutes=1)
    await side.fact()
    await side.planning().turn()
    told = next(each for each in tell("purchase").envelopes() if each["type"] == "charge.succeeded")
    now = datetime.now(UTC)
    arrived = envelope.arrival(MAIN, told | {"created": int(now.timestamp())}, body(told), "webhook", now)
    async with pool.acquire() as conn:
        await store.store(conn, SEALER, [arrived], now)


async def test_with_a_stripe_that_hangs_it_is_ready_and_ends_at_once(
    ingest_pool: asyncpg.Pool, ingest_database_url: str
) -> None:
    await work_for_stripe(ingest_pool)
    async with hanging_stripe() as (stripe, url):
        variables = environment(ingest_database_url, url, INGEST_PUBLIC_URL="", INGEST_HOLD_SUCCESS_SECONDS="0")
        async with served(**variables) as service, aiohttp.ClientSession() as http:
            port = (await service.line("started"))["admin_port"]
            await stripe.until_asked("events", "invoices", "invoice_payments")
            async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                assert (answer.status, await answer.text()) == (200, "ready\n")
            assert await service.stop() < 8.0, "seconds, and on a busy machine"
            assert service.process.returncode == 0


async def test_a_second_signal_ends_it_where_it_is(ingest_database_url: str) -> None:
    async with served(**environment(ingest_database_url)) as service:
        port = (await service.line("started"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(10):
            assert b"100" in await reader.readline(), "a request is under way, and its body does not come"
        service.process.send_signal(signal.SIGTERM)
        await service.line("stopping")
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await service.process.wait()
        writer.close()
        assert time.monotonic() - began < 2.0
        assert service.process.returncode == 1


async def test_a_request_that_never_comes_whole_holds_up_a_stop_no_longer_than_it_may(ingest_database_url: str) -> None:
    async with served(**environment(ingest_database_url)) as service:
        port = (await service.line("started"))["port"]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        async with asyncio.timeout(10):
            assert b"100" in await reader.readline()
        assert await service.stop() < 20.0
        writer.close()
        assert service.process.returncode == 0


async def test_a_database_that_hangs_holds_up_a_stop_no_longer_than_25_seconds(ingest_database_url: str) -> None:
    async with wired(ingest_database_url) as (wire, url), served(**environment(url)) as service:
        await service.line("started")
        wire.stop()
        assert await service.stop() < 25.0
