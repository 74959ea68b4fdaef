"""What Twilio's webhooks take and what they refuse, and that nothing is stored by what is refused."""

import asyncio
import base64
import time
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from twilio.request_validator import RequestValidator
from yarl import URL

from notify_service.delivery.deadline import Deadline
from notify_service.delivery.tokens import CallbackToken
from notify_service.edge import twilio_http
from tests.integration.notify.delivery.desk import Desk, account, desk, eventually
from tests.postgres import MigratedServer

AC = "AC" + "0" * 32
SM = "SM" + "a" * 32
FORM = {"AccountSid": AC, "MessageSid": SM, "MessageStatus": "delivered", "From": "+14155550100", "To": "+14155551001"}
REPLY = {"AccountSid": AC, "MessageSid": SM, "From": "+14155551001", "To": "+14155550100", "Body": "hello"}
STATUS = "/webhooks/twilio/status/main." + base64.urlsafe_b64encode(bytes(18)).decode()
INBOUND = "/webhooks/twilio/inbound"


def signed(d: Desk, path: str, form: dict[str, str], token: str = "sandbox-token") -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(d.public_url + path, form)}


async def post(d: Desk, path: str, form: Any, headers: dict[str, str]) -> tuple[int, str]:
    async with d.session.post(d.public_url + path, data=form, headers=headers) as answer:
        return answer.status, await answer.text()


async def stored(d: Desk) -> int:
    return int(
        await d.pool.fetchval(
            "SELECT (SELECT count(*) FROM inbound) + (SELECT count(*) FROM orphan_receipt) + (SELECT count(*) FROM receipt)"
        )
    )


@pytest.mark.parametrize("path", [STATUS, INBOUND])
async def test_what_is_not_signed_by_twilio_stores_nothing(notify_pool: asyncpg.Pool, path: str) -> None:
    """No signature, a foreign one, one of another address, one of another form, a foreign account."""
    form = FORM if path == STATUS else REPLY
    async with desk(notify_pool, start=False) as d:
        right = signed(d, path, form)
        foreign = {**form, "AccountSid": "AC" + "1" * 32}
        for wrong, sent in (
            ({}, form),
            ({"X-Twilio-Signature": ""}, form),
            (signed(d, path, form, "other-token"), form),
            (signed(d, path + "?x=1", form), form),
            (right, {**form, "To": "+1999"}),
            (signed(d, path, foreign), foreign),
            ({**right, "Host": "evil.example", "X-Forwarded-Host": "evil.example"}, {**form, "x": "1"}),
        ):
            assert (await post(d, path, sent, wrong))[0] == 403
        assert await stored(d) == 0
        assert (await post(d, path, form, {**right, "X-Forwarded-Host": "evil.example"}))[0] in (200, 204)
        assert await stored(d) == 1


async def test_the_query_belongs_to_the_signature_as_it_was_sent(notify_pool: asyncpg.Pool) -> None:
    """Percent signs are not decoded before the check."""
    async with desk(notify_pool, start=False) as d:
        path = f"{INBOUND}?a=%2Fb%20c&d="
        async with d.session.post(
            URL(d.public_url + path, encoded=True), data=REPLY, headers=signed(d, path, REPLY)
        ) as answer:
            assert answer.status == 200


async def test_every_configured_token_is_good_while_tokens_are_rotated(notify_pool: asyncpg.Pool) -> None:
    """Twilio signs with the old one until the new one is promoted."""
    async with desk(notify_pool, start=False, accounts=[account(auth_tokens=("new", "sandbox-token"))]) as d:
        for token, status in (("new", 200), ("sandbox-token", 200), ("older", 403)):
            assert (await post(d, INBOUND, REPLY, signed(d, INBOUND, REPLY, token)))[0] == status


