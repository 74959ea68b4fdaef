"""The console's JSON: what became of each event. It has no sign-in yet and is served only while a sandbox plays Stripe."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from ingest_service.story.telling import Key, KeyKind, Telling, guess

TELLING: Final = web.AppKey("telling", Telling)
KINDS: Final[tuple[KeyKind, ...]] = ("event", "concern", "request", "sid", "object")
MOST_EVENTS: Final = 200
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def make_app(telling: Telling, *, vendor_is_played: bool, hosts: Iterable[str] = ()) -> web.Application:
    """The console's application: GET /api/story and GET /api/events.

    Args:
        telling: tells the stories.
        vendor_is_played: whether a sandbox plays Stripe; otherwise nothing is served.
        hosts: names that it may be called by besides this machine's own.
    """
    app = web.Application(
        middlewares=[_guard(vendor_is_played=vendor_is_played, hosts=frozenset({*_LOOPBACK, *hosts}))]
    )
    app[TELLING] = telling
    app.router.add_get("/api/story", story)
    app.router.add_get("/api/events", events)
    return app


async def story(request: web.Request) -> web.Response:
    """GET /api/story?event=|concern=|request=|sid=|object=|id= (id: any of them), optionally &account=."""
    asked = [Key(kind, request.query[kind]) for kind in KINDS if request.query.get(kind)]
    if request.query.get("id"):
        asked.append(guess(request.query["id"]))
    if len(asked) != 1:
        return _json({"error": f"Name one of: {', '.join(KINDS)}, id."}, 400)
    told = await request.app[TELLING].story(asked[0], request.query.get("account"))
    if told is None:
        return _json({"error": f"Nothing is known of {asked[0].kind} {asked[0].id}.", "lines": []}, 404)
    return _json(told)


async def events(request: web.Request) -> web.Response:
    """GET /api/events?since=ISO-8601&limit=1..200: the newest events first, with what became of each."""
    try:
        since = datetime.fromisoformat(request.query["since"]) if request.query.get("since") else None
        most = int(request.query.get("limit", "50"))
    except ValueError:
        return _json({"error": "since is a time such as 2026-11-23T10:00:00Z; limit is a number from 1 to 200."}, 400)
    if since is not None and since.tzinfo is None:
        return _json({"error": 'since needs its zone, such as "Z" at the end.'}, 400)
    return _json({"events": await request.app[TELLING].events(since, max(1, min(most, MOST_EVENTS)))})


def _guard(*, vendor_is_played: bool, hosts: frozenset[str]) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not vendor_is_played:
            why = "The console has no sign-in yet, so it is served only while a sandbox plays Stripe. Use `ingest-service why`."
            return _json({"error": why}, 403)
        if (urlsplit(f"//{request.host}").hostname or "") not in hosts:  # a foreign name that leads here reads nothing
            why = "The console does not answer to this name; add it to INGEST_CONSOLE_HOSTS."
            return _json({"error": why}, 403)
        response = await handler(request)
        origin = request.headers.get("Origin", "")
        if (urlsplit(origin).hostname or "") in _LOOPBACK:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Vary"] = "Origin"
        return response

    return guard


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(body), status=status, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
