"""The sandbox's own API: the judge's view, waiting, the feed, the clock, forgetting."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web

from paybell_sandbox.twilio.network import NETWORK
from tests.integration.sandbox.twilio.conftest import OURS, PATIENCE, PHONE, Hook, Lab, Make


async def test_messages_are_found_by_what_they_are(lab: Lab) -> None:
    await lab.send(body="one")
    await lab.send(to="+14155552672", body="two")
    await lab.ask("POST", "inbound", {"from": f"whatsapp:{PHONE}", "to": f"whatsapp:{OURS}", "body": "three"})
    await lab.quiet()
    for query, bodies in {
        "": ["one", "two", "three"],
        "?to=%2B14155552671": ["one"],
        "?to=%2B14155550100": ["three"],
        "?from=%2B14155552671": ["three"],
        "?direction=inbound": ["three"],
        "?kind=whatsapp": ["three"],
        "?contains=w": ["two"],
        "?status=delivered": ["one", "two"],
        "?to=%2B14155552671&contains=two": [],
    }.items():
        assert [message["body"] for message in await lab.messages(query)] == bodies, query


async def test_waiting_ends_when_enough_has_come_or_time_is_over(make: Make) -> None:
    lab = await make(time_scale=1.0)
    waiting = asyncio.ensure_future(lab.wait("count=2&to=%2B14155552671"))
    await lab.send()
    await lab.send(to="+14155552672")
    assert not waiting.done()
    await lab.send()
    assert len(await waiting) == 2
    told = await lab.ask("GET", "wait/messages?count=9&timeout=0.05", status=408)
    assert (told["complete"], len(told["messages"])) == (False, 3)
    assert (await lab.ask("GET", "wait/quiet?timeout=0.01", status=408)) == {"complete": False}


@pytest.mark.parametrize("query", ["count=x", "timeout=-1", "count=inf"])
async def test_waiting_for_nonsense_is_refused(lab: Lab, query: str) -> None:
    assert (await lab.ask("GET", f"wait/messages?{query}", status=400))["error"]


async def test_every_request_is_kept_and_written_down(make: Make, tmp_path: Path) -> None:
    lab = await make(record_file=str(tmp_path / "requests"))
    await lab.send(media_url=["https://example.com/a", "https://example.com/b"])
    await lab.refused(To="nobody")
    await lab.client.messages.list_async(to=PHONE)
    kept = (await lab.ask("GET", "requests"))["requests"]
    assert [(entry["method"], entry["status"]) for entry in kept] == [("POST", 201), ("POST", 400), ("GET", 200)]
    assert [value for name, value in kept[0]["form"] if name == "MediaUrl"] == [
        "https://example.com/a",
        "https://example.com/b",
    ]
    assert kept[2]["query"] == [["To", PHONE]]
    assert kept[0]["path"].startswith("/2010-04-01/Accounts/AC")
    assert [json.loads(line) for line in (tmp_path / "requests").read_text().splitlines()] == kept


async def test_numbers_that_drive_outcomes_are_listed(lab: Lab) -> None:
    told = await lab.ask("GET", "numbers")
    assert "opted out" in told["endings"]["5550110"]
    assert told["test_recipients"]["+15005550009"] == 21614


@dataclass
class Heard:
    """What the feed said."""

    changes: list[tuple[str, Any]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, kind: str) -> None:
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: kind in [change[0] for change in self.changes])

    async def take(self, kind: str, number: int, data: Any) -> None:
        async with self._came:
            self.changes.append((kind, data))
            self.ids.append(number)
            self._came.notify_all()


@asynccontextmanager
async def feed(lab: Lab, last: int | None = None) -> AsyncIterator[Heard]:
    """Listens while the block runs."""
    heard, headers = Heard(), {} if last is None else {"Last-Event-ID": str(last)}

    async def listen(answer: Any) -> None:
        event: dict[str, str] = {}
        async for line in answer.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name:
                event[name] = value
            elif "data" in event:
                await heard.take(event["event"], int(event["id"]), json.loads(event["data"]))
                event = {}

    async with lab.session.get(f"{lab.box.url}/sandbox/feed", headers=headers) as answer:
        assert answer.content_type == "text/event-stream"
        listening = asyncio.ensure_future(listen(answer))
        try:
            yield heard
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_the_feed_tells_of_every_change(lab: Lab, hook: Hook) -> None:
    async with feed(lab) as heard:
        await lab.faults({"operation": "messages.create", "act": "slow", "seconds": 1, "count": 1})
        made = await lab.send(status_callback=hook.url)
        await lab.quiet()
        await lab.ask("POST", "inbound", {"from": PHONE, "to": OURS, "body": "hi"})
        await lab.ask("POST", "reset")
        await heard.until("reset")
    kinds = [kind for kind, _ in heard.changes]
    assert kinds[0] == "fault"
    messages = [data for kind, data in heard.changes if kind == "message"]
    assert next(data["status"] for data in messages if data["sid"] == made.sid) == "queued"
    assert [len(data["deliveries"]) for data in messages if data["sid"] == made.sid][-1] == 2
    assert heard.ids == sorted(heard.ids)


async def test_who_comes_back_hears_what_was_missed_or_is_told_to_load_anew(lab: Lab) -> None:
    async with feed(lab) as heard:
        await lab.send()
        await heard.until("message")
        last = heard.ids[0]
    await lab.quiet()
    async with feed(lab, last) as heard:
        await heard.until("message")
        assert heard.changes[0][1]["status"] == "sent"
    async with feed(lab, 10_000) as heard:
        await heard.until("reset")
        await lab.send()
        await heard.until("message")
        assert [kind for kind, _ in heard.changes][:2] == ["reset", "message"]


async def test_forgetting_leaves_nothing(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    await lab.send(status_callback=hook.url)
    await lab.client.calls.create_async(PHONE, OURS, twiml="<Response/>", timeout=1, status_callback=hook.url)
    await lab.ask("POST", "inbound", {"from": PHONE, "to": OURS, "body": "STOP"})
    await lab.faults({"operation": "*", "act": "500"})
    await lab.ask("POST", "reset")
    told = len(hook.forms)
    assert await lab.messages() == []
    assert (await lab.ask("GET", "requests"))["requests"] == []
    assert (await lab.ask("GET", "faults"))["rules"] == []
    await lab.quiet()
    assert lab.box.app[NETWORK]._beside == set(), "neither a callback nor a ringing call is left"
    assert len(hook.forms) == told
    await lab.send()


@dataclass
class Service:
    """The clock of a service, as its admin listener shows it."""

    offset: int = 0
    due: datetime | None = None
    scans: list[tuple[datetime, int]] = field(default_factory=list)
    """When it looks for something, and how many facts it finds then."""
    refuses: bool = False
    url: str = ""
    told: list[int] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, _request: web.Request) -> web.Response:
        now = datetime.now(UTC) + timedelta(seconds=self.offset)
        ahead = [at for at, _ in self.scans if at > now]
        return web.json_response({
            "now": "", "offset_seconds": self.offset, "next_due_at": None if self.due is None else self.due.isoformat(),
            "next_scan_at": min(ahead).isoformat() if ahead else None, "scans_due": 0,
            "facts": sum(found for at, found in self.scans if at <= now),
        })  # fmt: skip

    async def put(self, request: web.Request) -> web.Response:
        if self.refuses:
            return web.json_response({"error": "not now"}, status=503)
        self.offset = (await request.json())["offset_seconds"]
        self.told.append(self.offset)
        self.changed.set()
        return await self.get(request)


@asynccontextmanager
async def service(**state: Any) -> AsyncIterator[Service]:
    one = Service(**state)
    app = web.Application()
    app.router.add_get("/clock", one.get)
    app.router.add_put("/clock", one.put)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield one
    finally:
        await runner.cleanup()


async def both(make: Make, ingest: Service, notify: Service, **settings: Any) -> Lab:
    lab = await make(ingest_admin_url=ingest.url, notify_admin_url=f"{notify.url}/", **settings)
    async with asyncio.timeout(PATIENCE):
        await notify.changed.wait()
    return lab


def business(told: Any) -> datetime:
    return datetime.fromisoformat(told["now"])


async def test_business_time_starts_at_ten_where_the_phone_is(make: Make) -> None:
    zone = ZoneInfo("Europe/Berlin")
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify, zone=zone.key)
        told = await lab.ask("GET", "clock")
        start = datetime.now(zone).replace(hour=10, minute=0, second=0, microsecond=0)
        assert abs(business(told) - start) < timedelta(minutes=1)
        assert (told["zone"], told["movable"]) == ("Europe/Berlin", True)
        assert ingest.offset == notify.offset == told["offset_seconds"]


@pytest.mark.parametrize(("finds_on", "stops_on"), [(3, 3), (9, 5)])
async def test_the_next_step_passes_over_looks_that_find_nothing(make: Make, finds_on: int, stops_on: int) -> None:
    start = datetime.now(UTC) + timedelta(days=1)
    scans = [(start + timedelta(days=day), 1 if day == finds_on else 0) for day in range(1, 10)]
    async with service(scans=scans, due=start + timedelta(days=5)) as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        moved = await lab.ask("POST", "clock", {"next_step": True})
        assert abs(business(moved) - start - timedelta(days=stops_on)) < timedelta(minutes=1)


async def test_a_message_carries_business_time_for_the_phone_and_real_time_for_the_api(make: Make) -> None:
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        await lab.ask("POST", "clock", {"advance_seconds": 40 * 86_400})
        made = await lab.send()
        (judged,) = await lab.messages()
        assert abs(made.date_created - datetime.now(UTC)) < timedelta(minutes=1)
        told = await lab.ask("GET", "clock")
        assert abs(datetime.fromisoformat(judged["business_at"]) - business(told)) < timedelta(minutes=1)


async def test_time_is_moved_in_both_services(make: Make) -> None:
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        before = (await lab.ask("GET", "clock"))["offset_seconds"]
        told = await lab.ask("POST", "clock", {"advance_seconds": 86_400})
        assert told["moved"] is True
        assert ingest.offset == notify.offset == before + 86_400
        to = business(told) + timedelta(days=3)
        told = await lab.ask("POST", "clock", {"to": to.isoformat()})
        assert abs(business(told) - to) < timedelta(seconds=5)
        local = business(told).astimezone(ZoneInfo("America/New_York")) + timedelta(hours=5)
        told = await lab.ask("POST", "clock", {"to": local.replace(tzinfo=None).isoformat()})
        assert abs(business(told) - local) < timedelta(seconds=5), "a time without a zone is the phone's"
        assert ingest.offset == notify.offset == told["offset_seconds"]


async def test_the_next_step_is_the_earliest_that_lies_ahead(make: Make) -> None:
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        told = await lab.ask("POST", "clock", {"next_step": True})
        assert (told["moved"], told["reason"]) == (False, "nothing waits for a later time")
        now = business(told)
        ingest.due, notify.due = now - timedelta(minutes=5), now + timedelta(hours=9)
        told = await lab.ask("POST", "clock", {"next_step": True})
        assert timedelta(0) <= business(told) - notify.due < timedelta(seconds=5)
        ingest.due = business(told) + timedelta(hours=1)
        notify.due = business(told) + timedelta(hours=2)
        told = await lab.ask("POST", "clock", {"next_step": True})
        assert timedelta(0) <= business(told) - ingest.due < timedelta(seconds=5)


async def test_where_one_service_refuses_neither_is_moved(make: Make) -> None:
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        before = ingest.offset
        notify.refuses = True
        told = await lab.ask("POST", "clock", {"advance_seconds": 60}, status=409)
        assert "503" in told["error"]
        assert ingest.offset == notify.offset == before
        assert (await lab.ask("GET", "clock"))["offset_seconds"] == before
        notify.refuses = False
        await lab.ask("POST", "clock", {"advance_seconds": 60})
        assert ingest.offset == notify.offset == before + 60


async def test_a_sandbox_started_anew_goes_on_where_the_services_are(make: Make) -> None:
    """Their databases remember the offset; business time never runs backwards in them."""
    async with service(offset=9_999_999) as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        assert ingest.offset == notify.offset == 9_999_999
        assert (await lab.ask("GET", "clock"))["offset_seconds"] == 9_999_999


async def test_services_that_come_late_are_told_then(make: Make) -> None:
    async with service() as ingest, service(refuses=True) as notify:
        lab = await make(ingest_admin_url=ingest.url, notify_admin_url=notify.url)
        async with asyncio.timeout(PATIENCE):
            await ingest.changed.wait()
            notify.refuses = False
            await notify.changed.wait()
        assert ingest.offset == notify.offset == (await lab.ask("GET", "clock"))["offset_seconds"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"advance_seconds": "soon"}, 400),
        ({"advance_seconds": None}, 400),
        ({"advance_seconds": float("nan")}, 409),
        ({"advance_seconds": -1}, 409),
        ({"advance_seconds": 10**12}, 409),
        ({"to": "tomorrow"}, 400),
        ({"to": "2001-01-01T00:00"}, 409),
        ([], 400),
    ],
)
async def test_a_move_that_makes_no_sense_is_refused(make: Make, body: Any, status: int) -> None:
    async with service() as ingest, service() as notify:
        lab = await both(make, ingest, notify)
        before = list(notify.told)
        assert (await lab.ask("POST", "clock", body, status=status))["error"]
        assert notify.told == before


async def test_without_services_the_clock_is_the_machines(lab: Lab) -> None:
    told = await lab.ask("GET", "clock")
    assert (told["offset_seconds"], told["movable"]) == (0, False)
