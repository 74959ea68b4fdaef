"""Posts to the services as Twilio does: signed, retried as the URL's fragment says (twilio.com/docs/usage/webhooks/webhooks-connection-overrides)."""

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator

from paybell_sandbox.sandbox import Sandbox

AT_ONCE: Final = 256
"""Posts that are on their way at the same time; the others wait their turn before their time runs."""
MOST_RETRIES: Final = 5


@dataclass(frozen=True)
class Policy:
    """How long Twilio waits for a webhook, which failures it tries again, and how often.

    Attributes:
        retries: further tries.
        on: ``ct`` no connection, ``rt`` no answer, ``4xx``, ``5xx``, ``all``.
        connect_seconds: for the connection.
        read_seconds: between two pieces of the answer.
        total_seconds: for one try.
    """

    retries: int = 1
    on: frozenset[str] = frozenset({"ct"})
    connect_seconds: float = 5.0
    read_seconds: float = 15.0
    total_seconds: float = 15.0

    @staticmethod
    def of(url: str) -> "Policy":
        """What the fragment says; without one Twilio retries once, on a failure to connect. What is no number is not heeded."""
        said = {name: values[0] for name, values in parse_qs(urlsplit(url).fragment).items()}

        def within(name: str, least: int, most: int, otherwise: float) -> float:
            text = said.get(name, "")
            return min(max(int(text), least), most) if text.isdigit() else otherwise

        return Policy(
            retries=int(within("rc", 0, MOST_RETRIES, 1)),
            on=frozenset(said.get("rp", "ct").split(",")),
            connect_seconds=within("ct", 100, 10_000, 5_000) / 1_000,
            read_seconds=within("rt", 100, 15_000, 15_000) / 1_000,
            total_seconds=within("tt", 100, 15_000, 15_000) / 1_000,
        )

    def again(self, failure: str) -> bool:
        """Whether this failure is tried again."""
        return failure in self.on or "all" in self.on


@dataclass(frozen=True)
class Answer:
    """What the service answered; status 0 where it did not."""

    status: int
    content_type: str
    body: str
    tries: int

    @property
    def is_plain_words(self) -> bool:
        """Whether it is text/plain: Twilio warns of it (12300), and sends it to whoever texted."""
        return self.status == 200 and self.content_type == "text/plain" and bool(self.body.strip())

    @property
    def is_document(self) -> bool:
        """Whether it is XML."""
        return self.status < 300 and self.content_type in ("text/xml", "application/xml") and bool(self.body.strip())


class Callbacks:
    """Posts signed forms to the webhooks of Twilio's accounts."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        """Signs with the auth token of the form's account, the first where several are valid."""
        self._sandbox = sandbox
        self._session = session
        self._slots = asyncio.Semaphore(AT_ONCE)
        accounts = sandbox.settings.twilio_accounts
        self._validators = {sid: RequestValidator(account.tokens[0]) for sid, account in accounts.items()}

    async def post(self, url: str, form: dict[str, str]) -> Answer:
        """Posts a form, again where the URL's fragment asks for it."""
        policy = Policy.of(url)
        plain = url.partition("#")[0]
        headers = {
            "X-Twilio-Signature": self._validators[form["AccountSid"]].compute_signature(plain, form),
            "I-Twilio-Idempotency-Token": secrets.token_hex(18),
            "User-Agent": "TwilioProxy/1.1",
        }
        answer = Answer(0, "", "", 0)
        for number in range(policy.retries + 1):
            async with self._slots:
                answer, failure = await self._once(plain, form, headers, policy, number + 1)
            if failure is None or not policy.again(failure):
                break
            await asyncio.sleep(self._sandbox.waiting(0.5 * 2**number))
        return answer

    async def _once(
        self, url: str, form: dict[str, str], headers: dict[str, str], policy: Policy, number: int
    ) -> tuple[Answer, str | None]:
        timeout = aiohttp.ClientTimeout(
            total=policy.total_seconds, sock_connect=policy.connect_seconds, sock_read=policy.read_seconds
        )
        try:
            async with self._session.post(
                url, data=form, headers=headers, timeout=timeout, allow_redirects=False
            ) as got:
                body = await got.text(errors="replace")
                failure = f"{got.status // 100}xx" if got.status >= 400 else None
                return Answer(got.status, got.content_type, body, number), failure
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
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
