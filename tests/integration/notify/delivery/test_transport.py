"""The SDK's client over our transport: a timeout that holds, one request for one call, nothing followed, nothing repeated."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from notify_service.delivery.call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown
from notify_service.delivery.call_words import message
from notify_service.delivery.listed import From
from notify_service.delivery.senders import Credentials
from notify_service.delivery.twilio_client import ReadFailedError, TooMuchError, TwilioClient
from notify_service.delivery.twilio_transport import TwilioTransport
from tests.unit.notify.delivery.cases import START

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
    async with provider(lambda _: web.json_response({"code": 20500}, status=500)) as (client, _):
        with pytest.raises(ReadFailedError):
            await client.messages_to("+14155551001", START)
    async with provider(lambda _: web.json_response({"messages": [], "next_page_uri": None})) as (client, seen):
        assert await client.messages_to("+14155551001", START) == []
        assert "DateSent" not in seen[0].query_string


def test_what_is_spoken_cannot_become_a_verb() -> None:
    """The SDK escapes names."""
    twiml = message("Pay <Dial>+1900</Dial> & go", "en-US", "Acme", None)
    assert "<Dial>" not in twiml
    assert twiml.count("&lt;Dial&gt;") == 2


def listed(number: int, created: datetime, direction: str = "outbound-api") -> dict[str, object]:
    """A message as Twilio lists it."""
    return {
        "sid": f"SM{number:032x}",
        "direction": direction,
        "date_created": format_datetime(created),
        "status": "sent",
    }


def pages(*lists: list[dict[str, object]]) -> Callable[[web.Request], web.StreamResponse]:
    """Answers with these pages, one after the other."""

    def answer(request: web.Request) -> web.StreamResponse:
        number = int(request.query.get("Page", "0"))
        following = f"/2010-04-01/Accounts/{AC}/Messages.json?Page={number + 1}&PageToken=PA1"
        return web.json_response(
            {"messages": lists[number], "next_page_uri": following if number + 1 < len(lists) else None, "page": number}
        )

    return answer


async def test_an_old_record_among_young_ones_hides_none_of_them() -> None:
    """Nobody promises the order within a list. Only a page that is wholly old ends it."""
    young, old = START, START - timedelta(hours=1)
    given = pages(
        [listed(1, young), listed(2, old), listed(3, young)],
        [listed(4, old), listed(5, young)],
        [listed(6, old), listed(7, old)],
        [listed(8, young)],
    )
    async with provider(given) as (client, seen):
        found = await client.messages_to("+14155551001", START - timedelta(minutes=1))
        assert [one.sid[-1] for one in found] == ["1", "3", "5"]
        assert len(seen) == 3


async def test_a_window_with_too_many_pages_is_said_to_be_too_much_and_each_page_is_a_beat() -> None:
    """Not a failure of the provider's: a smaller part can be read."""
    given = pages(*([listed(page, START, "inbound")] for page in range(4)))
    async with provider(given) as (client, seen):
        beats: list[int] = []
        with pytest.raises(TooMuchError):
            await client.messages_from_people(None, START, None, 3)
        seen.clear()
        found = await client.messages_from_people(None, START, START, None, lambda: beats.append(1))
        assert len(found) == len(beats) == 4
        assert dict(seen[0].query)["DateSent>"] == dict(seen[0].query)["DateSent<"] == "2026-11-23T12:00:00Z"
