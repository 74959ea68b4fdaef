"""Stripe's own client against the sandbox: it is answered as by Stripe, also where it asks for too much."""

from typing import Any

import pytest
import stripe
from pydantic import SecretStr

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from tests.integration.sandbox.stripe.conftest import Control


def client_with(box: RunningSandbox, key: str, http: stripe.AIOHTTPClient) -> stripe.StripeClient:
    return stripe.StripeClient(key, base_addresses={"api": box.stripe_api_base}, http_client=http)


async def test_objects_of_a_story_are_read_with_what_they_refer_to(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("renewal_fails", decline_code="expired_card")
    invoice = await client.v1.invoices.retrieve_async(
        ids["invoice"], {"expand": ["payments.data.payment.payment_intent", "customer"]}
    )
    assert isinstance(invoice.customer, stripe.Customer)
    assert invoice.customer.name == "Ana Lopez"
    assert invoice.payments is not None
    intent = invoice.payments.data[0].payment.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)
    assert intent.last_payment_error is not None
    assert intent.last_payment_error.decline_code == "expired_card"
    subscription = await client.v1.subscriptions.retrieve_async(
        ids["subscription"], {"expand": ["items.data.price.product"]}
    )
    assert subscription["items"]["data"][0]["price"]["product"]["name"] == "Studio Pro"


async def test_the_bill_of_a_payment_is_found_through_invoice_payments(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("renewal_fails")
    await control.play("renewal_paid", customer="jonas")
    page = await client.v1.invoice_payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": ids["payment_intent"]}}
    )
    assert [found.invoice for found in page.data] == [ids["invoice"]]
    page = await client.v1.invoice_payments.list_async({"invoice": ids["invoice"]})
    assert [found.payment.payment_intent for found in page.data] == [ids["payment_intent"]]


async def test_a_bill_is_read_with_its_subscription_where_it_has_one(
    client: stripe.StripeClient, control: Control
) -> None:
    for story, status in (("renewal_fails", "past_due"), ("single_bill_fails", None)):
        ids = await control.play(story)
        path = f"/v1/invoices/{ids['invoice']}?expand[]=parent.subscription_details.subscription"
        answer: Any = await client.raw_request_async("get", path)
        parent = answer.data["parent"]
        assert (parent and parent["subscription_details"]["subscription"]["status"]) == status


