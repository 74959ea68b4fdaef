"""Keeps every request that the Twilio side took, for the judge and for the check against Twilio's own description."""

import json
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from paybell_sandbox.faulty import Dropped

KEPT = 20_000
REQUESTS: web.AppKey[deque[dict[str, Any]]] = web.AppKey("twilio_requests", deque[dict[str, Any]])

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def middleware(prefix: str, record_file: str) -> Any:
    """Records requests below a path; with a file also there, a line of JSON each. Status 0: no whole answer was given."""
    path = Path(record_file) if record_file else None

    @web.middleware
    async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(f"{prefix}/"):
            return await handler(request)
        entry: dict[str, Any] = {
            "method": request.method,
            "path": request.path.removeprefix(prefix),
            "query": [[name, value] for name, value in request.query.items()],
            "content_type": request.content_type if request.method == "POST" else "",
            "form": [[name, str(value)] for name, value in (await request.post()).items()],
            "status": 0,
        }
        try:
            answer = await handler(request)
            entry["status"] = 0 if isinstance(answer, Dropped) else answer.status
            return answer
        finally:
            request.app[REQUESTS].append(entry)
            if path is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(entry) + "\n")

    return record
