"""Three accounts that share nothing but the pair, and a fourth whose credentials are worth nothing; for each service a file."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from paybell_sandbox.settings import TwilioAccount
from tests.e2e.pair import phone

NORTH, SOUTH = "AC" + "0" * 32, "AC" + "1" * 32
"""Two accounts at Twilio: main's, and the one that live and connected share."""
CONNECTED = "acct_1Connected0001"
TOKENS = {NORTH: "sandbox-token", SOUTH: "token-of-the-south"}


@dataclass(frozen=True)
class Business:
    """One account as it is set up.

    Attributes:
        path: of its webhook, behind /webhooks/stripe.
        whose: how the sandbox names its world.
        words: how its text about a failed renewal begins.
    """

    name: str
    brand: str
    sender: str
    twilio: str
    api_key: str
    path: str
    whose: dict[str, Any]
    words: str
    stripe_account: str | None = None

    @property
    def secret(self) -> str:
        """Of its webhook at Stripe."""
        return f"whsec_{self.name}"


MAIN = Business(
    "main", "Acme", "+14155550100", NORTH, "sk_test_sandbox", "", {}, "Acme: we could not renew your subscription"
)
LIVE = Business("live", "Nordlicht", "+14155550201", SOUTH, "sk_live_sandbox", "/live", {"livemode": True},
                "Nordlicht: your membership stands still")  # fmt: skip
LINKED = Business("connected", "Baker", "+14155550202", SOUTH, "sk_test_sandbox", "/connected", {"account": CONNECTED},
                  "Baker: we could not renew your subscription", CONNECTED)  # fmt: skip
BROKEN = Business(
    "broken",
    "Gone",
    "+14155550203",
    SOUTH,
    "sk_test_revoked",
    "/broken",
    {"account": "acct_1Broken0001"},
    "",
    "acct_1Broken0001",
)
THREE = (MAIN, LIVE, LINKED)

LIVE_WORDS = "{{ brand }}: your membership stands still until {{ amount }} arrive.{% if link %} {{ link }}{% endif %} Reply STOP to opt out.\n"


def twilio_accounts() -> dict[str, TwilioAccount]:
    """The south, for the sandbox; the north is there from the start."""
    return {SOUTH: TwilioAccount(auth_token=TOKENS[SOUTH], senders=(LIVE.sender, LINKED.sender, BROKEN.sender))}  # type: ignore[arg-type]


@dataclass(frozen=True)
class Files:
    """The accounts files, and live's own team."""

    ingest: Path
    notify: Path
    sales: str


def written(folder: Path) -> Files:
    """Writes the files of both services."""
    sales = phone()
    (folder / "rules-live.yaml").write_text(json.dumps({
        "limits": {"high_value": {"usd": 10}}, "teams": {"sales": {"members": [{"name": "Lena", "number": sales}]}},
        "flows": [
            {"flow": "failed_payment", "on": "payment_failed", "variant": "subscription", "steps": [{"template": "payment_failed"}]},
            {"flow": "high_value", "on": "payment_succeeded", "when": "above.high_value", "to": "team:sales",
             "steps": [{"template": "team_high_value"}]},
        ],
    }))  # fmt: skip
    words = folder / "texts-live" / "payment_failed"
    words.mkdir(parents=True)
    (words / "subscription.en.txt").write_text(LIVE_WORDS)
    everybody = (*THREE, BROKEN)
    ingest, notify = folder / "ingest-accounts.yaml", folder / "notify-accounts.yaml"
    ingest.write_text(json.dumps({"accounts": [
        {"id": one.name, "api_key": one.api_key, "webhook_secrets": [one.secret]}
        | ({"stripe_account": one.stripe_account} if one.stripe_account else {})
        | ({"rules": "rules-live.yaml"} if one is LIVE else {})
        for one in everybody
    ]}))  # fmt: skip
    notify.write_text(json.dumps({"accounts": [
        {"id": one.name, "brand": one.brand,
         "twilio": {"account_sid": one.twilio, "auth_tokens": ["wrong" if one is BROKEN else TOKENS[one.twilio]]},
         "senders": [{"name": "sms", "channel": "sms", "from": one.sender}, {"name": "voice", "channel": "voice", "from": one.sender}]}
        | ({"texts": "texts-live"} if one is LIVE else {})
        for one in everybody
    ]}))  # fmt: skip
    return Files(ingest, notify, sales)


@contextlib.asynccontextmanager
async def hanging_for(api_key: str, api_base: str) -> AsyncIterator[str]:
    """Stripe as it is, but for one key, which is never answered; the address at which it is."""
    forever = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") == f"Bearer {api_key}":
            await forever.wait()
        headers = {name: value for name, value in request.headers.items() if name not in ("Host", "Content-Length")}
        async with http.request(
            request.method, api_base + request.path_qs, headers=headers, data=await request.read()
        ) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
    async with aiohttp.ClientSession(auto_decompress=True) as http:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            forever.set()
            await runner.cleanup()