async def test_other_bodies_than_forms_are_refused(notify_pool: asyncpg.Pool) -> None:
    """Kind, encoding, size and method."""
    async with desk(notify_pool, start=False) as d:
        right = signed(d, INBOUND, REPLY)
        assert (await post(d, INBOUND, b"{}", {**right, "Content-Type": "application/json"}))[0] == 415
        encoded = {**right, "Content-Type": "application/x-www-form-urlencoded", "Content-Encoding": "gzip"}
        assert (await post(d, INBOUND, b"x", encoded))[0] == 415
        assert (await post(d, INBOUND, {**REPLY, "Body": "x" * 70_000}, right))[0] == 413
        plain = {**right, "Content-Type": "application/x-www-form-urlencoded"}
        assert (await post(d, INBOUND, b"AccountSid=%ff%fe", plain))[0] == 400
        async with d.session.get(d.public_url + INBOUND) as answer:
            assert answer.status == 405
        assert await stored(d) == 0


async def test_a_reply_is_answered_with_no_words_of_ours(notify_pool: asyncpg.Pool) -> None:
    """An empty TwiML, as XML: a plain text would be sent to the person. Twice is once."""
    async with desk(notify_pool, start=False) as d:
        for _ in range(2):
            async with d.session.post(d.public_url + INBOUND, data=REPLY, headers=signed(d, INBOUND, REPLY)) as answer:
                assert answer.content_type == "text/xml"
                assert (await answer.text()).endswith("<Response/>")
        assert await stored(d) == 1


@pytest.mark.parametrize(
    "token", ["main." + "A" * 24, "other." + "A" * 24, "nonsense", "main.", str(CallbackToken.read("main." + "_" * 24))]
)
async def test_a_callback_for_nobody_is_answered_and_kept_a_day(notify_pool: asyncpg.Pool, token: str) -> None:
    """Signed is signed: it is Twilio's, and may find its attempt later."""
    async with desk(notify_pool, start=False) as d:
        path = f"/webhooks/twilio/status/{token}"
        assert (await post(d, path, FORM, signed(d, path, FORM)))[0] == 204
        assert d.counted["orphan_receipt"] == 1
        assert await notify_pool.fetchval("SELECT sid FROM orphan_receipt") == SM
        await d.delivery.lines["main"].records.adopt_orphans()
        assert await stored(d) == 1
        await notify_pool.execute("UPDATE orphan_receipt SET received_at = received_at - interval '25 hours'")
        await d.delivery.lines["main"].records.adopt_orphans()
        assert await stored(d) == 0


async def refused_within(d: Desk, seconds: float) -> None:
    """Both webhooks answer that this cannot be stored now, in time for Twilio to call again."""
    for path, form in ((STATUS, FORM), (INBOUND, REPLY)):
        before = asyncio.get_running_loop().time()
        assert (await post(d, path, form, signed(d, path, form)))[0] == 503
        assert asyncio.get_running_loop().time() - before < seconds


async def test_what_cannot_be_stored_is_answered_503_within_three_seconds(notify_pool: asyncpg.Pool) -> None:
    """Where every connection is taken. Twilio waits 15 s and calls again, as the address asks it to."""
    async with desk(notify_pool, start=False) as d:
        held = [await notify_pool.acquire() for _ in range(notify_pool.get_max_size())]
        try:
            await refused_within(d, 3.0)
        finally:
            for conn in held:
                await notify_pool.release(conn)
        assert (await post(d, INBOUND, REPLY, signed(d, INBOUND, REPLY)))[0] == 200


async def test_a_database_that_is_gone_is_answered_503_within_three_seconds_and_is_missed_no_longer_than_it_is_gone(
    notify_pool: asyncpg.Pool, notify_database_url: str, postgres_server: MigratedServer
) -> None:
    name = urlsplit(notify_database_url).path[1:]
    async with desk(notify_pool, start=False) as d:
        postgres_server.server.execute(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'",
        )
        await refused_within(d, 3.0)
        postgres_server.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert (await post(d, INBOUND, REPLY, signed(d, INBOUND, REPLY)))[0] == 200
        assert (await post(d, STATUS, FORM, signed(d, STATUS, FORM)))[0] == 204
        assert await stored(d) == 2


