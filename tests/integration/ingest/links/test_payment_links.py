"""Payment links over HTTP, on real PostgreSQL and the sandbox's Stripe: what a look does, what a press does, what is left behind."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from ingest_service.accounts import Account
from ingest_service.edge.payment_links_http import PaymentLinks
from ingest_service.links import store
from ingest_service.links.allowance import Allowance, Bucket
from ingest_service.links.link import GOOD_FOR, NewLink, hash_of, token_of
from ingest_service.links.opening import Opening
from ingest_service.planning import plans
from ingest_service.stripe_reads import AskLater, reading
from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.planning.rows import SEALER, FixedClock

CONNECTED = "acct_1Connected0001"


@dataclass
class Site:
    """The links' pages, listening, and the Stripe behind them."""

    pool: "asyncpg.Pool[asyncpg.Record]"
    box: RunningSandbox
    clock: FixedClock
    http: aiohttp.ClientSession
    url: str
    counted: list[tuple[str, str, str]]
    app: PaymentLinks
    made: int = 0

    def play(self, story: str, account: str | None = None, **given: Any) -> dict[str, str]:
        """Lets something happen at Stripe."""
        return self.box.app[STRIPE].play(story, given, account=account)[0]

    def calls(self, **wanted: str) -> list[dict[str, Any]]:
        """What Stripe was asked."""
        return self.box.app[STRIPE].api.log.found(**wanted)

    async def link(self, subject: str, customer: str = "", account: str = "main", concern: str = "") -> str:
        """A link to pay this with; its token."""
        self.made += 1
        token = token_of(b"k" * 32, account, f"request {self.made}")
        kind = "invoice" if subject.startswith("in_") else "payment"
        new = NewLink(
            url=f"{self.url}/l/{token}", token_hash=hash_of(token), plan_id=UUID(int=self.made), number=1,
            concern=concern or f"{kind}:{subject}/unpaid", subject_id=subject, customer_id=customer, made_at=self.clock.now(),
            expires_at=self.clock.now() + GOOD_FOR,
            shown={"amount": 4900, "exponent": 2, "currency": "usd", "what": "1 x Studio", "reference": "A-1", "brand": "Studio"},
        )  # fmt: skip
        async with self.pool.acquire() as conn:
            await store.keep(conn, account, [store.seal(new, account, SEALER)])
        return token

    async def ask(self, method: str, token: str, **how: Any) -> tuple[int, str, Any]:
        """Status, page and headers of an answer; redirects are not followed."""
        async with self.http.request(method, f"{self.url}/l/{token}", allow_redirects=False, **how) as answer:
            return answer.status, await answer.text(), answer.headers

    async def settle(self, concern: str, subject: str, status: str) -> None:
        """Settles a matter as the fold does."""
        async with self.pool.acquire() as conn, conn.transaction():
            await plans.settle(conn, "main", concern, self.clock.now(), "evt_1")
            await conn.execute(
                "INSERT INTO subject (account_id, subject_id, kind, status, as_of) VALUES ('main', $1, 'invoice', $2, now())", subject, status
            )  # fmt: skip


@pytest.fixture
async def site(ingest_pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Site]:
    """Links of two accounts of their own and one that is connected."""
    main = Account("main", None, False, "sk_test_x", ("whsec_x",), "US", "UTC", None, "Acme")  # noqa: FBT003
    accounts = {
        "main": main,
        "connected": replace(main, account_id="connected", stripe_account=CONNECTED, brand=""),
    }
    clock, counted = FixedClock(datetime.now(UTC)), []
    async with (
        running_sandbox(SandboxSettings(listen="127.0.0.1:0")) as box,
        reading(ingest_pool, accounts, api_base=box.stripe_api_base, per_second=100) as reads,
        aiohttp.ClientSession() as http,
    ):
        links = PaymentLinks(
            ingest_pool, SEALER, clock, {one: account.brand for one, account in accounts.items()}, Opening(ingest_pool, clock, reads),
            "http://127.0.0.1:1", vendor_is_played=True, count=lambda *labels: counted.append(labels),
            allowance=Allowance(1_000, 1_000, Bucket(1_000, 1_000)),
        )  # fmt: skip
        app = web.Application()
        links.setup(app)
        runner = web.AppRunner(app, access_log=None)  # as the service has it
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield Site(ingest_pool, box, clock, http, url, counted, links)
        await runner.cleanup()


async def test_a_look_shows_what_is_to_be_paid_and_asks_nobody(site: Site) -> None:
    token = await site.link(site.play("renewal_fails")["invoice"])
    looks = [await site.ask("GET", token) for _ in range(3)]
    status, page, headers = looks[-1]
    assert status == 200
    assert "49.00 <small>USD</small>" in page
    assert "For 1 x Studio" in page
    assert "Acme" in page
    assert "Pay now" in page
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "noindex" in headers["X-Robots-Tag"]
    status, page, head = await site.ask("HEAD", token)
    assert (status, page) == (200, "")
    assert {name: head[name] for name in head if name != "Date"} == {
        name: headers[name] for name in headers if name != "Date"
    }
    assert site.calls() == []


