"""ingest-service whole: in this process, or as a process of its own, on this test's database."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from ingest_service import app
from ingest_service.settings import Settings
from paybell_sandbox.stripe.signing import signature

SECRET = "whsec_sandbox"
KEY = f"k1:{base64.b64encode(b'k' * 32).decode()}"
"""As the planning side's tests seal with."""
NOBODY = "http://127.0.0.1:9"
PROGRAM = str(Path(sys.executable).with_name("ingest-service"))


def settings(url: str, stripe: str = NOBODY, **more: Any) -> Settings:
    """Settings on free ports, with webhooks."""
    given: dict[str, Any] = {
        "ingest_database_url": url, "ingest_data_keys": KEY, "ingest_http_listen": "127.0.0.1:0", "ingest_admin_listen": "127.0.0.1:0",
        "ingest_console_listen": "127.0.0.1:0", "ingest_notify_target": "127.0.0.1:9", "ingest_public_url": "http://127.0.0.1:9",
        "stripe_api_key": "sk_test_sandbox", "stripe_webhook_secrets": SECRET, "stripe_api_base": stripe, "grpc_insecure": True,
    }  # fmt: skip
    return Settings(**(given | more))


def environment(url: str, stripe: str = NOBODY, **more: str) -> dict[str, str]:
    """The same as variables of a process. An empty one counts as absent."""
    given = {
        "INGEST_DATABASE_URL": url, "INGEST_DATA_KEYS": KEY, "INGEST_HTTP_LISTEN": "127.0.0.1:0", "INGEST_ADMIN_LISTEN": "127.0.0.1:0",
        "INGEST_CONSOLE_LISTEN": "127.0.0.1:0", "INGEST_NOTIFY_TARGET": "127.0.0.1:9", "INGEST_PUBLIC_URL": "http://127.0.0.1:9",
        "STRIPE_API_KEY": "sk_test_sandbox", "STRIPE_WEBHOOK_SECRETS": SECRET, "STRIPE_API_BASE": stripe, "GRPC_INSECURE": "1",
        "PATH": os.environ.get("PATH", ""),
    }  # fmt: skip
    return given | more


@dataclass
class Whole:
    """The service and whoever calls it."""

    service: app.RunningService
    http: aiohttp.ClientSession

    async def post(self, event: dict[str, Any], path: str = "") -> int:
        """Posts an event as Stripe does."""
        body = orjson.dumps(event)
        headers = {"Stripe-Signature": signature(body, SECRET)}
        url = f"http://127.0.0.1:{self.service.http_port}/webhooks/stripe{path}"
        async with self.http.post(url, data=body, headers=headers) as answer:
            return answer.status

    async def admin(self, path: str) -> tuple[int, str]:
        """What the admin listener answers."""
        async with self.http.get(f"http://127.0.0.1:{self.service.admin_port}/{path}") as answer:
            return answer.status, await answer.text()


@contextlib.asynccontextmanager
async def running(configured: Settings) -> AsyncIterator[Whole]:
    """The service in this process, until the block ends."""
    async with app.running(configured) as service, aiohttp.ClientSession() as http:
        yield Whole(service, http)


async def command(*words: str, **variables: str) -> tuple[int, str, str]:
    """Runs ingest-service with these words to its end: its exit code, and what it said and complained of."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM, *words, env=variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), complained.decode()


@dataclass
class Served:
    """`ingest-service serve` as a process, and what it has logged so far."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]]

    async def line(self, name: str) -> dict[str, Any]:
        """The next log line of this name."""
        assert self.process.stderr is not None
        async with asyncio.timeout(60):
            while True:
                raw = await self.process.stderr.readline()
                assert raw, f"it ended before it said {name}: {self.lines}"
                line: dict[str, Any] = json.loads(raw)
                self.lines.append(line)
                if line["event"] == name:
                    return line

    async def stop(self) -> float:
        """Asks it to stop; how long it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            await self.process.communicate()
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def served(**variables: str) -> AsyncIterator[Served]:
    """A process that serves; it is gone when the block ends."""
    process = await asyncio.create_subprocess_exec(PROGRAM, "serve", env=variables, stderr=asyncio.subprocess.PIPE)
    try:
        yield Served(process, [])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


class HangingStripe:
    """A Stripe that takes every question and answers none."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.asked: set[str] = set()
        self._asked = asyncio.Condition()

    async def until_asked(self, *endpoints: str) -> None:
        """Returns when something was asked of each of these."""
        async with asyncio.timeout(60), self._asked:
            await self._asked.wait_for(lambda: self.asked >= set(endpoints))

    async def handle(self, request: web.Request) -> web.Response:
        """Never answers."""
        async with self._asked:
            self.asked.add(request.path.split("/")[2])
            self._asked.notify_all()
        await asyncio.Event().wait()
        raise AssertionError


@contextlib.asynccontextmanager
async def hanging_stripe() -> AsyncIterator[tuple[HangingStripe, str]]:
    """One that listens, and its URL."""
    stripe, site = HangingStripe(), web.Application()
    site.router.add_route("*", "/{rest:.*}", stripe.handle)
    runner = web.AppRunner(site, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield stripe, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
