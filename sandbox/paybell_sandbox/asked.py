"""What is asked of the sandbox's own API: reading it, and saying what is wrong with it."""

import asyncio
import json
import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LONGEST_WAIT_SECONDS: Final = 60.0


def wrong(reason: str, status: int = 400) -> web.Response:
    """The answer to a request that is wrong."""
    return web.json_response({"error": reason}, status=status)


def _refused(reason: str) -> web.HTTPBadRequest:
    return web.HTTPBadRequest(text=json.dumps({"error": reason}), content_type="application/json")


async def body(request: web.Request, *, names: frozenset[str] | None = None) -> dict[str, Any]:
    """The JSON object that came, empty where no body did. Names that are not known are refused where `names` are given."""
    try:
        given = json.loads(await request.text() or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise _refused("the body must be a JSON object")
    if names is not None and (unknown := sorted(set(given) - names)):
        raise _refused(f"unknown: {', '.join(unknown)}; known: {', '.join(sorted(names))}")
    return given


def number(request: web.Request, name: str, otherwise: float) -> float:
    """A number of the query, from 0 on."""
    try:
        found = float(request.query.get(name, otherwise))
    except ValueError:
        found = math.nan
    if not (math.isfinite(found) and found >= 0):
        raise _refused(f"{name} must be a number from 0 on")
    return found


def patience(request: web.Request) -> float:
    """How many seconds somebody wants to wait at most: `timeout` of the query."""
    return min(number(request, "timeout", 10), LONGEST_WAIT_SECONDS)


async def waited_for(request: web.Request, wait: Callable[[], Awaitable[object]]) -> web.Response:
    """Says that what is waited for came, or with 408 that it took longer than somebody wants to wait."""
    try:
        async with asyncio.timeout(patience(request)):
            await wait()
    except TimeoutError:
        return web.json_response({"complete": False}, status=408)
    return web.json_response({"complete": True})