async def test_a_raw_request_is_answered_in_the_version_asked_for(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("renewal_fails")
    path = f"/v1/charges/{ids['charge']}"
    old: Any = await client.raw_request_async("get", path, stripe_version="2025-02-24.acacia")
    new: Any = await client.raw_request_async("get", path)
    assert old.headers["Stripe-Version"] == "2025-02-24.acacia"
    assert old.data["invoice"] == ids["invoice"]
    assert "invoice" not in new.data
    assert new.headers["Request-Id"].startswith("req_")


async def test_an_unknown_version_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Invalid Stripe API version"):
        await client.raw_request_async("get", "/v1/customers", stripe_version="2031-01-01.zelkova")


@pytest.mark.parametrize("key", ["pk_test_public", "nonsense", "sk_test_"])
async def test_a_key_that_is_none_opens_nothing(box: RunningSandbox, key: str) -> None:
    http = stripe.AIOHTTPClient()
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key") as refused:
        await client_with(box, key, http).v1.customers.list_async()
    await http.close_async()  # type: ignore[no-untyped-call]
    assert refused.value.http_status == 401
    assert refused.value.error is not None
    assert refused.value.error.type == "invalid_request_error"


async def test_without_a_key_nothing_opens(box: RunningSandbox, control: Control) -> None:
    async with control.session.get(f"{box.stripe_api_base}/v1/customers") as answer:
        assert answer.status == 401
        assert "did not provide an API key" in (await answer.json())["error"]["message"]


async def test_what_is_not_there_is_missing(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_nobody'") as refused:
        await client.v1.customers.retrieve_async("cus_nobody")
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (404, "resource_missing", "id")


async def test_an_id_of_another_kind_is_missing(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        await client.v1.charges.retrieve_async(ids["payment_intent"])


async def test_unknown_parameters_are_refused(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    wrong: Any = {"charge": ids["charge"], "why": "because"}
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: why") as refused:
        await client.v1.refunds.create_async(wrong)
    assert (refused.value.http_status, refused.value.code) == (400, "parameter_unknown")
    assert (await control.ask("GET", "stripe/events?type=refund.created"))["events"] == []


async def test_a_filter_the_sandbox_does_not_have_is_refused_not_ignored(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not have the filter") as refused:
        await client.v1.charges.list_async({"transfer_group": "x"})
    assert refused.value.code == "sandbox_not_modelled"


@pytest.mark.parametrize("path", ["data.payments.data.payment.charge", "nothing_there", "data.number"])
async def test_what_cannot_be_expanded_is_refused(client: stripe.StripeClient, control: Control, path: str) -> None:
    await control.play("renewal_fails")
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        await client.v1.invoices.list_async({"expand": [path]})


async def test_expanding_ends_at_four_levels(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("renewal_fails")
    four = "payments.data.payment.payment_intent"
    await client.v1.invoices.retrieve_async(ids["invoice"], {"expand": [four]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        await client.v1.invoices.list_async({"expand": [f"data.{four}"]})


async def test_where_a_key_is_set_no_other_opens() -> None:
    settings = Settings(listen="127.0.0.1:0", stripe_api_key=SecretStr("sk_live_ours"))
    http = stripe.AIOHTTPClient()
    async with running(settings) as box:
        await client_with(box, "sk_live_ours", http).v1.customers.list_async()
        with pytest.raises(stripe.AuthenticationError):
            await client_with(box, "sk_live_theirs", http).v1.customers.list_async()
    await http.close_async()  # type: ignore[no-untyped-call]


async def test_an_account_with_a_key_of_its_own_is_opened_by_it_alone(box: RunningSandbox, control: Control) -> None:
    await control.ask("PUT", "stripe/accounts/acct_1SecondShop000", {"api_key": "sk_test_second"})
    ids = await control.play("purchase", account="acct_1SecondShop000")
    http = stripe.AIOHTTPClient()
    charge = await client_with(box, "sk_test_second", http).v1.charges.retrieve_async(ids["charge"])
    assert charge.id == ids["charge"]
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        await client_with(box, "sk_test_sandbox", http).v1.charges.retrieve_async(ids["charge"])
    await http.close_async()  # type: ignore[no-untyped-call]


async def test_lists_come_newest_first_in_pages(client: stripe.StripeClient) -> None:
    made = [(await client.v1.customers.create_async({"name": f"Customer {n}"})).id for n in range(25)]
    first = await client.v1.customers.list_async()
    assert ([found.id for found in first.data], first.has_more) == (made[:14:-1], True)
    seen = [found.id async for found in (await client.v1.customers.list_async({"limit": 7})).auto_paging_iter()]
    assert seen == made[::-1]
    last = await client.v1.customers.list_async({"starting_after": made[5], "limit": 5})
    assert ([found.id for found in last.data], last.has_more) == (made[4::-1], False)
    before = await client.v1.customers.list_async({"ending_before": made[0], "limit": 3})
    assert ([found.id for found in before.data], before.has_more) == (made[3:0:-1], True)


@pytest.mark.parametrize("given", [{"limit": 101}, {"limit": 0}, {"starting_after": "cus_nobody"}])
async def test_pages_that_cannot_be_are_refused(client: stripe.StripeClient, given: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.customers.list_async(given)


async def test_subscriptions_are_found_by_the_end_of_their_period(
    client: stripe.StripeClient, control: Control, box: RunningSandbox
) -> None:
    soon = await control.play("renewal_due", days=3)
    await control.play("renewal_due", customer="jonas", days=20)
    now = box.sandbox.clock.unix()
    page = await client.v1.subscriptions.list_async(
        {"status": "active", "current_period_end": {"gte": now, "lte": now + 7 * 86_400}}
    )
    assert [found.id for found in page.data] == [soon["subscription"]]
    await control.play("subscription_ends", subscription=soon["subscription"])
    left = await client.v1.subscriptions.list_async()
    assert soon["subscription"] not in [found.id for found in left.data]
    every = await client.v1.subscriptions.list_async({"status": "all"})
    assert soon["subscription"] in [found.id for found in every.data]


async def test_the_next_bill_is_previewed(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("renewal_due", amount=1_234)
    preview = await client.v1.invoices.create_preview_async({"subscription": ids["subscription"]})
    assert (preview.amount_due, preview.status, preview.hosted_invoice_url) == (1_234, "draft", None)
    listed = await client.v1.invoices.list_async()
    assert preview.id not in [invoice.id for invoice in listed.data]


async def test_a_customer_is_kept_changed_and_deleted(client: stripe.StripeClient, control: Control) -> None:
    customer = await client.v1.customers.create_async(
        {"name": "Ida", "phone": "+4917139200", "metadata": {"a": "1", "b": "2"}}
    )
    await client.v1.customers.update_async(customer.id, {"phone": "+491713920012", "metadata": {"a": ""}})
    (told,) = (await control.ask("GET", "stripe/events?type=customer.updated"))["events"]
    body = (await control.ask("GET", f"stripe/events/{told['id']}"))["body"]
    assert body["data"]["previous_attributes"] == {"phone": "+4917139200", "metadata": {"a": "1"}}
    assert body["request"]["id"].startswith("req_")
    await client.v1.customers.delete_async(customer.id)
    gone = await client.v1.customers.retrieve_async(customer.id)
    assert gone.to_dict() == {"id": customer.id, "object": "customer", "deleted": True}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({f"key {n}": "x" for n in range(51)}, "up to 50 keys"),
        ({"k" * 41: "x"}, "keys can have up to 40 characters"),
        ({"key": "x" * 501}, "values can have up to 500 characters"),
    ],
)
async def test_more_metadata_than_stripe_keeps_is_refused(
    client: stripe.StripeClient, given: dict[str, str], says: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=says) as refused:
        await client.v1.customers.create_async({"metadata": given})
    assert refused.value.param == "metadata"
    assert (await client.v1.customers.list_async()).data == []


async def test_the_limit_on_metadata_counts_what_is_there_already(client: stripe.StripeClient) -> None:
    fifty = {f"key {n}": "v" * 500 for n in range(50)}
    customer = await client.v1.customers.create_async({"metadata": fifty})
    with pytest.raises(stripe.InvalidRequestError, match="up to 50 keys"):
        await client.v1.customers.update_async(customer.id, {"metadata": {"one more": "x"}})
    changed = await client.v1.customers.update_async(customer.id, {"metadata": {"key 0": "", "one more": "x"}})
    assert changed.metadata is not None
    assert len(changed.metadata.to_dict()) == 50


async def test_an_event_is_forgotten_after_thirty_days(
    client: stripe.StripeClient, control: Control, box: RunningSandbox
) -> None:
    await control.play("phone_changed")
    (old,) = (await client.v1.events.list_async()).data
    box.sandbox.clock.offset += 30 * 86_400 - 60
    assert [found.id for found in (await client.v1.events.list_async()).data] == [old.id]
    box.sandbox.clock.offset += 120
    assert (await client.v1.events.list_async()).data == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        await client.v1.events.retrieve_async(old.id)


async def test_the_account_and_its_endpoints_can_be_read(client: stripe.StripeClient, control: Control) -> None:
    account = await client.v1.accounts.retrieve_current_async()
    assert account.id == "acct_1StudioPaybell00"
    await control.ask("POST", "stripe/endpoints", {"url": "http://127.0.0.1:9/hook", "secret": "whsec_x"})
    page = await client.v1.webhook_endpoints.list_async()
    assert [found.url for found in page.data] == ["http://127.0.0.1:9/hook"]


async def test_every_call_is_logged(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    await client.v1.refunds.create_async(
        {"charge": ids["charge"], "amount": 100, "metadata": {"challenge_id": "c1"}}, {"idempotency_key": "refund-c1"}
    )
    (call,) = (await control.ask("GET", "stripe/calls?operation=refunds.create"))["calls"]
    assert (call["method"], call["path"], call["answer"], call["idempotency_key"]) == (
        "POST",
        "/v1/refunds",
        200,
        "refund-c1",
    )
    assert call["params"] == {"charge": ids["charge"], "amount": "100", "metadata": {"challenge_id": "c1"}}
    assert call["account"] == "acct_1StudioPaybell00"
