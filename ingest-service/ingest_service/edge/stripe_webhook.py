"""Where Stripe posts events: verified over the raw bytes, on disk before it is answered.

Nothing is stored of what is unsigned, stale or too large, and nothing is said about why beyond the status.
"""

import asyncio
import datetime
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from ingest_service.accounts import Account, meant
from ingest_service.inbox import envelope
from ingest_service.inbox.group_commit import GroupCommit, NotStoredError
from ingest_service.inbox.signature import is_signed

log = structlog.get_logger()

DEFAULT_ACCOUNT = "main"
REFUSED = (400, 408, 413, 415)
"""What is wrong with the request: each is a line in the log, for somebody must look into it at Stripe or here."""


@dataclass(frozen=True)
class Limits:
    """How much and how long.

    Attributes:
        body_bytes: the largest body.
        body_seconds: within which it must have been read; aiohttp itself would wait for ever.
        store_seconds: within which it must be on disk.
    """

    body_bytes: int = 2 * 1024 * 1024
    body_seconds: float = 10.0
    store_seconds: float = 1.9


class StripeWebhook:
    """The handler."""

    def __init__(
        self,
        accounts: Mapping[str, Account],
        inbox: GroupCommit,
        now: Callable[[], datetime.datetime],
        count: Callable[[str, str, str], None],
        limits: Limits | None = None,
    ) -> None:
        """``count`` is called with account, answer and the event's type where it is known."""
        self._accounts, self._inbox, self._now, self._count = accounts, inbox, now, count
        self._limits = limits or Limits()

    def setup(self, app: web.Application) -> None:
        """Adds the routes; other methods than POST get 405 from the router."""
        app.router.add_post("/webhooks/stripe", self.handle)
        app.router.add_post("/webhooks/stripe/{account}", self.handle)

    async def handle(self, request: web.Request) -> web.Response:
        """200 once it is on disk; 400, 408, 413, 415 and nothing stored; 503 where it could not be stored."""
        account = self._accounts.get(request.match_info.get("account", DEFAULT_ACCOUNT))
        if account is None:
            return self._answer("unknown", 404)
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return self._answer(account.account_id, 415, size=request.content_length)
        raw = bytearray()
        if (status := await self._read(request, raw)) is not None:
            return self._answer(account.account_id, status, size=max(len(raw), request.content_length or 0))
        return await self._take(account, bytes(raw), request.headers.get("Stripe-Signature", ""))

    async def _take(self, account: Account, raw: bytes, header: str) -> web.Response:
        """Answers a body that was read whole."""
        if not is_signed(raw, header, account.webhook_secrets):
            return self._answer(account.account_id, 400, size=len(raw))
        try:
            event = envelope.read(raw)
            account = meant(self._accounts, account, event.get("account"), livemode=bool(event.get("livemode")))
            arrival = envelope.arrival(account, event, raw, "webhook", self._now())
        except envelope.UnreadableError as error:
            arrival = unreadable(account, raw, str(error), self._now())
        try:
            await self._inbox.store(arrival, self._limits.store_seconds)
        except NotStoredError as error:
            log.warning("webhook.not_stored", account_id=account.account_id, reason=str(error))
            return self._answer(account.account_id, 503, arrival.type)
        return self._answer(account.account_id, 200, arrival.type)

    async def _read(self, request: web.Request, raw: bytearray) -> int | None:
        """Reads the body; the status to answer with where it is too large or does not come."""
        limit = self._limits.body_bytes
        if (request.content_length or 0) > limit:
            return 413
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for chunk in request.content.iter_any():
                    raw += chunk
                    if len(raw) > limit:
                        return 413
        except TimeoutError:
            return 408
        return None

    def _answer(self, account_id: str, status: int, event_type: str = "", size: int | None = None) -> web.Response:
        self._count(account_id, str(status), event_type)
        if status in REFUSED:
            log.warning("webhook.refused", account_id=account_id, status=status, size=size)
        answer = web.Response(status=status)
        if status in (408, 413, 415):
            answer.force_close()  # what is left of the body is not read
        if status == 503:
            answer.headers["Retry-After"] = "5"
        return answer


def unreadable(account: Account, raw: bytes, reason: str, now: datetime.datetime) -> envelope.Arrival:
    """A signed body that is no event: kept under a name made from its bytes, set aside."""
    name = f"unreadable_{hashlib.sha256(raw).hexdigest()[:32]}"
    return envelope.Arrival(account.account_id, name, "", "", 4, "webhook", now, "set_aside", reason, raw)
