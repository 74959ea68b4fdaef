"""Both services and the sandbox, whole, on fresh databases; what they come to is counted at the sandbox's own list.

Events come as Stripe sends them, unless a test asks otherwise: each twice, and in no order. What is random has one seed.
"""

import asyncio
import contextlib
import datetime
import itertools
import json
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg

from ingest_service import app as ingest_app
from ingest_service.settings import Settings as IngestSettings
from notify_service import app as notify_app
from notify_service.settings import Settings as NotifySettings
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.stripe.signing import signature
from paybell_sandbox.twilio.network import NETWORK
from tests.integration.notify.service import key

ACACIA, ENDIVE = "2025-02-24.acacia", "2026-10-28.endive"
SECRET = "whsec_sandbox"
SEED = 20
REPEATS = 2
REORDER_WINDOW_MS = 300
PATIENCE_SECONDS = 60.0

INGEST_BUSY = """
SELECT (SELECT count(*) FROM event WHERE account_id = ANY($1) AND state = 'received')
     + (SELECT count(*) FROM fact WHERE account_id = ANY($1) AND state IN ('held', 'looking_up', 'ready')
            AND due_at <= $2::timestamptz + interval '1 minute')
     + (SELECT count(*) FROM step WHERE account_id = ANY($1) AND state IN ('waiting', 'frozen')
            AND due_at <= $2::timestamptz + interval '1 minute')
     + (SELECT count(*) FROM scan WHERE account_id = ANY($1) AND state = 'open' AND due_at <= $2)
     + (SELECT count(*) FROM cancel WHERE account_id = ANY($1) AND state = 'waiting')
"""
"""What Stripe or notify could not be asked about at once is asked again in a few seconds: that is still under way."""
NOTIFY_BUSY = """
SELECT count(*) FROM notification WHERE account_id = ANY($1) AND state IN ('queued', 'sending', 'unresolved')
    AND (due_at IS NULL OR due_at <= $2::timestamptz + interval '1 minute')
"""
"""What Twilio wants to be asked for again, or what waits for a sender that rests, is still under way."""

numbers = itertools.count(1_000)


def phone() -> str:
    """A number nobody else in this run has; none of those that drive outcomes."""
    return f"+1415777{next(numbers):04d}"


def free_port() -> int:
    """A free port, below those that connections get for themselves: the sandbox must know it before ingest listens."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Pair:
    """Both services, running."""

    box: RunningSandbox
    ingest: ingest_app.RunningService
    notify: notify_app.RunningService
    ingest_pool: "asyncpg.Pool[asyncpg.Record]"
    notify_pool: "asyncpg.Pool[asyncpg.Record]"
    http: aiohttp.ClientSession
    accounts: list[str]
    offset: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(64))

    def play(self, story: str, *, version: str = ENDIVE, **given: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
        """Lets something happen at Stripe: ids and events in a shape; posting them is the test's."""
        whose = {name: given.pop(name) for name in ("account", "livemode", "seed") if name in given}
        ids, events = self.box.app[STRIPE].play(story, given, **whose)
        connected = whose.get("account") is not None
        return ids, [event.envelope(version, connected=connected) for event in events]

    async def post(self, event: dict[str, Any], *, path: str = "", secret: str = SECRET) -> int:
        """Posts an event as Stripe does; the status it got."""
        body = json.dumps(event, separators=(",", ":")).encode()
        url = f"http://127.0.0.1:{self.ingest.http_port}/webhooks/stripe{path}"
        async with (
            self._gate,
            self.http.post(url, data=body, headers={"Stripe-Signature": signature(body, secret)}) as answer,
        ):
            return answer.status

    async def post_all(self, events: Sequence[dict[str, Any]], *, as_given: bool = False, **how: Any) -> None:
        """Posts events one after the other, as Stripe does: repeated, in no order, and again where it is told "later".

        Args:
            events: what happened, in the order in which it did.
            as_given: posts them once and in this order, for tests that are about an order.
            how: as for `post`.
        """
        posts = list(events) if as_given else list(events) * REPEATS
        if not as_given:
            self.chance.shuffle(posts)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for event in posts:
                status = 503
                while status == 503:
                    status = await self.post(event, **how)
                assert status == 200

    async def quiet(self, within_seconds: float = 60.0) -> None:
        """Returns when neither service has anything left to do at this business time."""

        async def idle() -> bool:
            # of this moment: what is only now handed from one queue to the next is due now as well
            now = self.box.sandbox.clock.real_now() + datetime.timedelta(seconds=self.offset + 0.5)
            busy = await self.ingest_pool.fetchval(INGEST_BUSY, self.accounts, now)
            return not busy and not await self.notify_pool.fetchval(NOTIFY_BUSY, self.accounts, now)

        await until(idle, within_seconds)

    def texts(self, to: str | None = None) -> list[str]:
        """What Twilio has taken for this number, by its own list."""
        judged = self.box.app[NETWORK].judged()
        return [one["body"] for one in judged if one["direction"] == "outbound-api" and to in (None, one["to"])]

    async def advance(self, seconds: int) -> None:
        """Moves business time of both services."""
        self.offset += seconds
        for port in (self.ingest.admin_port, self.notify.admin_port):
            async with self.http.put(f"http://127.0.0.1:{port}/clock", json={"offset_seconds": self.offset}) as answer:
                assert answer.status == 200, await answer.text()

    async def story(self, **key: str) -> dict[str, Any]:
        """What ingest tells of something."""
        async with self.http.get(f"http://127.0.0.1:{self.ingest.console_port}/api/story", params=key) as answer:
            told: dict[str, Any] = await answer.json()
            return told

    async def metrics(self) -> str:
        """What Prometheus would read of ingest."""
        async with self.http.get(f"http://127.0.0.1:{self.ingest.admin_port}/metrics") as answer:
            return await answer.text()


