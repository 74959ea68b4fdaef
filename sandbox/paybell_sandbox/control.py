"""The sandbox's own API: what a judge, a test and the page ask of it. Nothing of it exists at the vendors."""

import asyncio
import datetime
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from paybell_sandbox.clock import ClockNotMovedError
from paybell_sandbox.faults import UnknownFaultError
from paybell_sandbox.sandbox import SANDBOX, Sandbox
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.twilio import numbers, replies, voice
from paybell_sandbox.twilio.network import NETWORK
from paybell_sandbox.twilio.recording import REQUESTS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONGEST_WAIT_SECONDS = 60.0


def setup(app: web.Application, sandbox: Sandbox) -> None:
    """Adds the routes below ``/sandbox``."""
    del sandbox
    routes: list[tuple[str, str, Handler]] = [
        ("GET", "messages", _messages),
        ("GET", "wait/messages", _wait_for_messages),
        ("GET", "requests", _requests),
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


def wrong(reason: str, status: int = 400) -> web.Response:
    """The answer to a request that is wrong."""
    return web.json_response({"error": reason}, status=status)


async def _json(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(
            text=json.dumps({"error": "the body must be a JSON object"}), content_type="application/json"
        )
    return body


def _wanted(request: web.Request) -> list[dict[str, Any]]:
    query = request.query
    return [
        message
        for message in request.app[NETWORK].judged()
        if query.get("to", message["to"]) in (message["to"], message["to"].rpartition(":")[2])
        and query.get("direction", message["direction"]) == message["direction"]
        and query.get("contains", "") in message["body"]
    ]


async def _messages(request: web.Request) -> web.Response:
    return web.json_response({"messages": _wanted(request)})


async def _wait_for_messages(request: web.Request) -> web.Response:
    count = int(request.query.get("count", "1"))
    timeout = min(float(request.query.get("timeout", "10")), LONGEST_WAIT_SECONDS)
    with request.app[SANDBOX].watching() as changed:
        try:
            async with asyncio.timeout(timeout):
                while len(_wanted(request)) < count:
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return web.json_response({"messages": _wanted(request), "complete": False}, status=408)
    return web.json_response({"messages": _wanted(request), "complete": True})


async def _requests(request: web.Request) -> web.Response:
    return web.json_response({"requests": list(request.app[REQUESTS])})


async def _numbers(_request: web.Request) -> web.Response:
    return web.json_response({"endings": {ending: what.meaning for ending, what in numbers.BY_ENDING.items()}})


async def _inbound(request: web.Request) -> web.Response:
    body = await _json(request)
    sender, to, words = body.get("from"), body.get("to"), body.get("body")
    if not (isinstance(sender, str) and isinstance(to, str) and isinstance(words, str) and words):
        return wrong("from, to and body are needed: the phone's number, the business's number and the words")
    message = await replies.receive(request.app[NETWORK], sender, to, words)
    return web.json_response(message.judged(), status=201)


async def _call(request: web.Request) -> web.Response:
    network = request.app[NETWORK]
    call = network.calls.get(request.match_info["sid"])
    if call is None:
        return wrong("there is no such call", 404)
    match request.match_info["act"]:
        case "answer":
            await voice.answer(network, call, "human")
        case "voicemail":
            await voice.answer(network, call, "machine_start")
        case "press":
            await voice.press(network, call, str((await _json(request)).get("digits", "")))
        case "hang-up":
            await voice.hang_up(network, call)
        case "decline":
            await voice.refuse(network, call)
        case act:
            return wrong(f"a call cannot {act}; it can answer, voicemail, press, hang-up or decline", 404)
    return web.json_response(call.judged())


async def _faults(request: web.Request) -> web.Response:
    return web.json_response({"rules": request.app[SANDBOX].faults.to_json()})


async def _put_faults(request: web.Request) -> web.Response:
    rules = (await _json(request)).get("rules")
    if not isinstance(rules, list):
        return wrong("rules must be a list")
    try:
        request.app[SANDBOX].faults.replace(rules)
    except (UnknownFaultError, TypeError) as error:
        return wrong(str(error))
    return await _faults(request)


async def _no_faults(request: web.Request) -> web.Response:
    request.app[SANDBOX].faults.rules = []
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
    sandbox, body = request.app[SANDBOX], await _json(request)
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
    except ValueError:
        return wrong("advance_seconds is a number, to is a date and time such as 2026-12-24T08:00")
    sandbox.publish("clock", {"now": sandbox.clock.now().isoformat(), "offset_seconds": sandbox.clock.offset})
    return _time(sandbox, moved=True)


async def _feed(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await answer.prepare(request)
    await answer.write(b": here begins the feed\n\n")
    last = request.headers.get("Last-Event-ID", "")
    async for change in request.app[SANDBOX].changes(int(last) if last.isdigit() else None):
        data = json.dumps(change.data)
        await answer.write(f"id: {change.number}\nevent: {change.kind}\ndata: {data}\n\n".encode())
    return answer


async def _reset(request: web.Request) -> web.Response:
    request.app[NETWORK].forget()
    request.app[REQUESTS].clear()
    request.app[STRIPE].forget()
    request.app[SANDBOX].faults.rules = []
    request.app[SANDBOX].publish("reset", {})
    return web.json_response({})
