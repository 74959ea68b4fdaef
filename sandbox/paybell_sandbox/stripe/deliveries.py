"""Events on their way to the endpoints: signed, posted, repeated, mixed up, lost and tried again.

Stripe delivers at least once and in no order; live it retries for three days, at gaps it does not publish
(docs.stripe.com/webhooks). The first gaps here are short enough to wait for.
"""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import aiohttp

from paybell_sandbox.sandbox import Sandbox
from paybell_sandbox.stripe.endpoints import Endpoint
from paybell_sandbox.stripe.signing import body, signature
from paybell_sandbox.stripe.world import Event, Obj

GAPS: Final = (1, 2, 5, 15, 60, 300, 1_800, 7_200, 21_600, 43_200, 86_400, 86_400)
"""Seconds before each further attempt; about three days in all."""
TIMEOUT_SECONDS: Final = 10.0
ACTS: Final = ("lose", "double", "delay", "reorder")


@dataclass(frozen=True)
class DeliveryOptions:
    """How events are posted. What is random comes from the sandbox's seed."""

    enabled: bool = True
    """False: nothing is posted; events are there for who asks for them."""
    repeats: int = 1
    """How often each event is posted to each endpoint."""
    reorder_window_ms: int = 0
    """Each post waits a random time up to this, so that events overtake each other."""
    concurrency: int = 16
    """Posts under way at once."""
    loss: float = 0.0
    """Share of events that never arrive, 0 to 1."""

    def problem(self) -> str | None:
        if not 1 <= self.repeats <= 100:
            return "repeats must be 1 to 100"
        if not 0 <= self.reorder_window_ms <= 60_000:
            return "reorder_window_ms must be 0 to 60000"
        if not 1 <= self.concurrency <= 200:
            return "concurrency must be 1 to 200"
        return None if 0 <= self.loss <= 1 else "loss must be 0 to 1"


@dataclass(frozen=True)
class Attempt:
    endpoint: str
    at: float
    """Unix seconds, real time."""
    number: int
    answer: int | None
    """HTTP status; null where none came, or nothing was sent."""
    error: str | None = None


@dataclass
class Record:
    event: Event
    endpoints: list[Endpoint]
    attempts: list[Attempt] = field(default_factory=list)
    arrived: set[str] = field(default_factory=set)
    """Endpoints that answered 2xx."""

    @property
    def pending(self) -> int:
        """Endpoints that have not answered 2xx yet."""
        return len(self.endpoints) - len(self.arrived)


def _key(event: Event) -> tuple[str, bool, str]:
    return event.account, event.livemode, event.id


