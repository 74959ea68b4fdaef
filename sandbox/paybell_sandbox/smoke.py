"""Drives one message through whatever stack is up, from Stripe's event to Twilio.

With the sandbox somebody buys something there, and the text is awaited on the sandbox's own list. With real vendors the event is
synthetic and signed with the endpoint's secret: a captured charge without customer and payment intent, so that nothing has to be
asked of Stripe. A real phone then gets a real text, so it must be named.
"""

import json
import os
import re
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paybell_sandbox.stripe.signing import signature

E164 = re.compile(r"\+[1-9]\d{7,14}")
SANDBOX_PHONE = "+14155552671"
SANDBOX_URL = "http://127.0.0.1:8070"
INGEST_URL = "http://127.0.0.1:8080"
WAIT_SECONDS = 30


class NotDrivenError(RuntimeError):
    """No message was driven, or it did not arrive; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """What is up.

    Attributes:
        sandbox_url: the sandbox's address; None where the vendors are real.
        target: whose phone gets the text.
    """

    ingest_url: str
    secret: str
    livemode: bool
    sandbox_url: str | None
    target: str


def read_dotenv(path: Path) -> dict[str, str]:
    """The filled lines of a ``.env`` file."""
    if not path.exists():
        return {}
    lines = (line.partition("=") for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in lines if value.strip()}


def find(environment: Mapping[str, str], dotenv: Mapping[str, str]) -> Stack:
    """The stack that the settings speak of.

    Raises:
        NotDrivenError: where real keys are set and no number, or a setting is missing.
    """
    settings = {**dotenv, **{name: value for name, value in environment.items() if value}}
    ingest_url = settings.get("SMOKE_INGEST_URL", INGEST_URL).rstrip("/")
    target = settings.get("SMOKE_TO", "")
    if target and not E164.fullmatch(target):
        raise NotDrivenError("SMOKE_TO must be a number in E.164, as +14155552671")
    if "STRIPE_API_KEY" not in dotenv:
        sandbox_url = settings.get("SMOKE_SANDBOX_URL", SANDBOX_URL).rstrip("/")
        return Stack(ingest_url, "", livemode=False, sandbox_url=sandbox_url, target=target or SANDBOX_PHONE)
    if not target:
        raise NotDrivenError(
            "There are real keys in .env, so a real phone will ring: say whose, as SMOKE_TO=+14155552671 make smoke"
        )
    secret = dotenv.get("STRIPE_WEBHOOK_SECRETS", "").split(",")[0]
    if not secret:
        raise NotDrivenError("STRIPE_WEBHOOK_SECRETS is missing in .env: the event must be signed with it")
    return Stack(ingest_url, secret, livemode="_live_" in dotenv["STRIPE_API_KEY"], sandbox_url=None, target=target)


def event(stack: Stack, identity: str) -> bytes:
    """A captured charge of one dollar, as Stripe would post it."""
    now = int(time.time())
    charge = {
        "id": f"ch_{identity}", "object": "charge", "amount": 100, "amount_captured": 100, "captured": True, "currency": "usd",
        "status": "succeeded", "paid": True, "customer": None, "payment_intent": None, "created": now, "livemode": stack.livemode,
        "billing_details": {"name": "Smoke Test", "phone": stack.target, "address": {}}, "metadata": {},
    }  # fmt: skip
    body = {
        "id": f"evt_{identity}", "object": "event", "type": "charge.succeeded", "created": now, "livemode": stack.livemode,
        "api_version": "2026-10-28.endive", "data": {"object": charge}, "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
    }  # fmt: skip
    return json.dumps(body).encode()


def _ask(
    url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, timeout: float = 10
) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, dict(headers or {}))  # noqa: S310 - addresses of our own stack
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
            raw = answer.read()
            return answer.status, json.loads(raw) if raw.startswith(b"{") else None
    except urllib.error.HTTPError as error:
        return error.code, None
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return 0, None


def drive(stack: Stack) -> str:
    """Drives one message; what to tell.

    Raises:
        NotDrivenError: saying at which stage it ended and what to do.
    """
    return _play(stack, stack.sandbox_url) if stack.sandbox_url else _post(stack)


def _play(stack: Stack, sandbox_url: str) -> str:
    if _ask(f"{sandbox_url}/readyz")[0] != 200:
        raise NotDrivenError(f"Nothing answers at {sandbox_url}: start a stack with `make run` or `make up` first")
    seen, started = {message["sid"] for message in _messages(stack)}, time.monotonic()
    bought = json.dumps({"phone": stack.target, "name": "Smoke Test"}).encode()
    status, answer = _ask(f"{sandbox_url}/sandbox/stories/purchase", bought, {"Content-Type": "application/json"})
    if status != 201:
        raise NotDrivenError(f"The sandbox answered {status} to a purchase: is it of this version?")
    to = stack.target.replace("+", "%2B")
    while time.monotonic() - started < WAIT_SECONDS:
        for message in _messages(stack):
            if message["sid"] not in seen:
                return f"After {time.monotonic() - started:.1f} s the phone has: {message['body']}"
        _ask(f"{sandbox_url}/sandbox/wait/messages?to={to}&direction=outbound-api&count={len(seen) + 1}&timeout=2")
    payment = (answer or {}).get("ids", {}).get("payment_intent", "")
    raise NotDrivenError(f"No text came within {WAIT_SECONDS} s: open {sandbox_url}, it shows where {payment} is")


def _post(stack: Stack) -> str:
    identity = f"smoke{secrets.token_hex(8)}"
    body = event(stack, identity)
    status, _ = _ask(f"{stack.ingest_url}/webhooks/stripe", body, {"Stripe-Signature": signature(body, stack.secret)})
    match status:
        case 200:
            phone = f"{stack.target[:3]}…{stack.target[-2:]}"
            return f"The event evt_{identity} is in. Look at the phone {phone}; what became of it: ingest-service why evt_{identity}"
        case 0:
            raise NotDrivenError(
                f"Nothing answers at {stack.ingest_url}: start a stack, or name ingest-service with SMOKE_INGEST_URL"
            )
        case 400:
            raise NotDrivenError(
                "The signature was not taken: STRIPE_WEBHOOK_SECRETS in .env is not that of the stack that is up"
            )
        case _:
            raise NotDrivenError(f"ingest-service answered {status}: its log says why")


def _messages(stack: Stack) -> list[dict[str, Any]]:
    _, answer = _ask(
        f"{stack.sandbox_url}/sandbox/messages?to={stack.target.replace('+', '%2B')}&direction=outbound-api"
    )
    found: list[dict[str, Any]] = (answer or {}).get("messages", [])
    return found


def main() -> str:
    """Drives one message through the stack that the environment and ``.env`` speak of."""
    return drive(find(os.environ, read_dotenv(Path(".env"))))