async def test_a_sender_that_the_carrier_refuses_after_acceptance_is_halted_until_a_message_is_delivered(
    notify_pool: asyncpg.Pool,
) -> None:
    """30034 comes in a receipt, and Twilio would accept the next thousand just as well."""
    async with desk(notify_pool) as d:
        d.faults({"operation": "callback", "act": "lose"})
        one = await d.submit("+14155551001")
        await d.until(one, "accepted")
        (attempt,) = await d.attempts(one)
        path = f"/webhooks/twilio/status/{CallbackToken('main', attempt['created_on'], attempt['token'])}"
        form = {**FORM, "MessageSid": attempt["sid"], "MessageStatus": "undelivered", "ErrorCode": "30034"}
        assert (await post(d, path, form, signed(d, path, form)))[0] == 204
        assert d.delivery.halted() == {"main": {"sms": "carrier"}}
        assert d.counted["halted"] == 1
        assert d.counted["receipt{code=30034,status=undelivered}"] == 1
        assert d.counted["ended{code=30034,state=undelivered}"] == 1
        probe = await d.submit("+14155551002")
        await d.until(probe, "accepted")
        assert d.delivery.halted() == {"main": {"sms": "carrier"}}  # accepted was the first one, too
        (attempt,) = await d.attempts(probe)
        path = f"/webhooks/twilio/status/{CallbackToken('main', attempt['created_on'], attempt['token'])}"
        form = {**FORM, "MessageSid": attempt["sid"]}
        assert (await post(d, path, form, signed(d, path, form)))[0] == 204
        assert d.delivery.halted() == {}


async def test_a_signed_callback_that_says_nothing_usable_is_answered(notify_pool: asyncpg.Pool) -> None:
    """Fields may change without notice; an error would only make Twilio repeat it."""
    async with desk(notify_pool, start=False) as d:
        for form in ({"AccountSid": AC}, {**FORM, "MessageSid": "x"}, {**FORM, "MessageStatus": "'; DROP"}):
            assert (await post(d, STATUS, form, signed(d, STATUS, form)))[0] == 204
        assert await stored(d) == 0


async def test_a_body_that_stalls_is_given_up(notify_pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """408; aiohttp itself would hold the connection for ever."""
    monkeypatch.setattr(twilio_http, "_READ_SECONDS", 0.2)
    async with desk(notify_pool, start=False) as d:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(d.public_url.rpartition(":")[2]))
        head = "Host: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nAcc"
        writer.write(f"POST {INBOUND} HTTP/1.1\r\n{head}".encode())
        async with asyncio.timeout(5):
            assert b" 408 " in await reader.readline()
        writer.close()
        await writer.wait_closed()


async def test_twilios_own_word_on_a_keyword_is_honoured(notify_pool: asyncpg.Pool) -> None:
    """Advanced Opt-Out knows the words of other languages."""
    async with desk(notify_pool) as d:
        form = {**REPLY, "Body": "ARRÊT", "OptOutType": "STOP"}
        assert (await post(d, INBOUND, form, signed(d, INBOUND, form)))[0] == 200
        await eventually(lambda: d.stopped("+14155551001"))


async def test_a_call_that_could_not_start_in_time_is_not_made(notify_pool: asyncpg.Pool) -> None:
    """A process that slept behind its own attempt's not_after makes no call: another may have settled it meanwhile."""
    async with desk(notify_pool, start=False) as d:
        one = await d.submit("+14155551001", wake=False)
        sending = d.delivery.lines["main"].sending
        sender = sending._claimer.account.senders()["sms"]
        async with notify_pool.acquire() as conn:
            (call,) = (await sending._claimer.claim(conn, sender, {2: 1}, d.clock.now())).calls
        sending._senders["sms"].slots.taken(1)
        await sending._call(call, sending._senders["sms"], start_before=Deadline(time.monotonic(), time.time() + 60))
        assert [a["state"] for a in await d.attempts(one)] == ["not_sent"]
        assert (await d.row(one))["state"] == "queued"
        assert await d.at_provider("+14155551001") == []
