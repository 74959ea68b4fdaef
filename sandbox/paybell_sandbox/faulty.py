"""Lets a call to a vendor go wrong as the faults in force say."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from paybell_sandbox.door import DOOR
from paybell_sandbox.faults import CALL_ACTS, Rule, Side
from paybell_sandbox.sandbox import SANDBOX, Sandbox

HTML = "<html><head><title>403 Forbidden</title></head><body><h1>Forbidden</h1></body></html>"


class Dropped(web.Response):
    """An answer that never left whole: the connection is gone."""

    async def prepare(self, _request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, _data: bytes = b"") -> None:
        return None


def _drop(request: web.Request, *, reset: bool) -> web.StreamResponse:
    transport = request.transport
    if transport is not None and reset:
        # without lingering the kernel sends RST; a mere close says goodbye with FIN
        own = transport.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    elif transport is not None:
        transport.close()
    return Dropped()


async def answer(
    request: web.Request,
    side: Side,
    operation: str,
    to: str,
    accept: Callable[[], Awaitable[web.Response]],
    refuse: Callable[[int], web.Response],
) -> web.StreamResponse:
    """Does what the call asks, or lets it go wrong before, while or after doing it.

    Args:
        request: the call.
        side: at which vendor.
        operation: its name for the rules.
        to: the recipient's number, empty if there is none.
        accept: does it and gives the vendor's answer.
        refuse: the vendor's answer for an HTTP status of 429, 500 or 503.
    """
    sandbox = request.app[SANDBOX]
    rule = sandbox.faults.pick(side, operation, to, CALL_ACTS)
    if rule is None:
        return await accept()
    sandbox.publish("fault", {"side": side, "operation": operation, "act": rule.act})
    if rule.act in ("429", "500", "503"):
        refused = refuse(int(rule.act))
        if rule.seconds and rule.act != "500":
            refused.headers["Retry-After"] = str(max(1, round(sandbox.waiting(rule.seconds))))
        return refused
    if rule.act in ("close", "reset"):
        return _drop(request, reset=rule.act == "reset")
    if rule.act == "html":
        return web.Response(status=403, text=HTML, content_type="text/html")
    return await _while_or_after(request, sandbox, rule, accept, refuse)


async def _while_or_after(
    request: web.Request,
    sandbox: Sandbox,
    rule: Rule,
    accept: Callable[[], Awaitable[web.Response]],
    refuse: Callable[[int], web.Response],
) -> web.StreamResponse:
    if rule.act == "hang":
        await asyncio.sleep(sandbox.waiting(rule.seconds))
        return _drop(request, reset=False)
    if rule.act == "slow":
        await asyncio.sleep(sandbox.waiting(rule.seconds))
        return await accept()
    done = await accept()
    match rule.act:
        case "500_after" | "503_after":
            return refuse(int(rule.act[:3]))
        case "hang_after":
            await asyncio.sleep(sandbox.waiting(rule.seconds))
            return _drop(request, reset=False)
        case "truncate":
            return await _truncated(request, done)
        case "down":
            await request.app[DOOR].shut(sandbox.waiting(rule.seconds))
            done.force_close()
            return done
        case _:
            return _drop(request, reset=True)


async def _truncated(request: web.Request, whole: web.Response) -> web.StreamResponse:
    body = whole.body if isinstance(whole.body, bytes) else b""
    half = web.StreamResponse(
        status=whole.status, headers={"Content-Type": "application/json", "Content-Length": str(len(body))}
    )
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    return _drop(request, reset=False)
