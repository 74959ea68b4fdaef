"""The listeners of the process: opened one after the other, closed together."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from ingest_service.settings import parse_listen
from ingest_service.starting import told

HEADER_SECONDS: Final = 10.0
DRAIN_SECONDS: Final = 5.0
"""So long a request that is under way may go on after the stop; longer than any that is answered takes."""


async def _unnamed(_request: web.Request, response: web.StreamResponse) -> None:
    """What this is made with is nobody's affair."""
    response.headers.pop("Server", None)


@dataclass(slots=True)
class Listeners:
    """Those that are open."""

    _runners: list[web.AppRunner] = field(default_factory=list)

    async def open(self, app: web.Application, variable: str, listen: str) -> int:
        """Listens where this variable says; the port that was really bound.

        Raises:
            CannotStartError: nothing can listen there.
        """
        app.on_response_prepare.append(_unnamed)
        runner = web.AppRunner(app, access_log=None, keepalive_timeout=HEADER_SECONDS, shutdown_timeout=DRAIN_SECONDS)
        self._runners.append(runner)
        await runner.setup()
        host, port = parse_listen(listen)
        with told(f"{variable}={listen} cannot be listened on", "name a free address of this machine"):
            await web.TCPSite(runner, host, port).start()
        bound: int = runner.addresses[0][1]
        return bound

    async def close(self) -> None:
        """Takes no more connections and lets requests that are under way end."""
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))