async def test_a_page_is_in_the_language_that_the_browser_asks_for(site: Site) -> None:
    token = await site.link("in_1")
    german = {"Accept-Language": "de-DE,de;q=0.9,en;q=0.8"}
    status, page, headers = await site.ask("GET", token, headers=german)
    assert (status, headers["Vary"]) == (200, "Accept-Language")
    assert "49,00 <small>USD</small>" in page
    assert "Jetzt bezahlen" in page
    assert "Nicht gefunden" in (await site.ask("GET", "x" * 8, headers=german))[1]
    assert "Pay now" in (await site.ask("GET", token))[1]


async def test_the_token_stands_hashed_and_what_the_page_says_sealed(site: Site) -> None:
    token = await site.link("in_1")
    row = await site.pool.fetchrow("SELECT * FROM payment_link")
    assert row is not None
    assert row["token_hash"] == hash_of(token)
    whole = b" ".join(value if isinstance(value, bytes) else str(value).encode() for value in row.values())
    assert token.encode() not in whole
    assert b"Studio" not in whole


async def test_a_press_opens_the_bills_own_page_fresh_from_stripe(site: Site) -> None:
    invoice = site.play("renewal_fails")["invoice"]
    status, _, headers = await site.ask("POST", await site.link(invoice))
    assert status == 303
    assert headers["Location"].startswith("https://invoice.stripe.com/i/")
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert [(call["method"], call["path"]) for call in site.calls()] == [("GET", f"/v1/invoices/{invoice}")]


async def test_a_purchase_goes_back_to_its_open_checkout(site: Site) -> None:
    ids = site.play("purchase_fails")
    status, _, headers = await site.ask("POST", await site.link(ids["payment_intent"], ids["customer"]))
    assert status == 303
    assert headers["Location"].startswith("https://checkout.stripe.com/")
    assert site.calls(method="POST") == []


async def test_without_a_page_of_its_own_each_press_mints_one_portal_session_for_changing_the_payment_method_only(
    site: Site,
) -> None:
    ids = site.play("purchase_fails")
    world = site.box.app[STRIPE].accounts.world(site.box.app[STRIPE].accounts.main, livemode=False)
    for session in world.kinds["checkout.session"]:
        session.update(status="expired", url=None)
    token = await site.link(ids["payment_intent"], ids["customer"])
    first, second = [await site.ask("POST", token) for _ in range(2)]
    assert first[0] == second[0] == 303
    assert first[2]["Location"] != second[2]["Location"]
    minted = site.calls(method="POST")
    assert [call["path"] for call in minted] == ["/v1/billing_portal/sessions"] * 2
    assert len({call["idempotency_key"] for call in minted}) == 2
    for call in minted:
        assert call["params"]["customer"] == ids["customer"]
        assert call["params"]["flow_data"]["type"] == "payment_method_update"
        assert call["params"]["return_url"] == f"http://127.0.0.1:1/l/{token}"


async def test_a_reminder_leads_to_adding_a_card_in_the_portal_until_its_matter_is_over(site: Site) -> None:
    ids = site.play("renewal_due")
    concern = f"subscription:{ids['subscription']}/renewal:1798761600"
    token = await site.link(ids["subscription"], ids["customer"], concern=concern)
    status, page, _ = await site.ask("GET", token)
    assert (status, "Add a new card" in page, "Pay now" in page, "49.00" in page) == (200, True, False, False)
    status, _, headers = await site.ask("POST", token)
    assert status == 303
    assert headers["Location"].startswith("https://billing.stripe.com/")
    [minted] = site.calls(method="POST")
    assert minted["params"]["flow_data"]["type"] == "payment_method_update"
    await site.settle(concern, ids["subscription"], "active")
    for method in ("GET", "POST"):
        status, page, _ = await site.ask(method, token)
        assert (status, "A new card is no longer needed" in page) == (200, True)
    assert site.calls(method="POST") == [minted]


async def test_a_guest_whose_checkout_is_gone_is_sent_back_to_the_shop(site: Site) -> None:
    ids = site.play("purchase_fails", guest=True)
    world = site.box.app[STRIPE].accounts.world(site.box.app[STRIPE].accounts.main, livemode=False)
    for session in world.kinds["checkout.session"]:
        session.update(status="expired", url=None)
    status, page, _ = await site.ask("POST", await site.link(ids["payment_intent"]))
    assert (status, "Please pay where you bought" in page) == (200, True)
    assert site.calls(method="POST") == []


