"""Keeps every request that the Twilio side took, for the judge and for the check against Twilio's own description."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

KEPT = 5_000
REQUESTS: web.AppKey[deque[dict[str, Any]]] = web.AppKey("twilio_requests", deque[dict[str, Any]])

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def middleware(record_file: str) -> Any:
    """Records requests below ``/twilio``; with a file also there, a line of JSON each."""
    path = Path(record_file) if record_file else None

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith("/twilio/"):
            return await handler(request)
        form = [[name, value] for name, value in (await request.post()).items()]
        entry: dict[str, Any] = {
            "method": request.method,
            "path": request.path.removeprefix("/twilio"),
            "query": [[name, value] for name, value in request.query.items()],
            "content_type": request.content_type if request.method == "POST" else "",
            "form": form,
            "status": 0,
        }
        try:
            answer = await handler(request)
            entry["status"] = answer.status
            return answer
        finally:
            request.app[REQUESTS].append(entry)
            if path is not None:
                with path.open("a") as file:
                    file.write(json.dumps(entry) + "\n")

    return record


def setup_log(app: web.Application) -> None:
    """Makes the place where requests are kept."""
    app[REQUESTS] = deque(maxlen=KEPT)
