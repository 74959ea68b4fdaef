"""Writes at Stripe: typed calls, each with a key of its own that never changes, never retried here. What came of it is a value."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import stripe
import structlog

from ingest_service.accounts import Account

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 15
BLOCK_LIST: Final = "card_fingerprint_blocklist"


@dataclass(frozen=True, slots=True)
class Done:
    """Stripe did it: the object's id and its status, "" where it has none."""

    object_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Later:
    """It is not known whether Stripe did it, or Stripe cannot do it now: the same call with the same key may be made again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Stripe refuses it for good. `code` is Stripe's, "" where it gives none."""

    reason: str
    code: str


@dataclass(frozen=True, slots=True)
class NotThere:
    """The account lacks what it takes; what was wanted is left out."""

    reason: str


Written = Done | Later | Refused | NotThere


class StripeWrites:
    """Writes for every account, each with its own key."""

    def __init__(self, clients: Mapping[str, tuple[stripe.StripeClient, Account]]) -> None:
        """Use `writing` to make one."""
        self._clients = clients
        self._block_lists: dict[str, str] = {}

    async def approve_review(self, account_id: str, review: str, key: str) -> Written:
        """Closes a review as approved. It takes no money."""
        return await self._write(account_id, key, lambda api, how: api.reviews.approve_async(review, {}, how))

    async def capture(self, account_id: str, payment_intent: str, key: str) -> Written:
        """Takes all of the money that is held."""
        return await self._write(
            account_id, key, lambda api, how: api.payment_intents.capture_async(payment_intent, {}, how)
        )

    async def cancel(self, account_id: str, payment_intent: str, key: str) -> Written:
        """Lets go of money that is held, as fraud."""
        params: Any = {"cancellation_reason": "fraudulent"}
        return await self._write(
            account_id, key, lambda api, how: api.payment_intents.cancel_async(payment_intent, params, how)
        )

    async def refund(self, account_id: str, payment: str, amount: int | None, key: str, challenge_id: str) -> Written:
        """Refunds a payment intent or charge as fraud: this amount and no other. Stripe blocks card and e-mail by itself, too."""
        params: Any = {"reason": "fraudulent", "metadata": {"challenge_id": challenge_id}}
        params["payment_intent" if payment.startswith("pi_") else "charge"] = payment
        if amount is not None:
            params["amount"] = amount
        return await self._write(account_id, key, lambda api, how: api.refunds.create_async(params, how))

    async def block_card(self, account_id: str, fingerprint: str, key: str) -> Written:
        """Puts a card on Stripe's block list, where the account has one."""
        if not fingerprint:
            return NotThere("the payment was made with no card")
        block_list = await self._block_list(account_id)
        if not isinstance(block_list, str):
            return block_list
        params: Any = {"value_list": block_list, "value": fingerprint}
        made = await self._write(account_id, key, lambda api, how: api.radar.value_list_items.create_async(params, how))
        if not isinstance(made, Refused):
            return made
        listed = await self._call(account_id, None, lambda api, how: api.radar.value_list_items.list_async(params, how))
        if isinstance(listed, Later | Refused) or not listed.data:
            return made
        return Done(listed.data[0].id, "already listed")

    async def _block_list(self, account_id: str) -> str | Written:
        """The id of the block list, looked up once an account."""
        known = self._block_lists.get(account_id)
        if known is not None:
            return known
        params: Any = {"alias": BLOCK_LIST}
        listed = await self._call(account_id, None, lambda api, how: api.radar.value_lists.list_async(params, how))
        if isinstance(listed, Later):
            return listed
        if isinstance(listed, Refused) or not listed.data:
            return NotThere("the account has no block list of cards at Stripe")
        self._block_lists[account_id] = listed.data[0].id
        return self._block_lists[account_id]

    async def _write(self, account_id: str, key: str, call: Callable[[Any, Any], Awaitable[Any]]) -> Written:
        made = await self._call(account_id, key, call)
        return made if isinstance(made, Later | Refused) else Done(made.id, str(getattr(made, "status", None) or ""))

    async def _call(self, account_id: str, key: str | None, call: Callable[[Any, Any], Awaitable[Any]]) -> Any:
        client, account = self._clients[account_id]
        how: dict[str, str] = {"idempotency_key": key} if key is not None else {}
        if account.stripe_account:
            how["stripe_account"] = account.stripe_account
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS + 1):
                return await call(client.v1, how)
        except (stripe.IdempotencyError, stripe.InvalidRequestError, stripe.CardError) as error:
            return Refused(f"Stripe refuses it ({error.code or type(error).__name__})", error.code or "")
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            log.warning("stripe.key_refused", account_id=account_id, error=type(error).__name__)
            return Later("Stripe refuses the API key: check STRIPE_API_KEY and its permissions")
        except stripe.StripeError as error:
            return Later(f"Stripe could not do it now ({type(error).__name__})")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:  # what the SDK lets through
            return Later(f"Stripe's answer broke off ({type(error).__name__})")


@asynccontextmanager
async def writing(accounts: Mapping[str, Account], *, api_base: str) -> AsyncIterator[StripeWrites]:
    """Writes over one HTTP session, which is closed at the end. Retries of the SDK are off: the row owns retrying."""
    stripe.enable_telemetry = False
    http = stripe.AIOHTTPClient(timeout=TIMEOUT_SECONDS)
    try:
        yield StripeWrites(
            {
                account_id: (
                    stripe.StripeClient(
                        account.api_key, http_client=http, max_network_retries=0, base_addresses={"api": api_base}
                    ),
                    account,
                )
                for account_id, account in accounts.items()
                if account.api_key
            }
        )
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