@pytest.mark.parametrize(
    ("status", "says"),
    [("paid", "Already paid, thank you"), ("void", "Nothing to pay"), ("uncollectible", "Nothing to pay")],
)
async def test_after_the_end_it_says_so_and_mints_nothing_until_it_expires(site: Site, status: str, says: str) -> None:
    token = await site.link("in_1")
    await site.settle("invoice:in_1/unpaid", "in_1", status)
    for method in ("GET", "POST"):
        answered, page, _ = await site.ask(method, token)
        assert (answered, says in page, "Pay now" in page) == (200, True, False)
    site.clock.pass_(timedelta(days=7))
    for method in ("GET", "POST"):
        answered, page, _ = await site.ask(method, token)
        assert (answered, "This link has expired" in page, "newest message" in page) == (410, True, True)
    assert site.calls() == []


@pytest.mark.parametrize(("story", "says"), [
    ("customer_pays", "Already paid, thank you"), ("invoice_voided", "Nothing to pay"), ("invoice_uncollectible", "Nothing to pay"),
    ("subscription_ends", "Nothing to pay"),
])  # fmt: skip
async def test_what_is_over_at_stripe_before_its_event_came_mints_nothing_and_is_settled_then_and_there(
    site: Site, story: str, says: str
) -> None:
    ids = site.play("renewal_fails")
    token = await site.link(ids["invoice"])
    await site.pool.execute(
        "INSERT INTO subject (account_id, subject_id, kind, status, as_of) VALUES ('main', $1, 'invoice', 'open', now())",
        ids["invoice"],
    )
    site.play(story)
    for method in ("POST", "GET", "POST"):  # and it stays so where its event never comes
        status, page, _ = await site.ask(method, token)
        assert (status, says in page) == (200, True), method
    assert site.calls(method="POST") == []
    state = await site.pool.fetchval("SELECT state FROM concern WHERE account_id = 'main' AND concern = $1",
                                     f"invoice:{ids['invoice']}/unpaid")  # fmt: skip
    assert state == "settled"


async def test_an_expired_link_mints_nothing(site: Site) -> None:
    token = await site.link(site.play("renewal_fails")["invoice"])
    site.clock.pass_(timedelta(days=7))
    assert [(await site.ask(method, token))[0] for method in ("GET", "HEAD", "POST")] == [410, 410, 410]
    assert site.calls() == []


@pytest.mark.parametrize("token", ["A" * 22, "x", "A" * 300, "%00", "..%2f..%2fetc", "in_1"])
async def test_an_unknown_link_is_not_found_and_nothing_more_is_said(site: Site, token: str) -> None:
    await site.link("in_1")
    for method in ("GET", "POST"):
        status, page, _ = await site.ask(method, token)
        assert status == 404
        assert "Acme" not in page
        assert "Studio" not in page
    assert site.calls() == []


async def test_other_methods_are_not_allowed(site: Site) -> None:
    token = await site.link("in_1")
    assert [(await site.ask(method, token))[0] for method in ("PUT", "DELETE", "PATCH")] == [405, 405, 405]


async def test_a_link_acts_in_its_own_account_and_no_other(site: Site) -> None:
    invoice = site.play("renewal_fails", account=CONNECTED)["invoice"]
    status, page, headers = await site.ask("POST", await site.link(invoice, account="connected"))
    assert (status, headers.get("Location", "")[:27]) == (303, "https://invoice.stripe.com/")
    assert [call["account"] for call in site.calls()] == [CONNECTED]
    status, page, _ = await site.ask("POST", await site.link(invoice, account="main"))  # that account has no such bill
    assert (status, "Nothing to pay" in page) == (200, True)
    gone = await site.link(invoice, account="closed")
    assert (await site.ask("GET", gone))[0] == 404  # an account that is not configured any more


async def test_while_stripe_is_away_it_says_so_and_nothing_is_lost(site: Site) -> None:
    token = await site.link(site.play("renewal_fails")["invoice"])
    away = replace(site.app.opening, reads=_Away())  # type: ignore[arg-type]
    object.__setattr__(site.app, "opening", away)
    status, page, headers = await site.ask("POST", token)
    assert (status, "Try again in a minute" in page, headers["Retry-After"]) == (503, True, "60")
    assert (await site.ask("GET", token))[0] == 200


class _Away:
    """Stripe as it is when nobody answers."""

    async def get(self, *_: Any) -> Any:
        return AskLater("Stripe cannot be reached")


async def test_too_many_at_once_wait_a_minute(site: Site) -> None:
    token = await site.link(site.play("renewal_fails")["invoice"])
    object.__setattr__(site.app, "allowance", Allowance(burst=3, per_second=0.001))
    answers = await asyncio.gather(*(site.ask("POST", token) for _ in range(8)))
    assert sorted(status for status, _, _ in answers) == [303] * 3 + [429] * 5


async def test_no_log_line_and_no_counter_holds_a_token(
    site: Site, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    known, unknown = await site.link("pi_gone", "cus_gone"), "B" * 22
    for token in (known, unknown):
        for method in ("GET", "POST"):
            await site.ask(method, token)
    said = caplog.text + "".join(capsys.readouterr()) + repr(site.counted)
    assert site.counted
    assert known not in said
    assert unknown not in said
