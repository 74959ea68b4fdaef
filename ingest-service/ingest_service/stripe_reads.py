"""Reads of Stripe: raw GETs through the SDK, within a budget that replicas share, never retried here.

Answers are in the shape of the SDK's own API version, whatever version the webhook endpoint has.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
import asyncpg
import orjson
import stripe
import structlog

from ingest_service.accounts import Account

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 10
SLICE_SECONDS: Final = 0.25
PATIENCE_SLICES: Final = 40
"""So many slices of a quarter second a read waits for its turn."""

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


class StripeReads:
    """Reads for every account, each with its own key."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        clients: Mapping[str, tuple[stripe.StripeClient, Account]],
        per_second: int,
        count: Count = lambda *_: None,
    ) -> None:
        """Use `reading` to make one."""
        self._count = count
        self._pool = pool
        self._clients = clients
        self._a_slice = max(1, int(per_second * SLICE_SECONDS))

    async def get(self, account_id: str, path: str, params: Json | None = None) -> Found | Gone | AskLater:
        """One GET, as get("main", "/v1/invoices/in_1", {"expand": ["customer"]}). Waits at most 10 s for its turn."""
        answer = await self._ask(account_id, path, params, method="get")
        self._count(account_id, path.split("/")[2], type(answer).__name__)
        return answer

    async def preview(self, account_id: str, path: str, params: Json) -> Found | Gone | AskLater:
        """One POST that only shows what would be, as "/v1/invoices/create_preview". What Stripe refuses to show is Gone."""
        answer = await self._ask(account_id, path, params, method="post")
        answer = Gone() if isinstance(answer, AskLater) and answer.refused else answer
        self._count(account_id, path.split("/")[2], type(answer).__name__)
        return answer

    async def _ask(self, account_id: str, path: str, params: Json | None, method: str) -> Found | Gone | AskLater:
        client, account = self._clients[account_id]
        if not await self._turn(account_id, path.split("/")[2]):
            return AskLater("too many reads of Stripe are waiting")
        options: dict[str, Any] = {"stripe_account": account.stripe_account} if account.stripe_account else {}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + 1):
                answer: Any = await client.raw_request_async(method, path, **(params or {}), **options)
            return Found(orjson.loads(answer.body))
        except stripe.InvalidRequestError as error:
            if error.http_status == 404:
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

    async def _turn(self, account_id: str, endpoint: str) -> bool:
        for attempt in range(PATIENCE_SLICES):
            taken = await self._pool.fetchval(_TAKE, account_id, endpoint, self._a_slice)
            if taken is not None:
                return True
            await asyncio.sleep(SLICE_SECONDS * (0.5 + attempt % 3 / 4))
        return False


@asynccontextmanager
async def reading(
    pool: asyncpg.Pool,
    accounts: Mapping[str, Account],
    *,
    api_base: str,
    per_second: int,
    count: Count = lambda *_: None,
) -> AsyncIterator[StripeReads]:
    """Reads over one HTTP session, which is closed at the end. Retries of the SDK are off: the row owns retrying."""
    stripe.enable_telemetry = False  # it writes to the home folder and sends what we did
    http = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
    try:
        clients = {
            account_id: (
                stripe.StripeClient(
                    account.api_key, http_client=http, max_network_retries=0, base_addresses={"api": api_base}
                ),
                account,
            )
            for account_id, account in accounts.items()
            if account.api_key
        }
        yield StripeReads(pool, clients, per_second, count)
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]


# one row an endpoint, reset with every slice of a quarter second by the database's clock
_TAKE = """
INSERT INTO stripe_budget AS b (account_id, endpoint, slice, taken)
VALUES ($1, $2, date_bin('250 milliseconds', clock_timestamp(), 'epoch'), 1)
ON CONFLICT (account_id, endpoint) DO UPDATE
SET slice = EXCLUDED.slice, taken = CASE WHEN b.slice = EXCLUDED.slice THEN b.taken + 1 ELSE 1 END
WHERE b.slice <> EXCLUDED.slice OR b.taken < $3
RETURNING taken
"""
