"""What the page asks of ingest-service's console, passed on by the sandbox: the browser talks to one origin only."""

from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp import web

STORY: Final = frozenset({"event", "concern", "request", "sid", "object", "id", "account"})
EVENTS: Final = frozenset({"since", "limit"})

PATIENCE: Final = aiohttp.ClientTimeout(total=5, connect=2)
LARGEST: Final = 4 * 1024 * 1024
"""Bytes of one answer; more is no story."""

NOT_CONNECTED: Final = (
    "No ingest-service is connected to this sandbox. `make run` starts all three together; "
    "by hand, set SANDBOX_INGEST_CONSOLE_URL."
)
SILENT: Final = "ingest-service does not answer yet."


def setup(app: web.Application, console_url: str) -> None:
    """Adds GET /page/story and GET /page/events."""
    console = _Console(console_url.rstrip("/"))
    app.cleanup_ctx.append(console.open)
    app.router.add_get("/page/story", console.story)
    app.router.add_get("/page/events", console.events)


class _Console:
    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def open(self, _app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            self._session = session
            yield

    async def story(self, request: web.Request) -> web.Response:
        return await self._passed_on("story", request, STORY)

    async def events(self, request: web.Request) -> web.Response:
        return await self._passed_on("events", request, EVENTS)

    async def _passed_on(self, what: str, request: web.Request, known: frozenset[str]) -> web.Response:
        if not self._url or self._session is None:
            return _trouble(503, "not_connected", NOT_CONNECTED)
        asked = {name: value for name, value in request.query.items() if name in known}
        try:
            async with self._session.get(
                f"{self._url}/api/{what}", params=asked, allow_redirects=False, headers={"Accept": "application/json"}
            ) as answer:
                body = await _whole(answer)
                if answer.content_type != "application/json" or body is None:
                    return _trouble(502, "strange", f"ingest-service's console answered {answer.status}, but no JSON.")
                return web.Response(
                    status=answer.status,
                    body=body,
                    content_type="application/json",
                    headers={"Cache-Control": "no-store"},
                )
        except (aiohttp.ClientError, TimeoutError):
            return _trouble(502, "silent", SILENT)


async def _whole(answer: aiohttp.ClientResponse) -> bytes | None:
    body = bytearray()
    async for piece in answer.content.iter_any():
        body += piece
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _trouble(status: int, why: str, sentence: str) -> web.Response:
    return web.json_response({"error": sentence, "why": why}, status=status, headers={"Cache-Control": "no-store"})
