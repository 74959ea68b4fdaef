"""A wire between a program and whatever it is connected to, which a test can stop: bytes are then taken and go nowhere."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass(slots=True)
class Wire:
    """Passes bytes on as long as it is whole."""

    host: str
    port: int
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    ends: set[asyncio.StreamWriter] = field(default_factory=set)

    def stop(self) -> None:
        """From now on nothing arrives at either end, and neither is told."""
        self.whole.clear()

    def mend(self) -> None:
        """Everything that was held arrives."""
        self.whole.set()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        self.ends |= {writer, far_writer}
        await asyncio.gather(self._pass_on(reader, far_writer), self._pass_on(far_reader, writer))

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await self.whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def wired(url: str) -> AsyncIterator[tuple[Wire, str]]:
    """A wire to the host and port of a URL, and that URL by way of the wire."""
    parts = urlsplit(url)
    wire = Wire(parts.hostname or "", parts.port or 0)
    wire.mend()
    server = await asyncio.start_server(wire.connected, "127.0.0.1", 0)
    login = parts.netloc.rpartition("@")[0]
    port = server.sockets[0].getsockname()[1]
    try:
        yield wire, urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))
    finally:
        wire.mend()
        server.close()
        for end in wire.ends:
            end.close()
