"""Calls that move money or end something, with Stripe's refusals where it is too late."""

from typing import Any

import pytest
import stripe

from tests.integration.sandbox.stripe.conftest import Control


async def sent(control: Control) -> list[str]:
    """Types of all events, oldest first."""
    return [found["type"] for found in (await control.ask("GET", "stripe/events"))["events"]][::-1]


async def test_a_refund_is_made_once_told_and_named_by_its_key(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    refund = await client.v1.refunds.create_async(
        {"payment_intent": ids["payment_intent"], "reason": "fraudulent"}, {"idempotency_key": "no-to-c1"}
    )
    assert (refund.status, refund.amount, refund.charge) == ("succeeded", 8_900, ids["charge"])
    events = (await control.ask("GET", "stripe/events?type=refund.created"))["events"]
    assert [found["request"]["idempotency_key"] for found in events] == ["no-to-c1"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.refunds.create_async({"charge": ids["charge"]})
    assert refused.value.code == "charge_already_refunded"


async def test_a_part_can_be_refunded_but_never_more_than_is_left(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("purchase")
    await client.v1.refunds.create_async({"charge": ids["charge"], "amount": 8_000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        await client.v1.refunds.create_async({"charge": ids["charge"], "amount": 901})
    page = await client.v1.refunds.list_async({"charge": ids["charge"]})
    assert [found.amount for found in page.data] == [8_000]
    charge = await client.v1.charges.retrieve_async(ids["charge"], {"expand": ["refunds"]})
    assert charge.refunds is not None
    assert (charge.amount_refunded, charge.refunded, len(charge.refunds.data)) == (8_000, False, 1)


async def test_a_disputed_charge_is_not_refunded(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("dispute_opened")
    with pytest.raises(stripe.InvalidRequestError, match="charged back"):
        await client.v1.refunds.create_async({"charge": ids["charge"]})
    dispute = await client.v1.disputes.retrieve_async(ids["dispute"])
    assert dispute.is_charge_refundable is False


async def test_money_put_aside_is_let_go(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase_authorised")
    with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
        await client.v1.refunds.create_async({"payment_intent": ids["payment_intent"]})
    with pytest.raises(stripe.InvalidRequestError, match="not captured"):
        await client.v1.refunds.create_async({"charge": ids["charge"]})
    intent = await client.v1.payment_intents.cancel_async(ids["payment_intent"], {"cancellation_reason": "fraudulent"})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "fraudulent")
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.capture_async(ids["payment_intent"])
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_money_put_aside_is_taken(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase_authorised")
    intent = await client.v1.payment_intents.capture_async(ids["payment_intent"], {"amount_to_capture": 5_000})
    assert (intent.status, intent.amount_received) == ("succeeded", 5_000)
    refund = await client.v1.refunds.create_async({"payment_intent": ids["payment_intent"]})
    assert refund.amount == 5_000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await client.v1.payment_intents.cancel_async(ids["payment_intent"])
    assert refused.value.code == "payment_intent_unexpected_state"


async def test_the_payment_of_an_open_checkout_is_ended_with_its_session(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("purchase_fails")
    with pytest.raises(stripe.InvalidRequestError, match="expire the session"):
        await client.v1.payment_intents.cancel_async(ids["payment_intent"])
    session = await client.v1.checkout.sessions.expire_async(ids["checkout_session"])
    assert session.status == "expired"
    assert (await sent(control))[-2:] == ["payment_intent.canceled", "checkout.session.expired"]


async def test_a_review_is_approved_once(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("review_opened")
    review = await client.v1.reviews.approve_async(ids["review"])
    assert (review.open, review.closed_reason) == (False, "approved")
    assert (await sent(control))[-1] == "review.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        await client.v1.reviews.approve_async(ids["review"])


async def test_a_fraud_refund_closes_the_review_and_the_warning(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("review_opened")
    warning = await control.play("early_fraud_warning", charge=ids["charge"])
    await client.v1.refunds.create_async({"charge": ids["charge"], "reason": "fraudulent"})
    review = await client.v1.reviews.retrieve_async(ids["review"])
    assert review.closed_reason == "refunded_as_fraud"
    found = await client.v1.radar.early_fraud_warnings.retrieve_async(warning["early_fraud_warning"])
    assert found.actionable is False


async def test_a_charge_is_labelled(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    charge = await client.v1.charges.update_async(ids["charge"], {"fraud_details": {"user_report": "safe"}})
    assert charge.fraud_details is not None
    assert charge.fraud_details.user_report == "safe"
    assert (await sent(control))[-1] == "charge.updated"


async def test_a_card_is_blocked_and_let_in_again(client: stripe.StripeClient) -> None:
    page = await client.v1.radar.value_lists.list_async({"alias": "card_fingerprint_blocklist"})
    (blocklist,) = page.data
    item = await client.v1.radar.value_list_items.create_async({"value_list": blocklist.id, "value": "abcdef"})
    with pytest.raises(stripe.InvalidRequestError, match="already in this list"):
        await client.v1.radar.value_list_items.create_async({"value_list": blocklist.id, "value": "abcdef"})
    listed = await client.v1.radar.value_list_items.list_async({"value_list": blocklist.id})
    assert [found.value for found in listed.data] == ["abcdef"]
    await client.v1.radar.value_list_items.delete_async(item.id)
    listed = await client.v1.radar.value_list_items.list_async({"value_list": blocklist.id})
    assert listed.data == []


async def test_a_portal_session_is_limited_to_what_was_asked(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("renewal_fails")
    session = await client.v1.billing_portal.sessions.create_async(
        {
            "customer": ids["customer"],
            "return_url": "https://studio.example/account",
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": "https://studio.example/thanks"}},
            },
        }
    )
    assert session.url.startswith("https://billing.stripe.com/p/session/test_")
    assert session.flow is not None
    assert session.flow.type == "payment_method_update"


async def test_a_checkout_is_made_and_paid_by_who_follows_the_link(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("purchase")
    (price,) = (await client.v1.prices.list_async()).data
    session = await client.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "customer": ids["customer"],
            "line_items": [{"price": price.id, "quantity": 2}],
            "success_url": "https://studio.example/thanks",
        }
    )
    assert (session.payment_status, session.amount_total, session.payment_intent) == ("unpaid", 17_800, None)
    await control.play("checkout_paid", checkout_session=session.id)
    session = await client.v1.checkout.sessions.retrieve_async(session.id, {"expand": ["line_items"]})
    assert (session.payment_status, session.status) == ("paid", "complete")
    assert session.line_items is not None
    assert [item.description for item in session.line_items.data] == ["Walnut desk lamp"]


async def test_a_bill_is_voided_and_a_subscription_ended(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("renewal_fails")
    invoice = await client.v1.invoices.void_invoice_async(ids["invoice"])
    assert invoice.status == "void"
    with pytest.raises(stripe.InvalidRequestError, match="open invoice"):
        await client.v1.invoices.mark_uncollectible_async(ids["invoice"])
    subscription = await client.v1.subscriptions.cancel_async(ids["subscription"])
    assert subscription.status == "canceled"
    assert (await sent(control))[-1] == "customer.subscription.deleted"


async def test_one_key_does_one_thing(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    wanted: Any = {"charge": ids["charge"], "amount": 100}
    key: Any = {"idempotency_key": "k1"}
    first = await client.v1.refunds.create_async(wanted, key)
    again = await client.v1.refunds.create_async(wanted, key)
    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len((await client.v1.refunds.list_async()).data) == 1
    with pytest.raises(stripe.IdempotencyError, match="same parameters"):
        await client.v1.refunds.create_async({"charge": ids["charge"], "amount": 101}, key)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        await client.v1.customers.create_async({}, key)


async def test_a_refusal_is_kept_with_its_key_too(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    key: Any = {"idempotency_key": "k2"}
    for replayed in (None, "true"):
        with pytest.raises(stripe.InvalidRequestError, match="greater than") as refused:
            await client.v1.refunds.create_async({"charge": ids["charge"], "amount": 10**9}, key)
        assert refused.value.headers is not None
        assert refused.value.headers.get("Idempotent-Replayed") == replayed


async def test_what_was_refused_before_it_began_does_not_use_up_its_key(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("purchase")
    key: Any = {"idempotency_key": "k3"}
    wrong: Any = {"charge": ids["charge"], "why": "because"}
    with pytest.raises(stripe.InvalidRequestError):
        await client.v1.refunds.create_async(wrong, key)
    assert (await client.v1.refunds.create_async({"charge": ids["charge"]}, key)).status == "succeeded"
