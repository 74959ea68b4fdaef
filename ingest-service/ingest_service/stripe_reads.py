"""Reads of Stripe: raw GETs through the SDK, within a budget that replicas share, never retried here.

Answers are in the shape of the SDK's own API version, whatever version the webhook endpoint has. Who asks what is being asked at this
moment gets the same answer. A stop ends the reads under way: who asked asks later.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
import asyncpg
import orjson
import stripe
import structlog

from ingest_service.accounts import Account
from ingest_service.stripe_budget import PATIENCE_SECONDS, Budget, StripeBudget

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 10
LONGEST_SECONDS: Final = PATIENCE_SECONDS + TIMEOUT_SECONDS + 1
"""The longest that a read takes, its waiting for its turn included."""

Json = Mapping[str, Any]
Count = Callable[[str, str, str], None]
"""Told of every read: account, endpoint, and what it came to."""


@dataclass(frozen=True, slots=True)
class Found:
    """The object, or a page of them."""

    body: Json


@dataclass(frozen=True, slots=True)
class Gone:
    """Stripe has no such object."""


@dataclass(frozen=True, slots=True)
class AskLater:
    """Stripe could not be read now; why, in words for the operator. `refused`: asked the same way, it will say the same."""

    reason: str
    refused: bool = False


Answer = Found | Gone | AskLater
STOPPED: Final = AskLater("ingest-service was being stopped")


class StripeReads:
    """Reads for every account, each with its own key."""

    def __init__(
        self,
        clients: Mapping[str, tuple[stripe.StripeClient, Account]],
        budget: Budget,
        count: Count = lambda *_: None,
    ) -> None:
        """Use `reading` to make one."""
        self._clients, self._budget, self._count = clients, budget, count
        self._under_way: dict[bytes, asyncio.Task[Answer]] = {}
        self._stopped = False

    def client(self, account_id: str) -> tuple[stripe.StripeClient, stripe.RequestOptions]:
        """The SDK's client of an account, with the options that name a connected one: for writes, which are typed."""
        client, account = self._clients[account_id]
        return client, {"stripe_account": account.stripe_account} if account.stripe_account else {}

    async def get(self, account_id: str, path: str, params: Json | None = None) -> Answer:
        """One GET, as get("main", "/v1/invoices/in_1", {"expand": ["customer"]}). Waits at most 10 s for its turn."""
        return await self._shared(account_id, "get", path, params)

    async def preview(self, account_id: str, path: str, params: Json) -> Answer:
        """One POST that only shows what would be, as "/v1/invoices/create_preview". What Stripe refuses to show is Gone."""
        answer = await self._shared(account_id, "post", path, params)
        return Gone() if isinstance(answer, AskLater) and answer.refused else answer

    async def _shared(self, account_id: str, method: str, path: str, params: Json | None) -> Answer:
        if self._stopped:
            return STOPPED
        question = orjson.dumps([account_id, method, path, params or {}], option=orjson.OPT_SORT_KEYS)
        asking = self._under_way.get(question)
        if asking is None:
            asking = self._under_way[question] = asyncio.ensure_future(self._get(account_id, method, path, params))
            asking.add_done_callback(lambda _: self._under_way.pop(question, None))
        try:
            return await asyncio.shield(asking)  # who gives up takes no answer away from the others
        except asyncio.CancelledError:
            if asking.cancelled():  # by the stop
                return STOPPED
            raise

    async def stop(self) -> None:
        """Ends the reads that are under way and takes no more. Nothing is lost by it: they only read."""
        self._stopped = True
        asking = list(self._under_way.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await self._budget.close()

    async def _get(self, account_id: str, method: str, path: str, params: Json | None) -> Answer:
        endpoint = path.split("/")[2]
        if await self._budget.turn(account_id, endpoint):
            answer = await self._ask(account_id, method, path, params)
        else:
            answer = AskLater("too many reads of Stripe are waiting")
        self._count(account_id, endpoint, type(answer).__name__)
        return answer

    async def _ask(self, account_id: str, method: str, path: str, params: Json | None) -> Answer:
        client, account = self._clients[account_id]
        options: dict[str, Any] = {"stripe_account": account.stripe_account} if account.stripe_account else {}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + 1):
                answer: Any = await client.raw_request_async(method, path, **(params or {}), **options)
            return Found(orjson.loads(answer.body))
        except stripe.InvalidRequestError as error:
            if error.http_status == 404 or error.code == "resource_missing":  # a list's cursor that is gone is a 400
                return Gone()
            return replace(self._later(account_id, path, error, "Stripe refused the question"), refused=True)
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            return self._later(
                account_id, path, error, "Stripe refuses the API key: check STRIPE_API_KEY and its permissions"
            )
        except stripe.StripeError as error:
            return self._later(account_id, path, error, "Stripe cannot be reached")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # what the SDK lets through
            return self._later(account_id, path, error, "Stripe's answer broke off")

    def _later(self, account_id: str, path: str, error: Exception, reason: str) -> AskLater:
        status = getattr(error, "http_status", None)
        log.warning(
            "stripe.read_failed",
            account_id=account_id,
            endpoint=path.split("/")[2],
            error=type(error).__name__,
            status=status,
        )
        return AskLater(reason)


def reading(
    pool: asyncpg.Pool,
    accounts: Mapping[str, Account],
    *,
    api_base: str,
    per_second: int,
    count: Count = lambda *_: None,
) -> AbstractAsyncContextManager[StripeReads]:
    """Reads within the budget that replicas share; see `reading_within`."""
    return reading_within(StripeBudget(pool, per_second), accounts, api_base=api_base, count=count)


@asynccontextmanager
async def reading_within(
    budget: Budget,
    accounts: Mapping[str, Account],
    *,
    api_base: str,
    count: Count = lambda *_: None,
) -> AsyncIterator[StripeReads]:
    """Reads over an HTTP session for each account, so that one that Stripe does not answer uses up no other's connections.

    They are closed at the end. Retries of the SDK are off: the row owns retrying.
    """
    stripe.enable_telemetry = False  # it writes to the home folder and sends what we did
    sessions = {
        account_id: stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
        for account_id, account in accounts.items()
        if account.api_key
    }
    try:
        clients = {
            account_id: (
                stripe.StripeClient(
                    accounts[account_id].api_key,
                    http_client=http,
                    max_network_retries=0,
                    base_addresses={"api": api_base},
                ),
                accounts[account_id],
            )
            for account_id, http in sessions.items()
        }
        reads = StripeReads(clients, budget, count)
        try:
            yield reads
        finally:
            await reads.stop()
    finally:
        for http in sessions.values():
            await http.close_async()  # type: ignore[no-untyped-call]
