"""A listening sandbox, Twilio's own client for it, and a service that receives its webhooks."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import pytest
from aiohttp import web
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings

ACCOUNT = "AC" + "0" * 32
TOKEN = "sandbox-token"
SERVICE = "MG" + "a" * 32
OURS = "+14155550100"
OTHER = "+14155550101"
"""Ours too, but in no Messaging Service and not on WhatsApp."""
PHONE = "+14155552671"
PATIENCE = 20.0


def basic(user: str, password: str) -> dict[str, str]:
    """Headers of basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class SandboxHttp(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK publishes no types
    """Sends whatever goes to a host of Twilio's to the sandbox instead."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = urlsplit(base)

    async def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(url)
        url = urlunsplit((self._base.scheme, self._base.netloc, self._base.path + parts.path, parts.query, ""))
        # the SDK's own way to say who calls is deprecated by aiohttp, and warnings fail tests
        headers = {**(kwargs.pop("headers") or {}), **basic(*kwargs.pop("auth"))}
        return await super().request(method, url, *args, **{**kwargs, "headers": headers, "timeout": PATIENCE})


@dataclass
class Hook:
    """A service's webhooks. `answers` are given one after the other, then 204; each is (status, content type, body)."""

    url: str = ""
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """While it is not set, nothing is answered."""
    _came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        host = self.url.partition("/hook")[0]
        assert RequestValidator(TOKEN).validate(
            host + request.raw_path, await request.post(), request.headers["X-Twilio-Signature"]
        ), "the signature covers the address and every field"
        self.forms.append(form)
        self.tokens.append(request.headers["I-Twilio-Idempotency-Token"])
        answer = self.answers.pop(0) if self.answers else (204, "text/xml", "")
        async with self._came:
            self._came.notify_all()
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=answer[0], content_type=answer[1], text=answer[2])

    async def wait_for(self, count: int) -> list[dict[str, str]]:
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.forms) >= count)
        return self.forms

    def statuses(self) -> list[str]:
        return [form.get("MessageStatus") or form.get("CallStatus", "") for form in self.forms]


@dataclass
class Lab:
    """What a test acts on."""

    box: RunningSandbox
    client: Client
    session: aiohttp.ClientSession

    async def ask(self, method: str, path: str, body: Any = None, *, status: int | None = None) -> Any:
        """The sandbox's own API."""
        async with self.session.request(method, f"{self.box.url}/sandbox/{path}", json=body) as answer:
            assert answer.status == status if status else answer.status < 300, await answer.text()
            return await answer.json()

    async def post(self, path: str, form: dict[str, Any] | None = None, **more: Any) -> tuple[int, Any]:
        """Twilio's API without the SDK: status and JSON."""
        url = f"{self.box.twilio_api_base}/2010-04-01/Accounts/{ACCOUNT}{path}"
        given = {"method": "POST", "url": url, "data": form, "headers": basic(ACCOUNT, TOKEN), **more}
        async with self.session.request(**given) as answer:
            return answer.status, await answer.json()

    async def refused(self, **changes: Any) -> int:
        """The code that an otherwise good message is refused with."""
        form = {"To": PHONE, "From": OURS, "Body": "hello", **changes}
        status, body = await self.post(
            "/Messages.json", {name: value for name, value in form.items() if value is not None}
        )
        assert status == body["status"]
        assert set(body) == {"code", "message", "more_info", "status"}
        assert body["more_info"] == f"https://www.twilio.com/docs/errors/{body['code']}"
        return int(body["code"])

    async def send(self, **changes: Any) -> Any:
        given = {"to": PHONE, "from_": OURS, "body": "hello", **changes}
        return await self.client.messages.create_async(
            **{name: value for name, value in given.items() if value is not None}
        )

    async def messages(self, query: str = "") -> list[Any]:
        found = await self.ask("GET", f"messages{query}")
        return list(found["messages"])

    async def wait(self, query: str) -> list[Any]:
        found = await self.ask("GET", f"wait/messages?timeout={PATIENCE}&{query}")
        return list(found["messages"])

    async def quiet(self) -> None:
        await self.ask("GET", f"wait/quiet?timeout={PATIENCE}")

    async def faults(self, *rules: dict[str, Any]) -> None:
        await self.ask("PUT", "faults", {"rules": [{"side": "twilio", **rule} for rule in rules]})


Make = Callable[..., Awaitable[Lab]]


@pytest.fixture
async def make(hook: Hook) -> AsyncIterator[Make]:
    """Makes sandboxes. What they take here is not recorded: much of it is wrong on purpose."""
    async with AsyncExitStack() as stack:

        async def one(**settings: Any) -> Lab:
            given: dict[str, Any] = {
                "listen": "127.0.0.1:0",
                "time_scale": 0.01,
                "record_file": "",
                "seed": 7,
                "twilio_inbound_url": hook.url,
                **settings,
            }
            box = await stack.enter_async_context(running(Settings(**given)))
            session = await stack.enter_async_context(aiohttp.ClientSession())
            http = SandboxHttp(box.twilio_api_base)
            stack.push_async_callback(http.close)
            return Lab(box, Client(ACCOUNT, TOKEN, http_client=http), session)

        yield one


@pytest.fixture
async def lab(make: Make) -> Lab:
    return await make()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook{rest:.*}", hook.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()
