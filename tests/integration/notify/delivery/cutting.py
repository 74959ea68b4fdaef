"""A way to the database that is cut where a test wants it: around a commit, or altogether."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

_CHUNK = 65_536


@dataclass
class Cutter:
    """What a test turns.

    Attributes:
        url: of the database, this way.
        cut: the next commit does not reach the server (``before``), reaches it and its answer is lost (``after``), or is answered and
            the connection breaks at the next word (``answered``).
        down: no new connection is let through.
        down_after_cut: the cut closes the way altogether.
        cuts: how many commits were cut.
    """

    url: str
    cut: Literal["before", "after", "answered"] | None = None
    down: bool = False
    down_after_cut: bool = False
    cuts: int = 0

    def meets(self, data: bytes) -> str | None:
        """How what is on its way to the server is cut, if it is."""
        if self.cut is None or b"COMMIT;" not in data:
            return None
        how, self.cut = self.cut, None
        self.cuts += 1
        self.down = self.down_after_cut
        return how


@asynccontextmanager
async def cutting(database_url: str) -> AsyncIterator[Cutter]:
    """Another way to the database, that lets everything through until it is told otherwise."""
    real = urlsplit(database_url)

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        if cutter.down:
            to_client.close()
            return
        server, to_server = await asyncio.open_connection(real.hostname, real.port)
        lost = asyncio.Event()

        async def up() -> None:
            last = False
            while data := await client.read(_CHUNK):
                if last:
                    return
                how = cutter.meets(data)
                if how == "before":
                    return
                if how == "after":
                    lost.set()
                last = how is not None
                to_server.write(data)
                await to_server.drain()

        async def down() -> None:
            while data := await server.read(_CHUNK):
                if lost.is_set():
                    return
                to_client.write(data)
                await to_client.drain()

        ways = [asyncio.ensure_future(up()), asyncio.ensure_future(down())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        to_client.transport.abort()
        to_server.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    cutter = Cutter(database_url.replace(f":{real.port}", f":{port}", 1))
    try:
        yield cutter
    finally:
        listener.close()
