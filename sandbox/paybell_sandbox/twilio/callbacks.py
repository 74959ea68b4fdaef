"""Posts to the services as Twilio does: signed, retried as the URL's fragment says (twilio.com/docs/usage/webhooks/webhooks-connection-overrides)."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator

from paybell_sandbox.sandbox import Sandbox

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0


@dataclass(frozen=True)
class Policy:
    """Which failures of a webhook are tried again, and how often."""

    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})

    @staticmethod
    def of(url: str) -> "Policy":
        """What the fragment says; without one Twilio retries once, on a failure to connect."""
        overrides = parse_qs(urlsplit(url).fragment)
        retries = int(overrides.get("rc", ["1"])[0])
        on = frozenset(overrides.get("rp", ["ct"])[0].split(","))
        return Policy(min(max(retries, 0), 5), on)

    def again(self, failure: str) -> bool:
        """Whether this failure (``ct``, ``rt``, ``4xx``, ``5xx``) is tried again."""
        return failure in self.on or "all" in self.on


@dataclass(frozen=True)
class Answer:
    """What the service answered; status 0 where it did not."""

    status: int
    content_type: str
    body: str
    tries: int


class Callbacks:
    """Posts signed forms to one Twilio account's webhooks."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        """Signs with the account's auth token."""
        self._sandbox = sandbox
        self._session = session
        self._validator = RequestValidator(sandbox.settings.twilio_auth_token.get_secret_value().split(",")[0])

    async def post(self, url: str, form: dict[str, str]) -> Answer:
        """Posts a form, again where the URL's fragment asks for it."""
        policy = Policy.of(url)
        plain = url.partition("#")[0]
        headers = {
            "X-Twilio-Signature": self._validator.compute_signature(plain, form),
            "I-Twilio-Idempotency-Token": secrets.token_hex(18),
            "User-Agent": "TwilioProxy/1.1",
        }
        answer = Answer(0, "", "", 0)
        for number in range(policy.retries + 1):
            answer, failure = await self._once(plain, form, headers, number + 1)
            if failure is None or not policy.again(failure):
                return answer
            await asyncio.sleep(self._sandbox.waiting(0.5 * 2**number))
        return answer

    async def _once(
        self, url: str, form: dict[str, str], headers: dict[str, str], number: int
    ) -> tuple[Answer, str | None]:
        timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with self._session.post(
                url, data=form, headers=headers, timeout=timeout, allow_redirects=False
            ) as got:
                body = await got.text(errors="replace")
                failure = f"{got.status // 100}xx" if got.status >= 400 else None
                return Answer(got.status, got.content_type, body, number), failure
        except aiohttp.ClientConnectorError:
            return Answer(0, "", "", number), "ct"
        except (aiohttp.ClientError, TimeoutError):
            return Answer(0, "", "", number), "rt"


def delivery(url: str, answer: Answer, what: str, business_at: str) -> dict[str, Any]:
    """One line for the judge: what was posted, where, and what came back."""
    return {
        "what": what,
        "path": urlsplit(url).path,
        "answer": answer.status,
        "tries": answer.tries,
        "business_at": business_at,
    }
