"""The SDK's client over our transport: a timeout that holds, one request for one call, nothing followed, nothing repeated."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from notify_service.delivery.call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown
from notify_service.delivery.listed import From
from notify_service.delivery.senders import Credentials
from notify_service.delivery.twilio_client import ReadFailedError, TwilioClient, spoken
from notify_service.delivery.twilio_transport import TwilioTransport

AC = "AC" + "0" * 32
SID = "SM" + "1" * 32


@asynccontextmanager
async def provider(
    answer: Callable[[web.Request], web.StreamResponse], wait: float = 0.0, patience: float = 1.0
) -> AsyncIterator[tuple[TwilioClient, list[web.Request]]]:
    seen: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.post()
        seen.append(request)
        await asyncio.sleep(wait)
        return answer(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    transport = TwilioTransport(f"http://127.0.0.1:{port}/tw", timeout=patience)
    try:
        yield TwilioClient(Credentials(AC, AC, "token"), transport), seen
    finally:
        await transport.close()
        await runner.cleanup()


async def send(client: TwilioClient) -> CallOutcome:
    return await client.create_message(
        to="+14155551001", sender=From(number="+14155550100"), body="hi", status_callback=None, validity_seconds=600
    )


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (lambda _: web.json_response({"sid": SID, "status": "queued"}, status=201), Accepted(SID, "queued")),
        (lambda _: web.json_response({"code": 21211, "message": "no"}, status=400), Refused(21211, 400)),
        (
            lambda _: web.json_response({"code": 20429}, status=429, headers={"Retry-After": "7"}),
            NotSent("too_many_requests", 7.0),
        ),
        (lambda _: web.Response(status=500, text="oops"), Unknown("server_error", 500)),
        (lambda _: web.Response(status=503), Unknown("server_error", 503)),
        (lambda _: web.Response(status=307, headers={"Location": "/elsewhere"}), Unknown("redirect", 307)),
        (lambda _: web.Response(status=403, text="<html>"), Unknown("foreign_refusal", 403)),
        (lambda _: web.Response(status=201, text="{"), Unknown("unreadable_answer", 201)),
        (lambda _: web.json_response([SID], status=201), Unknown("unreadable_answer", 201)),
    ],
)
async def test_each_answer_is_one_request_and_one_value(
    answer: Callable[[web.Request], web.StreamResponse], outcome: CallOutcome
) -> None:
    """The SDK's exceptions never come through, and no layer repeats a POST."""
    async with provider(answer) as (client, seen):
        assert await send(client) == outcome
        assert [(r.method, r.path) for r in seen] == [("POST", f"/tw/2010-04-01/Accounts/{AC}/Messages.json")]


async def test_a_timeout_holds() -> None:
    """The SDK's own would wait for ever."""
    async with provider(lambda _: web.Response(), wait=5, patience=0.2) as (client, seen):
        before = time.monotonic()
        assert await send(client) == Unknown("no_answer")
        assert time.monotonic() - before < 2
        assert len(seen) == 1


async def test_nobody_listening_is_certainly_not_sent() -> None:
    """No connection was ever up."""
    transport = TwilioTransport("http://127.0.0.1:1", timeout=1)
    try:
        assert await send(TwilioClient(Credentials(AC, AC, "token"), transport)) == NotSent("unreachable")
    finally:
        await transport.close()


async def test_a_read_that_fails_is_told_apart_from_an_empty_one() -> None:
    """A failed listing proves nothing."""
    from tests.unit.notify.delivery.cases import START  # noqa: PLC0415

    async with provider(lambda _: web.json_response({"code": 20500}, status=500)) as (client, _):
        with pytest.raises(ReadFailedError):
            await client.messages_to("+14155551001", START)
    async with provider(lambda _: web.json_response({"messages": [], "next_page_uri": None})) as (client, seen):
        assert await client.messages_to("+14155551001", START) == []
        assert "DateSent" not in seen[0].query_string


def test_what_is_spoken_cannot_become_a_verb() -> None:
    """The SDK escapes names."""
    twiml = spoken("Pay <Dial>+1900</Dial> & go", "en-US")
    assert "<Dial>" not in twiml
    assert twiml.count("&lt;Dial&gt;") == 2
