"""For operators on a listener of their own: whether it lives, whether it is ready, its meters, its clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web


@dataclass(frozen=True)
class Admin:
    """What the listener shows and does.

    Attributes:
        unready: reasons why it is not ready; empty where it is.
        metrics: for a scrape.
        clock: business time, its offset, and when something is due next.
        move_clock: stores an offset; None where the clock must not be moved.
    """

    unready: Callable[[], Awaitable[list[str]]]
    metrics: Callable[[], bytes]
    clock: Callable[[], Awaitable[dict[str, Any]]]
    move_clock: Callable[[int], Awaitable[None]] | None


def setup(app: web.Application, admin: Admin) -> None:
    """Adds the routes."""

    async def livez(_request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(_request: web.Request) -> web.Response:
        problems = await admin.unready()
        return web.Response(status=503, text="\n".join(problems) + "\n") if problems else web.Response(text="ready\n")

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=admin.metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def clock(_request: web.Request) -> web.Response:
        return web.json_response(await admin.clock(), dumps=_dumps)

    async def move(request: web.Request) -> web.Response:
        if admin.move_clock is None:
            return web.json_response({"error": "the clock is moved in the sandbox only"}, status=403)
        try:
            offset = (await request.json())["offset_seconds"]
        except (ValueError, KeyError, TypeError):
            offset = None
        if not isinstance(offset, int) or abs(offset) > 10 * 366 * 86_400:
            return web.json_response(
                {"error": "offset_seconds must be a whole number of seconds within ten years"}, status=400
            )
        await admin.move_clock(offset)
        return web.json_response(await admin.clock(), dumps=_dumps)

    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/clock", clock)
    app.router.add_put("/clock", move)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()
