"""The sandbox's own API: what a judge, a test and the page ask of it. Nothing of it exists at the vendors."""

import asyncio
import contextlib
import datetime
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from paybell_sandbox import asked
from paybell_sandbox.asked import Handler, wrong
from paybell_sandbox.clock import ClockNotMovedError
from paybell_sandbox.faults import UnknownFaultError
from paybell_sandbox.sandbox import SANDBOX, Sandbox
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.twilio import numbers, replies, senders, voice
from paybell_sandbox.twilio.addresses import plain_number
from paybell_sandbox.twilio.network import NETWORK
from paybell_sandbox.twilio.recording import REQUESTS
from paybell_sandbox.twilio.shapes import Call, Message

QUIET_FEED_SECONDS: Final = 15.0
"""After which an empty line shows whether somebody still listens."""

_WHATSAPP_ID: Final = re.compile(r"whatsapp:\+[1-9][0-9]{7,14}")


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds the routes below ``/sandbox``."""
    del sandbox
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "messages", _messages),
        ("GET", "wait/messages", _wait_for_messages),
        ("GET", "wait/quiet", _wait_for_quiet),
        ("GET", "requests", _requests),
        ("GET", "violations", _violations),
        ("GET", "numbers", _numbers),
        ("POST", "inbound", _inbound),
        ("POST", "calls/{sid}/{act}", _call),
        ("GET", "faults", _faults),
        ("PUT", "faults", _put_faults),
        ("DELETE", "faults", _no_faults),
        ("GET", "clock", _clock),
        ("POST", "clock", _move_clock),
        ("GET", "feed", _feed),
        ("POST", "reset", _reset),
    ]
    for method, path, handler in routes:
        app.router.add_route(method, f"/sandbox/{path}", handler)


def _wanted(request: web.Request) -> Iterator[Message | Call]:
    """What the query asks for, oldest first; ``to`` and ``from`` with or without the channel before the number."""
    query, network = request.query, request.app[NETWORK]
    to, kind, direction, status = (query.get(name) for name in ("to", "kind", "direction", "status"))
    sender, contains = query.get("from"), query.get("contains", "")
    for thing in network.things(to or sender):
        if (
            (to is None or to in (thing.to, plain_number(thing.to)))
            and (sender is None or sender in (thing.from_, plain_number(thing.from_ or "")))
            and (kind is None or kind == thing.channel)
            and (direction is None or direction == thing.direction)
            and (status is None or status == thing.status)
            and (not contains or contains in thing.words)
        ):
            yield thing


def _told(request: web.Request, **more: Any) -> dict[str, Any]:
    return {"messages": [thing.judged() for thing in _wanted(request)], **more}


async def _messages(request: web.Request) -> web.Response:
    return web.json_response(_told(request))


async def _wait_for_messages(request: web.Request) -> web.Response:
    count, timeout = asked.number(request, "count", 1), asked.patience(request)
    with request.app[SANDBOX].watching() as changed:
        try:
            async with asyncio.timeout(timeout):
                while (there := sum(1 for _ in _wanted(request))) < count:
                    changed.clear()
                    await changed.wait()
                    await asyncio.sleep(there * 20e-6)  # where very much happens, counting must not be all that is done
        except TimeoutError:
            return web.json_response(_told(request, complete=False), status=408)
    return web.json_response(_told(request, complete=True))


async def _wait_for_quiet(request: web.Request) -> web.Response:
    return await asked.waited_for(request, request.app[NETWORK].until_quiet)


async def _violations(request: web.Request) -> web.Response:
    return web.json_response({"violations": request.app[SANDBOX].violations})


async def _requests(request: web.Request) -> web.Response:
    taken = request.app[REQUESTS]
    return web.json_response({"requests": list(taken)})


async def _numbers(request: web.Request) -> web.Response:
    settings = request.app[SANDBOX].settings
    return web.json_response(
        {
            "senders": settings.twilio_senders,
            "whatsapp_senders": settings.twilio_whatsapp_senders,
            "services": settings.twilio_services,
            "endings": {ending: what.meaning for ending, what in numbers.BY_ENDING.items()},
            "test_recipients": numbers.TEST_RECIPIENTS,
            "test_senders": numbers.TEST_SENDERS,
        }
    )


async def _inbound(request: web.Request) -> web.Response:
    body = await asked.body(request)
    sender, to, words = body.get("from"), body.get("to"), body.get("body")
    if not (isinstance(sender, str) and isinstance(to, str) and isinstance(words, str) and words):
        return wrong("from, to and body are needed: the phone's number, the business's number and the words")
    # an id of WhatsApp's may be as old as +521…, which nobody dials any more
    known = _WHATSAPP_ID.fullmatch(sender) or numbers.is_dialable(plain_number(sender))
    if not known or sender.startswith("whatsapp:") != to.startswith("whatsapp:"):
        return wrong("from is the phone's number, such as +14155552671; for WhatsApp from and to begin with whatsapp:")
    accounts = request.app[SANDBOX].settings.twilio_accounts.values()
    if not any(senders.receives(account, to) for account in accounts):
        return wrong("to is none of the account's numbers; GET /sandbox/numbers names them")
    button = body.get("button", "")
    if not isinstance(button, str) or (button and not to.startswith("whatsapp:")):
        return wrong("button is what a tapped button stands for; only WhatsApp has such")
    message = await replies.receive(request.app[NETWORK], sender, to, words, button)
    return web.json_response(message.judged(), status=201)


async def _call(request: web.Request) -> web.Response:
    network = request.app[NETWORK]
    call = network.calls.get(request.match_info["sid"])
    if call is None:
        return wrong("there is no such call", 404)
    match request.match_info["act"]:
        case "answer":
            done, needed = voice.answer(network, call, machine=False), "it does not ring"
        case "voicemail":
            done, needed = voice.answer(network, call, machine=True), "it does not ring"
        case "press":
            digits = (await asked.body(request)).get("digits")
            if not isinstance(digits, str) or not digits or set(digits) - set("0123456789*#"):
                return wrong("digits must be keys of a phone, such as 1 or 42#")
            done, needed = voice.press(network, call, digits), "it does not listen"
        case "hang-up":
            done, needed = voice.end(network, call), "it has ended"
        case "decline":
            done, needed = voice.decline(network, call), "it does not ring"
        case act:
            return wrong(f"a call cannot {act}; it can answer, voicemail, press, hang-up or decline", 404)
    return web.json_response(call.judged()) if done else wrong(f"the call is {call.status}: {needed}", 409)


async def _faults(request: web.Request) -> web.Response:
    return web.json_response({"rules": request.app[SANDBOX].faults.to_json()})


async def _put_faults(request: web.Request) -> web.Response:
    rules = (await asked.body(request)).get("rules")
    if not isinstance(rules, list):
        return wrong("rules must be a list")
    try:
        request.app[SANDBOX].faults.replace(rules)
    except UnknownFaultError as error:
        return wrong(str(error))
    return await _faults(request)


async def _no_faults(request: web.Request) -> web.Response:
    request.app[SANDBOX].faults.replace([])
    return await _faults(request)


def _time(sandbox: Sandbox, **more: Any) -> web.Response:
    clock = sandbox.clock
    body = {
        "now": clock.now().isoformat(),
        "offset_seconds": clock.offset,
        "zone": clock.zone.key,
        "movable": clock.movable,
    }
    return web.json_response(body | more)


async def _clock(request: web.Request) -> web.Response:
    return _time(request.app[SANDBOX])


async def _move_clock(request: web.Request) -> web.Response:
    sandbox, body = request.app[SANDBOX], await asked.body(request)
    try:
        if body.get("next_step"):
            moved = await sandbox.clock.next_step()
            if moved is None:
                return _time(sandbox, moved=False, reason="nothing waits for a later time")
        elif "advance_seconds" in body:
            await sandbox.clock.advance(float(body["advance_seconds"]))
        elif "to" in body:
            to = datetime.datetime.fromisoformat(str(body["to"]))
            to = to if to.tzinfo else to.replace(tzinfo=sandbox.clock.zone)
            await sandbox.clock.advance((to - sandbox.clock.now()).total_seconds())
        else:
            return wrong("one of advance_seconds, to and next_step is needed")
    except ClockNotMovedError as error:
        return wrong(str(error), 409)
    except (ValueError, TypeError, OverflowError):
        return wrong("advance_seconds is a number, to is a date and time such as 2026-12-24T08:00")
    sandbox.publish("clock", {"now": sandbox.clock.now().isoformat(), "offset_seconds": sandbox.clock.offset})
    return _time(sandbox, moved=True)


async def _feed(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await answer.prepare(request)
    last = request.headers.get("Last-Event-ID", "")
    changes = request.app[SANDBOX].changes(int(last) if last.isdigit() else None)
    with contextlib.suppress(ConnectionError):  # whoever listened has gone
        await answer.write(b"retry: 1000\n\n")
        waiting = asyncio.ensure_future(anext(changes))
        try:
            while True:
                done, _ = await asyncio.wait({waiting}, timeout=QUIET_FEED_SECONDS)
                if not done:
                    await answer.write(b":\n\n")
                    continue
                change = waiting.result()
                waiting = asyncio.ensure_future(anext(changes))
                data = json.dumps(change.data)
                await answer.write(f"id: {change.number}\nevent: {change.kind}\ndata: {data}\n\n".encode())
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await changes.aclose()
    return answer


async def _reset(request: web.Request) -> web.Response:
    request.app[NETWORK].forget()
    request.app[REQUESTS].clear()
    request.app[STRIPE].forget()
    request.app[SANDBOX].faults.rules = []
    request.app[SANDBOX].violations.clear()
    request.app[SANDBOX].publish("reset", {})
    return web.json_response({})
