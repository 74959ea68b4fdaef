"""The loop of webhooks: what is stored is posted, signed, until it is answered with success.

At least once: whoever dies between an answer and our commit leaves the call to be made again, under the same key. Redirects are not
followed, proxies not used, answers not read; an address is judged as it is connected to.
"""

import os
import socket
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import aiohttp
import asyncpg
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override

from ingest_service import crashpoints
from ingest_service.beat import Beat, side_by_side, silent
from ingest_service.clock import Clock
from ingest_service.planning.rules import Webhook
from ingest_service.planning.rules_store import FixTheRulesFile, RulesInForce
from ingest_service.sealing import UnsealableError
from ingest_service.submitting import counters
from ingest_service.webhooks import call_store
from ingest_service.webhooks.call import KEY, SIGNATURE, signature
from ingest_service.webhooks.guard import Guard

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 10.0
AT_ONCE: Final = 20
GIVE_UP_AFTER: Final = timedelta(days=1)


class RefusedError(OSError):
    """An address that may not be called; the message says why."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and leaves out what may not be called. What it gives is what is connected to."""

    def __init__(self, guard: Guard) -> None:
        """With what is allowed."""
        self._guard = guard
        self._inner = aiohttp.ThreadedResolver()

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name that may be called.

        Raises:
            RefusedError: none may.
        """
        found = await self._inner.resolve(host, port, family)
        refused = [self._guard.refuses(host, each["host"]) for each in found]
        allowed = [each for each, why in zip(found, refused, strict=True) if why is None]
        if found and not allowed:
            raise RefusedError(refused[0])
        return allowed

    @override
    async def close(self) -> None:
        """Nothing is held."""
        await self._inner.close()


@asynccontextmanager
async def calling_session(
    guard: Guard, *, trusts: ssl.SSLContext | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> AsyncIterator[aiohttp.ClientSession]:
    """A client that keeps no connection, cookie or name. `trusts`: whose certificates; without it the machine's."""
    connector = aiohttp.TCPConnector(
        resolver=GuardedResolver(guard),
        use_dns_cache=False,
        force_close=True,
        ssl=trusts if trusts is not None else True,
    )
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield session


@dataclass(frozen=True, slots=True)
class Calling:
    """Makes the calls of these accounts."""

    pool: asyncpg.Pool
    account_ids: Sequence[str]
    clock: Clock
    rules: RulesInForce
    session: aiohttp.ClientSession
    guard: Guard
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    give_up_after: timedelta = GIVE_UP_AFTER

    async def turn(self, beat: Beat = silent) -> int:
        """Makes one batch of calls, side by side; tells how many were due."""
        holder = uuid4()
        async with self.pool.acquire() as conn, conn.transaction():
            rows = await call_store.claim(conn, self.account_ids, AT_ONCE, holder)
        await side_by_side((self._make(row, holder) for row in rows), beat)
        return len(rows)

    async def _make(self, row: asyncpg.Record, holder: Any) -> None:
        reason = await self._call(row)
        crashpoints.reach("in.after_webhook")
        now = self.clock.now()
        async with self.pool.acquire() as conn, conn.transaction():
            if reason is None:
                state = "done" if await call_store.done(conn, row, holder, now) else None
            else:
                state = await call_store.failed(conn, row, holder, reason, self.give_up_after, now)
        if state is not None:
            counters.WEBHOOKS.labels(row["webhook"], state).inc()
            told = {
                "account_id": row["account_id"],
                "call": row["call_id"],
                "webhook": row["webhook"],
                "tries": row["tries"],
            }
            (log.info if state == "done" else log.warning)("webhooks.called", state=state, reason=reason, **told)

    async def _call(self, row: asyncpg.Record) -> str | None:
        """Makes a call; why it did not succeed, None where it did."""
        webhook = await self._webhook(row["account_id"], row["webhook"])
        if isinstance(webhook, str):
            return webhook
        refused = self.guard.refuses_url(webhook.url)
        if refused is not None:
            return refused
        body = row["body"].encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Paybell", KEY: row["call_id"]}
        if webhook.secret_env:
            secret = _secret(webhook.secret_env, self.environment)
            if not secret:
                return f"{webhook.secret_env} is not set"
            headers[SIGNATURE] = signature(secret, body, datetime.now(UTC))
        try:
            async with self.session.post(webhook.url, data=body, headers=headers, allow_redirects=False) as answer:
                status = answer.status
        except TimeoutError:
            return "it did not answer in time"
        except RefusedError as error:
            return str(error)
        except aiohttp.ClientError as error:
            refusal = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else None
            return str(refusal) if isinstance(refusal, RefusedError) else _trouble(error)
        except (OSError, ValueError) as error:
            return _trouble(error)
        if 200 <= status < 300:
            return None
        return f"it answered {status}" + ("; redirects are not followed" if 300 <= status < 400 else "")

    async def _webhook(self, account_id: str, name: str) -> Webhook | str:
        try:
            async with self.pool.acquire() as conn:
                in_force = await self.rules.of(conn, account_id)
        except (FixTheRulesFile, UnsealableError):
            return "the rules in force cannot be read"
        webhook = in_force.rules.webhooks.get(name) if in_force is not None else None
        if webhook is None:
            return f"the rules in force name no webhook {name}"
        return (
            webhook if webhook.url else f"the webhook {name} has no address: set its variable and apply the rules again"
        )


def _secret(name: str, environment: Mapping[str, str]) -> str:
    """A variable's value, or that of the file which it names with _FILE."""
    file = environment.get(f"{name}_FILE")
    if not file:
        return environment.get(name, "")
    try:
        return Path(file).read_text().strip()
    except OSError:
        return ""


def _trouble(error: Exception) -> str:
    """What went wrong with the connection, without what the other side said."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    return f"it could not be reached ({type(error).__name__})"
