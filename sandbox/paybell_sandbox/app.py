"""The sandbox as one web application: both vendors' sides, the control API and the page."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from paybell_sandbox import control, page, stripe, twilio
from paybell_sandbox.clock import ClockNotMovedError
from paybell_sandbox.door import DOOR, Door
from paybell_sandbox.sandbox import SANDBOX, Sandbox
from paybell_sandbox.settings import Settings

CLOCK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that listens.

    Attributes:
        url: its address, without a slash at the end.
    """

    url: str
    sandbox: Sandbox
    app: web.Application

    @property
    def stripe_api_base(self) -> str:
        """What STRIPE_API_BASE is set to."""
        return f"{self.url}/stripe"

    @property
    def twilio_api_base(self) -> str:
        """What TWILIO_API_BASE is set to."""
        return f"{self.url}/twilio"


async def _ready(_request: web.Request) -> web.Response:
    return web.Response(text="ready\n")


def application(sandbox: Sandbox) -> web.Application:
    """The application, not yet listening."""
    app = web.Application(client_max_size=2 * 1024 * 1024)
    app[SANDBOX] = sandbox
    app.router.add_get("/readyz", _ready)
    for side in (control, stripe, twilio, page):
        side.setup(app, sandbox)
    app.cleanup_ctx.append(_beside)
    return app


async def _beside(app: web.Application) -> AsyncIterator[None]:
    sandbox = app[SANDBOX]
    sandbox.spawn(_start_the_clock(sandbox))
    yield
    await sandbox.close()


async def _start_the_clock(sandbox: Sandbox) -> None:
    # the services come up at the same time as the sandbox; until both know the time, the clock shows it but has not moved them
    while sandbox.clock.movable:
        with contextlib.suppress(ClockNotMovedError):
            await sandbox.clock.begin()
            sandbox.publish("clock", {"now": sandbox.clock.now().isoformat(), "offset_seconds": sandbox.clock.offset})
            return
        await asyncio.sleep(CLOCK_AGAIN_SECONDS)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[RunningSandbox]:
    """A sandbox that listens until the block ends; port 0 takes a free one."""
    sandbox = Sandbox.create(settings)
    app = application(sandbox)
    host, _, port = settings.listen.rpartition(":")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    app[DOOR] = door = Door(runner, host, int(port))
    await runner.setup()
    try:
        await door.open()
        yield RunningSandbox(settings.public_url or f"http://{host}:{door.port}", sandbox, app)
    finally:
        await door.close()
        await runner.cleanup()


async def serve(settings: Settings) -> None:
    """Runs until SIGINT or SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with running(settings) as sandbox:
        sys.stdout.write(f"the sandbox listens at {sandbox.url} (seed {settings.seed})\n")
        sys.stdout.flush()
        await ended.wait()


def main() -> None:
    """Runs the sandbox as the environment says."""
    asyncio.run(serve(Settings()))
