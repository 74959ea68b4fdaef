"""A listening sandbox, Stripe's own client for it, and an endpoint that receives its events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import stripe
from aiohttp import web

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings

PATIENCE = 20.0


@dataclass
class Control:
    """The sandbox's own API."""

    session: aiohttp.ClientSession
    url: str

    async def ask(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        async with self.session.request(method, f"{self.url}/sandbox/{path}", json=body) as answer:
            assert answer.status == status if status else answer.status < 300, await answer.text()
            return await answer.json()

    async def play(self, story: str, /, **given: Any) -> dict[str, str]:
        """Ids of what the story touched."""
        told = await self.ask("POST", f"stories/{story}", given)
        ids: dict[str, str] = told["ids"]
        return ids


@dataclass
class Receiver:
    """An endpoint of a merchant. `answers` are given one after the other, then 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        self.signatures.append(request.headers["Stripe-Signature"])
        status = self.answers.pop(0) if self.answers else 200
        async with self._came:
            self._came.notify_all()
        return web.Response(status=status)

    async def wait_for(self, count: int) -> list[bytes]:
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.bodies) >= count)
        return self.bodies


@pytest.fixture
async def box() -> AsyncIterator[RunningSandbox]:
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.01)) as sandbox:
        yield sandbox


@pytest.fixture
async def control(box: RunningSandbox) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        yield Control(session, box.url)


@pytest.fixture
async def client(box: RunningSandbox) -> AsyncIterator[stripe.StripeClient]:
    http = stripe.AIOHTTPClient(timeout=10)
    yield stripe.StripeClient("sk_test_sandbox", base_addresses={"api": box.stripe_api_base}, http_client=http)
    await http.close_async()  # type: ignore[no-untyped-call]


@pytest.fixture
async def receivers() -> AsyncIterator[Any]:
    """Makes endpoints, each on a port of its own."""
    async with AsyncExitStack() as stack:

        async def make() -> Receiver:
            receiver = Receiver()
            app = web.Application()
            app.router.add_post("/hook", receiver.take)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
            return receiver

        yield make
