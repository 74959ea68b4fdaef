"""notify-service as an operator runs it: a process with an environment, signals and an exit code."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.integration.notify.service import key


@dataclass
class Process:
    """A process that runs, and what it has logged so far."""

    process: asyncio.subprocess.Process
    grpc_port: int = 0
    admin_port: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)

    async def said(self, event: str) -> dict[str, Any]:
        """Reads on until it logs this event."""
        assert self.process.stderr is not None
        async for raw in self.process.stderr:
            self.lines.append(json.loads(raw))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"it never said {event}: {self.lines}")

    async def ended(self, within_seconds: float) -> tuple[int, float]:
        """Its exit code, and how long it took."""
        loop = asyncio.get_running_loop()
        before = loop.time()
        async with asyncio.timeout(within_seconds):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, loop.time() - before


def environment(database_url: str, twilio: str, **more: str) -> dict[str, str]:
    """What it is told; free ports."""
    given = {
        "NOTIFY_DATABASE_URL": database_url, "NOTIFY_DATA_KEYS": key("d1"), "NOTIFY_LOOKUP_KEYS": key("l1"),
        "NOTIFY_HTTP_LISTEN": "127.0.0.1:0", "NOTIFY_ADMIN_LISTEN": "127.0.0.1:0", "NOTIFY_GRPC_LISTEN": "127.0.0.1:0",
        "NOTIFY_VENDOR_TIME_SCALE": "0.05", "GRPC_INSECURE": "1", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "sandbox-token", "TWILIO_FROM": "+14155550100", "TWILIO_API_BASE": twilio,
    }  # fmt: skip
    return {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")} | given | more


async def command(name: str, given: Mapping[str, str]) -> asyncio.subprocess.Process:
    """``notify-service`` with one of its commands."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "notify_service.cli", name),
        env=dict(given),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def outcome(name: str, given: Mapping[str, str]) -> tuple[int | None, str, str]:
    """Exit code, standard output and standard error of a command that ends by itself."""
    process = await command(name, given)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(given: Mapping[str, str]) -> AsyncIterator[Process]:
    """The service, once it has started; killed at the end if it still runs."""
    running = Process(await command("serve", given))
    try:
        async with asyncio.timeout(30):
            started = await running.said("started")
        running.grpc_port, running.admin_port = started["port"], started["admin_port"]
        yield running
    finally:
        if running.process.returncode is None:
            running.process.kill()
        await running.process.communicate()


@asynccontextmanager
async def taken_port() -> AsyncIterator[str]:
    """An address that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield f"127.0.0.1:{other.getsockname()[1]}"
