"""A real browser before the sandbox's page. The services behind it are stood in for, but in test_real_stack.py."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from tests.conftest import need
from tests.e2e.page.standin import Standin, standing_in

expect.set_options(timeout=15_000)

WIDE, LAPTOP, HAND = (1440, 900), (1280, 800), (390, 844)


@dataclass
class Seen:
    """A page, and what went on in it.

    Attributes:
        asked: addresses it asked for.
        complaints: errors of its scripts, and what the browser refused it.
    """

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda said: self._console(said.type, said.text))

    def _console(self, kind: str, text: str) -> None:
        # refusals and a silent ingest-service are states that the page shows; the browser notes each such answer as well
        if kind == "error" and not re.search(
            "status of (400|50[23])|net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)",
            text,
        ):
            self.complaints.append(text)


Open = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = need("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def services() -> AsyncIterator[Standin]:
    async with standing_in() as standin:
        yield standin


@pytest_asyncio.fixture(loop_scope="module")
async def box(services: Standin) -> AsyncIterator[RunningSandbox]:
    settings = Settings(
        listen="127.0.0.1:0",
        time_scale=0.1,
        ingest_admin_url=services.url,
        ingest_console_url=services.url,
        stripe_webhook_url=f"{services.url}/webhooks/stripe",
        twilio_inbound_url=f"{services.url}/inbound",
    )
    async with running(settings) as box:
        services.twilio = box.twilio_api_base
        yield box


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser) -> AsyncIterator[Open]:
    """Opens a page, after a script where one is given; at the end none has complained, nor asked anybody but its own origin."""
    async with AsyncExitStack() as stack:
        everything: list[Seen] = []

        async def open_page(url: str, size: tuple[int, int] = LAPTOP, *, before: str = "", **more: Any) -> Page:
            more = {"reduced_motion": "reduce"} | more
            context = await browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
            stack.push_async_callback(context.close)
            await context.add_init_script(before)
            seen = Seen(await context.new_page())
            everything.append(seen)
            await seen.page.goto(url)
            await expect(seen.page.locator("#link-words")).to_have_text("Live")
            await expect(seen.page.locator("#groups .story").first).to_be_attached()
            return seen.page

        yield open_page
        for seen in everything:
            assert seen.complaints == []
            origin = "/".join(seen.asked[0].split("/")[:3])
            assert [url for url in seen.asked if not url.startswith(origin + "/")] == []


@pytest_asyncio.fixture(loop_scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session
