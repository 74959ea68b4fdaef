"""The public address of payment links: a page on GET, which changes nothing and may be fetched by previewers; the payment on POST.

Neither the token nor what stands on the page is logged, counted or said in an error.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, assert_never

import asyncpg
import structlog
from aiohttp import web

from ingest_service.clock import Clock
from ingest_service.edge import payment_page, payment_page_words
from ingest_service.edge.payment_page_languages import asked_for
from ingest_service.edge.payment_page_words import Words
from ingest_service.links import store
from ingest_service.links.allowance import Allowance
from ingest_service.links.link import TOKEN_LENGTH, Link, Standing, hash_of, standing
from ingest_service.links.opening import Away, Nowhere, Opened, Opening
from ingest_service.sealing import Sealer, UnsealableError

log = structlog.get_logger()

LONGEST_FORM: Final = 1024
_TOLD: Final[Mapping[Standing, tuple[Words, int]]] = {
    Standing.PAID: (payment_page_words.PAID, 200),
    Standing.UNDER_WAY: (payment_page_words.UNDER_WAY, 200),
    Standing.OVER: (payment_page_words.OVER, 200),
    Standing.EXPIRED: (payment_page_words.EXPIRED, 410),
}


@dataclass(frozen=True)
class PaymentLinks:
    """The handlers, for accounts by id with the brand their pages show (empty: what Stripe calls the business)."""

    pool: asyncpg.Pool
    sealer: Sealer
    clock: Clock
    brands: Mapping[str, str]
    opening: Opening
    public_url: str
    vendor_is_played: bool
    count: Callable[[str, str, str], None]
    allowance: Allowance = field(default_factory=Allowance)

    def setup(self, app: web.Application) -> None:
        """Adds the routes; HEAD is answered like GET, other methods with 405."""
        app.router.add_get("/l/{token}", self.show)
        app.router.add_post("/l/{token}", self.pay)

    async def show(self, request: web.Request) -> web.Response:
        """How the payment stands by our own record, with a button where it can be made. Asks nobody."""
        link = await self._link(request)
        if not isinstance(link, Link):
            return self._answer(request, *link)
        stands = standing(link, self.clock.now())
        if stands == Standing.PAYABLE:
            self._counted(request, link, "payable")
            shown = payment_page.card_to_add if link.adds_card else payment_page.payable
            return self._page(shown(link.shown, self._brand(link), _language(request)), 200)
        return self._answer(request, *_told(link, stands), link)

    async def pay(self, request: web.Request) -> web.Response:
        """Leads to where it can be paid, made for this once; or says why there is nothing to be paid."""
        if (request.content_length or 0) > LONGEST_FORM or "chunked" in request.headers.get("Transfer-Encoding", ""):
            answer = self._answer(request, payment_page_words.UNKNOWN, 413)
            answer.force_close()
            return answer
        link = await self._link(request)
        if not isinstance(link, Link):
            return self._answer(request, *link)
        stands = standing(link, self.clock.now())
        if stands != Standing.PAYABLE:
            return self._answer(request, *_told(link, stands), link)
        try:
            opened = await self.opening.open(link, f"{self.public_url}/l/{request.match_info['token']}")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
            log.warning("link.not_opened", account_id=link.account_id, error=type(error).__name__)
            opened = Away()
        match opened:
            case Opened(url=url):
                self._counted(request, link, "opened")
                return web.Response(status=303, headers=self._headers() | {"Location": url})
            case Away():
                return self._answer(request, payment_page_words.AWAY, 503, link)
            case Nowhere():
                nowhere = payment_page_words.NO_CARD_HERE if link.adds_card else payment_page_words.NOWHERE
                return self._answer(request, nowhere, 200, link)
            case Standing():
                return self._answer(request, *_told(link, opened), link)
            case _:
                assert_never(opened)

    async def _link(self, request: web.Request) -> Link | tuple[Words, int]:
        """The link that is asked for, or what is said instead."""
        token = request.match_info["token"]
        token_hash = hash_of(token)
        if not self.allowance.take(token_hash, time.monotonic()):
            return payment_page_words.TOO_OFTEN, 429
        if len(token) != TOKEN_LENGTH:
            return payment_page_words.UNKNOWN, 404
        try:
            async with self.pool.acquire(timeout=5) as conn:
                link = await store.find(conn, list(self.brands), token_hash, self.sealer)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, UnsealableError, OSError, TimeoutError) as error:
            log.warning("link.unreadable", error=type(error).__name__)
            return payment_page_words.AWAY, 503
        return link if link is not None else (payment_page_words.UNKNOWN, 404)

    def _answer(self, request: web.Request, what: Words, status: int, link: Link | None = None) -> web.Response:
        self._counted(request, link, str(status))
        answer = self._page(payment_page.said(what, self._brand(link) if link else "", _language(request)), status)
        if status in (429, 503):
            answer.headers["Retry-After"] = "60"
        return answer

    def _page(self, html: str, status: int) -> web.Response:
        return web.Response(text=html, content_type="text/html", status=status, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return payment_page.headers(played=self.vendor_is_played)

    def _brand(self, link: Link) -> str:
        return self.brands.get(link.account_id) or str(link.shown.get("brand") or "")

    def _counted(self, request: web.Request, link: Link | None, answer: str) -> None:
        method = "POST" if request.method == "POST" else "GET"
        self.count(link.account_id if link else "unknown", method, answer)


def _told(link: Link, stands: Standing) -> tuple[Words, int]:
    """What is said where there is nothing to press any more."""
    if link.adds_card and stands == Standing.OVER:
        return payment_page_words.NO_CARD_NEEDED, 200
    return _TOLD.get(stands, (payment_page_words.AWAY, 503))


def _language(request: web.Request) -> str:
    return asked_for(request.headers.get("Accept-Language", ""))
