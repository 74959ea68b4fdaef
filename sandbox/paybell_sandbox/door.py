"""Where the sandbox listens, and how it stops for a while: then whoever connects is refused, as where nobody listens."""

import asyncio
import contextlib
import socket

from aiohttp import web


class Door:
    """The one address of both vendors' sides, the control API and the page."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        """Not open yet.

        Args:
            runner: what serves whoever comes in.
            host: the address to listen at.
            port: 0 takes a free one, which stays the door's own.
        """
        self._runner = runner
        self._host = host
        self._port = port
        self._site: web.TCPSite | None = None
        self.opened = asyncio.Event()
        """Set while it listens."""
        self._beside: list[asyncio.Future[None]] = []

    @property
    def port(self) -> int:
        """The port, once it was open."""
        return self._port

    async def open(self) -> None:
        """Listens."""
        self._site = web.TCPSite(self._runner, self._host, self._port)
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        self.opened.set()

    async def shut(self, seconds: float) -> None:
        """Listens no more for so long. Connections that wait for another request end; what is being answered still is.

        Nothing happens where it is shut already.
        """
        if self._site is None:
            return
        address = self._runner.addresses[0]
        await self._site.stop()
        self._site = None
        self.opened.clear()
        kept = _kept(address)
        going_on = [task for task in self._beside if not task.done()]
        self._beside = [*going_on, *self._see_out(), asyncio.ensure_future(self._open_again(kept, seconds))]

    def _see_out(self) -> list[asyncio.Future[None]]:
        """Ends every connection as soon as nothing is being answered on it."""
        server = self._runner.server
        if server is None:
            return []
        server.pre_shutdown()
        return [asyncio.ensure_future(connection.shutdown(None)) for connection in server.connections]

    async def _open_again(self, kept: socket.socket, seconds: float) -> None:
        with contextlib.closing(kept):
            await asyncio.sleep(seconds)
            await self.open()

    async def close(self) -> None:
        """Stays as it is: a door that is shut does not open any more."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)


def _kept(address: tuple[str, int]) -> socket.socket:
    """Holds the address, so that nobody else takes it, without listening there."""
    kept = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(address)
    return kept


DOOR: web.AppKey[Door] = web.AppKey("door", Door)