async def until(condition: Callable[[], Awaitable[bool]], within_seconds: float) -> None:
    """Returns when the condition holds twice in a row: between two queues something may be on its way."""
    held = 0
    async with asyncio.timeout(within_seconds):
        while held < 2:
            held = held + 1 if await condition() else 0
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running_pair(
    ingest_url: str, notify_url: str, *, ingest: dict[str, Any] | None = None, notify: dict[str, Any] | None = None,
    sandbox: dict[str, Any] | None = None, webhooks: bool = True, posted_by_sandbox: bool = False,
    stripe_seen_through: Callable[[str], contextlib.AbstractAsyncContextManager[str]] = contextlib.nullcontext,
) -> AsyncIterator[Pair]:  # fmt: skip
    """The pair until the block ends. Stories' events are posted by the test, or by the sandbox where it is asked to.

    Either posts each twice and mixes them up; `sandbox` can say otherwise. `stripe_seen_through` puts something between ingest and
    Stripe: of Stripe's address it makes the one that ingest is given.
    """
    port, notify_port = free_port(), free_port()
    sandbox_given: dict[str, Any] = {
        "listen": "127.0.0.1:0", "time_scale": 0.05, "seed": SEED, "stripe_repeats": REPEATS,
        "stripe_reorder_window_ms": REORDER_WINDOW_MS,
        "twilio_inbound_url": f"http://127.0.0.1:{notify_port}/webhooks/twilio/inbound",
    }  # fmt: skip
    if posted_by_sandbox:
        sandbox_given["stripe_webhook_url"] = f"http://127.0.0.1:{port}/webhooks/stripe"
    played = SandboxSettings(**(sandbox_given | (sandbox or {})))
    async with running_sandbox(played) as box, aiohttp.ClientSession() as http:
        public = f"http://127.0.0.1:{port}" if webhooks else ""
        notify_given: dict[str, Any] = {
            "notify_database_url": notify_url, "notify_data_keys": key("d1"), "notify_lookup_keys": key("l1"),
            "notify_http_listen": f"127.0.0.1:{notify_port}", "notify_public_url": f"http://127.0.0.1:{notify_port}" if webhooks else "",
            "notify_admin_listen": "127.0.0.1:0", "notify_grpc_listen": "127.0.0.1:0", "notify_brand": "Acme",
            "notify_vendor_time_scale": 0.05, "grpc_insecure": True, "twilio_account_sid": "AC" + "0" * 32,
            "twilio_auth_token": "sandbox-token", "twilio_from": "+14155550100", "twilio_api_base": box.twilio_api_base,
        }  # fmt: skip
        async with (
            stripe_seen_through(box.stripe_api_base) as stripe_api_base,
            notify_app.running(NotifySettings(**(notify_given | (notify or {})))) as notifying,
        ):
            ingest_given: dict[str, Any] = {
                "ingest_database_url": ingest_url, "ingest_data_keys": key("d1"), "ingest_http_listen": f"127.0.0.1:{port}",
                "ingest_public_url": public, "ingest_admin_listen": "127.0.0.1:0", "ingest_console_listen": "127.0.0.1:0",
                "ingest_notify_target": f"127.0.0.1:{notifying.grpc_port}", "ingest_hold_failure_seconds": 0.5,
                "ingest_hold_success_seconds": 0.5, "ingest_stripe_reads_per_second": 100, "ingest_poll_seconds": 0.5,
                "stripe_api_key": "sk_test_sandbox", "stripe_webhook_secrets": SECRET, "stripe_api_base": stripe_api_base,
                "grpc_insecure": True,
            }  # fmt: skip
            settings = IngestSettings(**(ingest_given | (ingest or {})))
            async with (
                ingest_app.running(settings) as ingesting,
                asyncpg.create_pool(ingest_url, min_size=1, max_size=4) as ingest_pool,
                asyncpg.create_pool(notify_url, min_size=1, max_size=4) as notify_pool,
            ):
                names = ["main", "live", "connected"]
                yield Pair(box, ingesting, notifying, ingest_pool, notify_pool, http, names)


def accounts_files(folder: Path) -> tuple[Path, Path]:
    """Three accounts: test mode, live mode, and a connected one; for each service."""
    ingest, notify = folder / "ingest-accounts.yaml", folder / "notify-accounts.yaml"
    names = {
        "main": ("sk_test_sandbox", None),
        "live": ("sk_live_sandbox", None),
        "connected": ("sk_test_sandbox", "acct_1Connected0001"),
    }
    ingest.write_text(json.dumps({"accounts": [
        {"id": name, "api_key": api_key, "stripe_account": account, "webhook_secrets": [SECRET]}
        for name, (api_key, account) in names.items()
    ]}))  # fmt: skip
    notify.write_text(json.dumps({"accounts": [
        {"id": name, "brand": f"Acme {name}", "twilio": {"account_sid": "AC" + "0" * 32, "auth_tokens": ["sandbox-token"]},
         "senders": [{"name": "sms", "channel": "sms", "from": "+14155550100"}]}
        for name in names
    ]}))  # fmt: skip
    return ingest, notify
