"""The pages that a link in a text leads to: who follows it can do there what the customer would do."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import stripe

from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.stripe import STRIPE
from tests.integration.sandbox.stripe.conftest import Control


@pytest.fixture
async def browser(box: RunningSandbox) -> AsyncIterator[aiohttp.ClientSession]:
    box.app[STRIPE].accounts.hosted = f"{box.url}/stripe/hosted"
    async with aiohttp.ClientSession() as session:
        yield session


async def text(browser: aiohttp.ClientSession, method: str, url: str) -> str:
    async with browser.request(method, url) as answer:
        return await answer.text()


async def test_a_bill_is_paid_by_who_presses_the_button_and_not_by_who_looks(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("renewal_fails")
    url = (await client.v1.invoices.retrieve_async(ids["invoice"])).hosted_invoice_url
    assert url is not None
    assert "$49.00" in await text(browser, "GET", url)
    assert (await client.v1.invoices.retrieve_async(ids["invoice"])).status == "open"
    assert "went through" in await text(browser, "POST", url)
    assert (await client.v1.invoices.retrieve_async(ids["invoice"])).status == "paid"
    assert "is paid" in await text(browser, "GET", url)
    assert "is not" in await text(browser, "POST", url)


async def test_the_portal_takes_a_new_card(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("renewal_fails")
    session = await client.v1.billing_portal.sessions.create_async({"customer": ids["customer"]})
    assert "ending in 4242" in await text(browser, "GET", session.url)
    assert "ending in 4242" not in await text(browser, "POST", session.url)
    events = (await control.ask("GET", "stripe/events?type=payment_method.attached"))["events"]
    assert len(events) == 1


async def test_a_declined_checkout_is_paid_at_its_page(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("purchase_fails")
    session = await client.v1.checkout.sessions.retrieve_async(ids["checkout_session"])
    assert session.url is not None
    await text(browser, "POST", session.url)
    session = await client.v1.checkout.sessions.retrieve_async(ids["checkout_session"])
    assert session.payment_status == "paid"


async def test_a_receipt_shows_what_was_paid(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("purchase", customer="yuki")
    charge = await client.v1.charges.retrieve_async(ids["charge"])
    assert charge.receipt_url is not None
    assert "¥13,350" in await text(browser, "GET", charge.receipt_url)


async def test_an_address_that_leads_nowhere_says_so(browser: aiohttp.ClientSession, box: RunningSandbox) -> None:
    async with browser.get(f"{box.url}/stripe/hosted/i/test_nothing") as answer:
        assert answer.status == 404


async def test_names_are_written_as_text_not_as_markup(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("renewal_fails", name="<script>alert(1)</script>")
    session = await client.v1.billing_portal.sessions.create_async({"customer": ids["customer"]})
    assert "<script>" not in await text(browser, "GET", session.url)


async def test_the_portal_leads_back_where_it_was_told_to_once_the_card_is_changed(
    browser: aiohttp.ClientSession, control: Control, client: stripe.StripeClient
) -> None:
    ids = await control.play("renewal_card_expired")
    back = "https://pay.example/l/x"
    session = await client.v1.billing_portal.sessions.create_async(
        {
            "customer": ids["customer"],
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": back}},
            },
        }
    )
    async with browser.post(session.url, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, back)
