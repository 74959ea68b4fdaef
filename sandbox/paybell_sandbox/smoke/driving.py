"""Drives one message: lets somebody buy something in the sandbox, or posts a signed charge, and waits for the text."""

import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from paybell_sandbox.smoke.following import follow
from paybell_sandbox.smoke.stack import NotDrivenError, Played, Real
from paybell_sandbox.stripe.signing import signature

WAIT_SECONDS = 30


def drive(stack: Played | Real) -> str:
    """Drives one message; what became of it.

    Raises:
        NotDrivenError: saying at which stage it ended and what to do.
    """
    return _play(stack) if isinstance(stack, Played) else _post(stack)


def charge(stack: Real, identity: str) -> bytes:
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


def _play(stack: Played) -> str:
    if _ask(f"{stack.sandbox_url}/readyz")[0] != 200:
        raise NotDrivenError(
            f"Nothing answers at {stack.sandbox_url}: start a stack with `make run` or `make up` first"
        )
    seen, started = {message["sid"] for message in _messages(stack)}, time.monotonic()
    bought = json.dumps({"phone": stack.target, "name": "Smoke Test"}).encode()
    status, answer = _ask(f"{stack.sandbox_url}/sandbox/stories/purchase", bought, {"Content-Type": "application/json"})
    if status != 201:
        raise NotDrivenError(f"The sandbox answered {status} to a purchase: is it of this version?")
    to = stack.target.replace("+", "%2B")
    while time.monotonic() - started < WAIT_SECONDS:
        for message in _messages(stack):
            if message["sid"] not in seen:
                return f"After {time.monotonic() - started:.1f} s the phone has: {message['body']}"
        count = len(seen) + 1
        _ask(f"{stack.sandbox_url}/sandbox/wait/messages?to={to}&direction=outbound-api&count={count}&timeout=2")
    payment = (answer or {}).get("ids", {}).get("payment_intent", "")
    raise NotDrivenError(f"No text came within {WAIT_SECONDS} s: open {stack.sandbox_url}, it shows where {payment} is")


def _post(stack: Real) -> str:
    identity = f"smoke{secrets.token_hex(8)}"
    body = charge(stack, identity)
    status, _ = _ask(f"{stack.ingest_url}/webhooks/stripe", body, {"Stripe-Signature": signature(body, stack.secret)})
    match status:
        case 200:
            became = follow(f"evt_{identity}", stack.asking)
            phone = f"{stack.target[:3]}…{stack.target[-2:]}"
            return f"{became}\nLook at the phone {phone}. The whole way: {stack.asking.shown} evt_{identity}"
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


def _messages(stack: Played) -> list[dict[str, Any]]:
    to = stack.target.replace("+", "%2B")
    _, answer = _ask(f"{stack.sandbox_url}/sandbox/messages?to={to}&direction=outbound-api")
    found: list[dict[str, Any]] = (answer or {}).get("messages", [])
    return found