class Deliveries:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._random = random.Random(f"deliveries:{sandbox.settings.seed}")  # noqa: S311 - repeatable on purpose
        self._records: dict[tuple[str, bool, str], Record] = {}
        """By account, mode and event id: seeded stories give the same ids in several accounts."""
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(DeliveryOptions.concurrency)
        self.endpoints: dict[str, Endpoint] = {}
        self.main_account = ""
        self._usual = DeliveryOptions(
            repeats=sandbox.settings.stripe_repeats, reorder_window_ms=sandbox.settings.stripe_reorder_window_ms
        )
        self._options = self._usual
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def options(self) -> DeliveryOptions:
        return self._options

    def use(self, options: DeliveryOptions) -> None:
        self._options = options
        self._slots = asyncio.Semaphore(options.concurrency)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def forget(self) -> None:
        """No event is remembered or retried any more, and they are posted as the settings say; endpoints stay."""
        self._records.clear()
        self.use(self._usual)

    def endpoints_of(self, account: str, *, livemode: bool) -> list[Endpoint]:
        found = [one for one in self.endpoints.values() if (one.account, one.livemode) == (account, livemode)]
        return found[::-1]

    def record(self, identity: str, account: str, *, livemode: bool) -> Record | None:
        return self._records.get((account, livemode, identity))

    def named(self, identity: str) -> Record | None:
        """The newest event of this id, in whichever account."""
        return next((found for found in self.records() if found.event.id == identity), None)

    def all_arrived(self, event: Event) -> bool:
        return self._records[_key(event)].pending == 0

    def records(self) -> list[Record]:
        """Every event, the newest first."""
        return list(reversed(self._records.values()))

    def hear(self, event: Event) -> None:
        """A new event: remembered, and sent to every endpoint that wants it."""
        wanted = [one for one in self.endpoints.values() if one.wants(event, self.main_account)]
        record = Record(event, wanted)
        self._records[_key(event)] = record
        self._sandbox.publish("event", summary(record))
        if self._options.enabled:
            for endpoint in wanted:
                self._begin(record, endpoint)

    def resend(self, record: Record, endpoint: str | None = None) -> int:
        """Post an event once more. Gives to how many endpoints; also to ones that were added since."""
        wanted = [
            one
            for one in self.endpoints.values()
            if one.wants(record.event, self.main_account) and endpoint in (None, one.id)
        ]
        for one in wanted:
            if one not in record.endpoints:
                record.endpoints.append(one)
            self._send(record, one, 0.0, retries=True)
        return len(wanted)

    def _begin(self, record: Record, endpoint: Endpoint) -> None:
        options = self._options
        fault = self._sandbox.faults.pick("stripe", "event", acts=ACTS)
        act = fault.act if fault else None
        if act == "lose" or self._random.random() < options.loss:
            self._note(record, Attempt(endpoint.id, time.time(), 1, None, "lost on the way, as asked for"))
            return
        copies = options.repeats + (1 if act == "double" else 0)
        for copy in range(copies):
            wait = self._random.uniform(0, options.reorder_window_ms / 1_000)
            if fault is not None and act == "delay":
                wait += self._sandbox.waiting(fault.seconds)
            elif act == "reorder":
                wait += 0.05
            self._send(record, endpoint, wait, retries=copy == 0)

    def _send(self, record: Record, endpoint: Endpoint, wait: float, *, retries: bool) -> None:
        self._under_way += 1
        self._idle.clear()
        self._sandbox.spawn(self._sent(record, endpoint, wait, retries=retries))

    async def _sent(self, record: Record, endpoint: Endpoint, wait: float, *, retries: bool) -> None:
        try:
            await self._post_until_taken(record, endpoint, wait, retries=retries)
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def until_delivered(self) -> None:
        """Returns when nothing is on its way any more, repeats included. What is lost is not on its way."""
        await self._idle.wait()

    async def _post_until_taken(self, record: Record, endpoint: Endpoint, wait: float, *, retries: bool) -> None:
        await asyncio.sleep(wait)
        for number, gap in enumerate((0, *GAPS) if retries else (0,), start=1):
            await asyncio.sleep(self._sandbox.waiting(gap))
            if endpoint.id not in self.endpoints or _key(record.event) not in self._records:
                return  # the endpoint was removed: Stripe stops then, too
            async with self._slots:
                attempt = await self._post(record, endpoint, number)
            if attempt.answer is not None and 200 <= attempt.answer < 300:
                record.arrived.add(endpoint.id)
                self._note(record, attempt)
                return
            self._note(record, attempt)

    async def _post(self, record: Record, endpoint: Endpoint, number: int) -> Attempt:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        raw = body(self.envelope(record, endpoint))
        headers = {
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(raw, *endpoint.secrets),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        at = time.time()
        try:
            async with self._session.post(endpoint.url, data=raw, headers=headers, allow_redirects=False) as answer:
                return Attempt(endpoint.id, at, number, answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return Attempt(endpoint.id, at, number, None, type(error).__name__)

    def envelope(self, record: Record, endpoint: Endpoint) -> Obj:
        """The event as this endpoint gets it now."""
        pending = max(1, record.pending)
        return record.event.envelope(endpoint.api_version, connected=endpoint.connect, pending_webhooks=pending)

    def _note(self, record: Record, attempt: Attempt) -> None:
        record.attempts.append(attempt)
        self._sandbox.publish("delivery", {"event": record.event.id, **asdict(attempt)})


def summary(record: Record) -> dict[str, Any]:
    """An event for the page and the judge: what it is about and how its deliveries went."""
    event = record.event
    subject = event.subject.newest
    return {
        "id": event.id,
        "type": event.type,
        "created": event.created,
        "account": event.account,
        "livemode": event.livemode,
        "object": {"object": subject["object"], "id": subject.get("id")},
        "request": {"id": event.cause.request_id, "idempotency_key": event.cause.idempotency_key},
        "pending_webhooks": record.pending,
        "deliveries": [asdict(attempt) for attempt in record.attempts],
    }
