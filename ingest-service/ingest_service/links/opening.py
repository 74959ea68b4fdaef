"""Somebody presses the button of a payment link: Stripe is asked how the payment stands, and where it can be made.

A bill opens on its own hosted page, which takes any card and pays this bill. A purchase whose checkout is still open goes back there.
Otherwise the customer's portal opens, at changing the payment method and nothing else. What is over at Stripe mints nothing and is
settled here and now, whether or not its event has come.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import asyncpg
import stripe
import structlog

from ingest_service.clock import Clock
from ingest_service.folding import knowledge
from ingest_service.links.link import Link, Standing, standing_of
from ingest_service.planning import plans
from ingest_service.settings import can_open
from ingest_service.stripe_reads import AskLater, Found, Gone, StripeReads
from ingest_service.submitting.truth import Over, judge_open

log = structlog.get_logger()

PATIENCE_SECONDS: Final = 8.0
"""Somebody is waiting before a page."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """Where the payment can be made, for this once."""

    url: str


@dataclass(frozen=True, slots=True)
class Away:
    """Stripe could not be asked."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no page on which it could be made."""


Answer = Opened | Standing | Away | Nowhere


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens links of every account."""

    pool: asyncpg.Pool
    clock: Clock
    reads: StripeReads

    async def open(self, link: Link, back: str) -> Answer:
        """Where a link that is payable by our record leads now. `back` is the address of its own page."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._open(link, back)
        except TimeoutError:
            return Away()

    async def _open(self, link: Link, back: str) -> Answer:
        path, expand = _READS.get(link.subject_id.partition("_")[0], ("", []))
        if not path:
            return await self._portal(link, back)
        answer = await self.reads.get(link.account_id, path + link.subject_id, {"expand": expand} if expand else None)
        if isinstance(answer, AskLater):
            return Away()
        if isinstance(answer, Gone):
            return Standing.OVER
        subject = answer.body
        over = judge_open(subject)
        if isinstance(over, Over):
            await self._settle(link, over)
            told = standing_of(over.status)
            return Standing.OVER if told == Standing.PAYABLE else told
        hosted = subject.get("hosted_invoice_url")
        if isinstance(hosted, str) and can_open(hosted):
            return Opened(hosted)
        if subject.get("object") == "payment_intent":
            checkout = await self._checkout(link)
            if checkout is not None:
                return checkout
        return await self._portal(link, back)

    async def _checkout(self, link: Link) -> Answer | None:
        """The checkout that the buyer left, where it is still open."""
        params = {"payment_intent": link.subject_id, "limit": 1}
        answer = await self.reads.get(link.account_id, "/v1/checkout/sessions", params)
        if isinstance(answer, AskLater):
            return Away()
        listed = answer.body.get("data") if isinstance(answer, Found) else None
        session = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else {}
        url = session.get("url")
        return Opened(url) if session.get("status") == "open" and isinstance(url, str) and can_open(url) else None

    async def _portal(self, link: Link, back: str) -> Answer:
        if not link.customer_id:
            return Nowhere()
        client, options = self.reads.client(link.account_id)
        done: Any = {"type": "redirect", "redirect": {"return_url": back}}
        try:
            session = await client.v1.billing_portal.sessions.create_async(
                {
                    "customer": link.customer_id,
                    "return_url": back,
                    "locale": "auto",
                    "flow_data": {"type": "payment_method_update", "after_completion": done},
                },
                options,
            )
        except (stripe.StripeError, aiohttp.ClientError, OSError, ValueError) as error:
            status = getattr(error, "http_status", None)
            log.warning("link.no_portal", account_id=link.account_id, error=type(error).__name__, status=status)
            refused = isinstance(error, stripe.InvalidRequestError)  # no portal is configured, or no such customer
            return Nowhere() if refused else Away()
        return Opened(session.url) if can_open(session.url) else Nowhere()

    async def _settle(self, link: Link, over: Over) -> None:
        by = f"a look at Stripe: {over.reason}"
        async with self.pool.acquire() as conn, conn.transaction():
            if over.status:  # whoever comes again is thanked, although the event that says so may be lost
                await knowledge.learn_status(conn, link.account_id, link.subject_id, over.status)
            await plans.settle(conn, link.account_id, link.concern, self.clock.now(), by)


_READS: Final[Mapping[str, tuple[str, list[str]]]] = {
    "in": ("/v1/invoices/", ["parent.subscription_details.subscription"]),
    "pi": ("/v1/payment_intents/", []),
    "ch": ("/v1/charges/", []),
    "py": ("/v1/charges/", []),
}
