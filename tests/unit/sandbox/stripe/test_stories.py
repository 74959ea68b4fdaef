"""What the stories of the sandbox do to a Stripe account, and what they send."""

from typing import Any

import pytest

from paybell_sandbox.stripe.declines import DECLINES
from paybell_sandbox.stripe.people import PEOPLE
from paybell_sandbox.stripe.stories import STORIES, StoryError
from paybell_sandbox.stripe.telling import Told, tell

BEGINNINGS = [story.name for story in STORIES.values() if not story.follows]

SENT = {
    "renewal_fails": [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ],
    "renewal_paid": [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ],
    "renewal_by_bank_debit": [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.pending",
        "payment_intent.processing",
        "invoice.updated",
    ],
    "single_bill_fails": [
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
    ],
    "renewal_without_card": [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ],
    "zero_invoice_paid": [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "invoice.updated",
        "invoice.paid",
    ],
    "purchase": [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ],
    "purchase_fails": ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"],
    "purchase_authorised": [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
        "checkout.session.completed",
    ],
    "refund_full": ["refund.created", "charge.refunded", "refund.updated"],
    "refund_two_parts": ["refund.created", "charge.refunded", "refund.updated"] * 2,
    "dispute_opened": ["charge.dispute.created", "charge.dispute.funds_withdrawn"],
    "review_opened": ["review.opened"],
    "early_fraud_warning": ["radar.early_fraud_warning.created"],
    "charge_blocked": ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"],
    "trial_will_end": ["customer.subscription.trial_will_end"],
    "card_expiring": ["payment_method.updated"],
    "plan_changed": ["customer.subscription.updated"],
    "invoice_upcoming": ["invoice.upcoming"],
    "phone_changed": ["customer.updated"],
    "renewal_due": [],
}
THEN = [
    (
        "renewal_card_expired",
        "last_attempt_fails",
        ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"],
    ),
    (
        "renewal_fails",
        "retry_fails",
        ["charge.failed", "payment_intent.payment_failed", "invoice.updated", "invoice.payment_failed"],
    ),
    (
        "renewal_fails",
        "customer_pays",
        [
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
            "customer.subscription.updated",
        ],
    ),
    (
        "renewal_by_bank_debit",
        "bank_debit_arrives",
        [
            "charge.succeeded",
            "payment_intent.succeeded",
            "invoice_payment.paid",
            "invoice.updated",
            "invoice.paid",
            "invoice.payment_succeeded",
        ],
    ),
    ("renewal_fails", "invoice_voided", ["payment_intent.canceled", "invoice.updated", "invoice.voided"]),
    ("renewal_fails", "invoice_uncollectible", ["invoice.updated", "invoice.marked_uncollectible"]),
    ("renewal_fails", "subscription_ends", ["customer.subscription.deleted"]),
    (
        "purchase_fails",
        "buyer_succeeds",
        ["charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"],
    ),
    ("purchase_authorised", "purchase_captured", ["charge.captured", "payment_intent.succeeded"]),
    ("purchase_authorised", "authorisation_cancelled", ["charge.refunded", "payment_intent.canceled"]),
    ("purchase_authorised", "authorisation_expires", ["charge.expired", "payment_intent.canceled"]),
    ("card_expiring", "card_updated", ["payment_method.automatically_updated"]),
    ("refund_full", "refund_fails", ["refund.updated", "refund.failed", "charge.refund.updated"]),
    ("review_opened", "review_closed", ["review.closed"]),
    ("review_opened", "refund_full", ["refund.created", "charge.refunded", "review.closed", "refund.updated"]),
    ("dispute_opened", "dispute_closed", ["charge.dispute.closed"]),
    ("phone_changed", "customer_deleted", ["customer.deleted"]),
]


def types(told: Told) -> list[str]:
    return [event.type for event in told.events]


@pytest.mark.parametrize(("name", "sent"), SENT.items())
def test_a_story_sends_what_stripe_sends(name: str, sent: list[str]) -> None:
    assert types(tell(name)) == sent


@pytest.mark.parametrize(("name", "then", "sent"), THEN)
def test_what_follows_sends_what_stripe_sends(name: str, then: str, sent: list[str]) -> None:
    assert types(tell(name).then(then, after=60)) == sent


@pytest.mark.parametrize("name", BEGINNINGS)
def test_every_follow_up_of_a_story_can_be_played_after_it(name: str) -> None:
    for follow_up in STORIES[name].follow_ups:
        tell(name).then(follow_up, after=60)


@pytest.mark.parametrize("name", [story.name for story in STORIES.values() if story.follows])
def test_a_follow_up_without_its_beginning_says_what_is_missing(name: str) -> None:
    with pytest.raises(StoryError, match="play a story first"):
        tell(name)


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("name", ["renewal_fails", "renewal_paid", "purchase", "first_payment"])
def test_a_story_can_happen_to_everybody(name: str, person: str) -> None:
    told = tell(name, customer=person)
    customer = told.world.need(told.ids["customer"])
    assert (customer["name"], customer["phone"]) == (PEOPLE[person].name, PEOPLE[person].phone)


def test_the_default_customer_can_be_texted() -> None:
    customer = tell("renewal_fails").world.newest("customer")[0]
    assert (customer["name"], customer["phone"], customer["address"]["city"]) == (
        "Ana Lopez",
        "+1 415 555 2671",
        "New York",
    )


@pytest.mark.parametrize("decline_code", DECLINES)
def test_the_reason_of_the_decline_stands_where_stripe_writes_it(decline_code: str) -> None:
    told = tell("purchase_fails", decline_code=decline_code)
    intent, charge = told.world.need(told.ids["payment_intent"]), told.world.need(told.ids["charge"])
    assert intent["last_payment_error"]["decline_code"] == charge["outcome"]["reason"] == decline_code
    assert intent["last_payment_error"]["code"] == charge["failure_code"] == DECLINES[decline_code].code
    assert intent["last_payment_error"]["charge"] == charge["id"] == intent["latest_charge"]


def test_a_payment_that_needs_confirmation_asks_for_it() -> None:
    told = tell("renewal_fails", decline_code="authentication_required")
    assert {"payment_intent.requires_action", "invoice.payment_action_required"} <= set(types(told))
    assert told.world.need(told.ids["payment_intent"])["status"] == "requires_action"


def test_each_retry_counts_and_the_last_announces_no_other() -> None:
    told = tell("renewal_fails")
    seen = []
    for _ in range(4):
        invoice = told.world.need(told.ids["invoice"])
        seen.append((invoice["attempt_count"], invoice["next_payment_attempt"] is not None, invoice["id"]))
        if len(seen) < 4:
            told = told.then("retry_fails", after=3 * 86_400)
    identity = told.ids["invoice"]
    assert seen == [(1, True, identity), (2, True, identity), (3, True, identity), (4, False, identity)]


def test_a_failed_renewal_makes_the_subscription_past_due_and_payment_makes_it_active() -> None:
    told = tell("renewal_fails")
    assert told.world.need(told.ids["subscription"])["status"] == "past_due"
    told.then("customer_pays", new_card=True)
    assert told.world.need(told.ids["subscription"])["status"] == "active"
    invoice = told.world.need(told.ids["invoice"])
    assert (invoice["status"], invoice["amount_remaining"], invoice["amount_paid"]) == (
        "paid",
        0,
        invoice["amount_due"],
    )


def test_a_bill_names_the_period_that_ended_and_its_lines_the_one_that_begins() -> None:
    told = tell("renewal_fails", now=1_798_718_400)  # 31 December 2026, noon UTC
    invoice = told.world.need(told.ids["invoice"])
    line = invoice["lines"]["data"][0]["period"]
    november, december, january = 1_796_040_000, 1_798_718_400, 1_801_396_800  # the 30th, the 31st, the 31st
    assert (invoice["period_start"], invoice["period_end"]) == (november, december)
    assert (line["start"], line["end"]) == (december, january)


def test_the_next_renewal_of_a_customer_is_another_bill_of_the_same_subscription() -> None:
    first = tell("renewal_paid")
    second = first.then("renewal_fails", after=30 * 86_400)
    assert second.ids["subscription"] == first.ids["subscription"]
    assert second.ids["invoice"] != first.ids["invoice"]


def test_two_partial_refunds_are_two_refunds_and_the_charge_has_their_sum() -> None:
    told = tell("refund_two_parts", first=1_000, second=500)
    one, two = told.world.need(told.ids["refund"]), told.world.need(told.ids["refund_2"])
    charge = told.world.need(told.ids["charge"])
    assert (one["amount"], two["amount"], charge["amount_refunded"], charge["refunded"]) == (1_000, 500, 1_500, False)
    sums = [event.subject.newest["amount_refunded"] for event in told.events if event.type == "charge.refunded"]
    assert sums == [1_000, 1_500]


def test_refunds_beyond_the_charge_are_refused() -> None:
    with pytest.raises(StoryError, match="at most"):
        tell("refund_two_parts", first=8_000, second=8_000)


def test_a_failed_refund_is_taken_off_the_charge_again() -> None:
    told = tell("refund_full").then("refund_fails")
    assert told.world.need(told.ids["refund"])["failure_reason"] == "expired_or_canceled_card"
    assert told.world.need(told.ids["charge"])["amount_refunded"] == 0


def test_money_put_aside_is_not_taken() -> None:
    told = tell("purchase_authorised")
    charge, intent = told.world.need(told.ids["charge"]), told.world.need(told.ids["payment_intent"])
    assert (charge["captured"], charge["amount_captured"], intent["amount_received"]) == (False, 0, 0)
    assert charge["payment_method_details"]["card"]["capture_before"] > told.clock.now
    told.then("purchase_captured", amount=5_000)
    assert (charge["captured"], charge["amount_captured"], intent["amount_received"]) == (True, 5_000, 5_000)


def test_a_bill_of_zero_has_no_payment() -> None:
    told = tell("zero_invoice_paid")
    assert told.world.payments_of(told.ids["invoice"]) == []
    assert told.world.newest("charge") == []


def test_a_payment_of_radar_is_blocked_before_the_bank_sees_it() -> None:
    told = tell("charge_blocked", reason="rule")
    outcome = told.world.need(told.ids["charge"])["outcome"]
    assert (outcome["type"], outcome["reason"], outcome["network_status"]) == ("blocked", "rule", "not_sent_to_network")


def test_a_customer_can_have_another_name_number_and_language() -> None:
    told = tell("renewal_fails", name="Kai", phone="", locale="ja-JP")
    customer = told.world.need(told.ids["customer"])
    assert (customer["name"], customer["phone"], customer["preferred_locales"]) == ("Kai", None, ["ja-JP"])
    assert told.world.need(told.ids["invoice"])["customer_phone"] is None


def test_a_guest_is_no_customer() -> None:
    told = tell("purchase", guest=True, phone="+49 171 3920012")
    assert "customer" not in told.ids
    assert told.world.need(told.ids["charge"])["billing_details"]["phone"] == "+49 171 3920012"


def test_what_the_buyer_saw_stands_beside_what_is_settled() -> None:
    told = tell("purchase", presentment_currency="EUR", presentment_amount=8_100)
    seen = {"presentment_amount": 8_100, "presentment_currency": "eur"}
    for kind in ("payment_intent", "charge", "checkout_session"):
        assert told.world.need(told.ids[kind])["presentment_details"] == seen
    assert told.world.need(told.ids["charge"])["currency"] == "usd"


def test_metadata_stands_where_rules_look_for_it() -> None:
    bought = tell("purchase", payment_metadata={"rep": "kim"})
    assert bought.world.need(bought.ids["charge"])["metadata"] == {"rep": "kim"}
    renewed = tell("renewal_fails", subscription_metadata={"tier": "gold"}, metadata={"notify_phone": "+14155552671"})
    invoice = renewed.world.need(renewed.ids["invoice"])
    assert invoice["parent"]["subscription_details"]["metadata"] == {"tier": "gold"}
    assert renewed.world.need(renewed.ids["customer"])["metadata"] == {"notify_phone": "+14155552671"}


def test_an_old_endpoint_is_sent_no_event_younger_than_itself() -> None:
    told = tell("renewal_paid")
    assert "invoice_payment.paid" in {found["type"] for found in told.envelopes()}
    assert "invoice_payment.paid" not in {found["type"] for found in told.envelopes("2025-02-24.acacia")}


@pytest.mark.parametrize(("currency", "step"), [("jpy", 1), ("kwd", 10), ("isk", 100), ("usd", 1)])
def test_amounts_are_ones_that_stripe_takes(currency: str, step: int) -> None:
    told = tell("renewal_fails", currency=currency)
    invoice = told.world.need(told.ids["invoice"])
    assert invoice["currency"] == currency
    assert invoice["amount_due"] % step == 0
    assert invoice["amount_due"] > 0


def test_a_changed_number_is_told_with_the_old_one() -> None:
    (envelope,) = tell("phone_changed", new_phone="+1 212 555 0147").envelopes()
    assert envelope["data"]["previous_attributes"] == {"phone": "+1 415 555 2671"}
    assert envelope["data"]["object"]["phone"] == "+1 212 555 0147"


def test_one_seed_gives_the_same_ids_in_every_account_and_mode() -> None:
    one, two = (
        tell("renewal_fails", seed=5),
        tell("renewal_fails", seed=5, account="acct_1OtherOtherOther", livemode=True),
    )
    assert one.ids == two.ids
    assert [event.id for event in one.events] == [event.id for event in two.events]
    assert one.envelopes()[0]["livemode"] is False
    assert two.envelopes(connected=True)[0]["account"] == "acct_1OtherOtherOther"


def test_another_seed_gives_another_customer_with_the_same_number() -> None:
    one, two = tell("renewal_fails", seed=5), tell("renewal_fails", seed=6)
    assert one.ids["customer"] != two.ids["customer"]
    phones = {told.world.need(told.ids["customer"])["phone"] for told in (one, two)}
    assert phones == {"+1 415 555 2671"}


def test_events_happen_in_business_time() -> None:
    told = tell("renewal_fails", now=1_800_000_000).then("customer_pays", after=3_600)
    assert {envelope["created"] for envelope in told.envelopes()} == {1_800_003_600}


def test_what_stripe_does_by_itself_has_no_request() -> None:
    told = tell("renewal_fails")
    assert {envelope["request"]["id"] for envelope in told.envelopes()} == {None}
    assert None not in {envelope["request"]["id"] for envelope in told.then("customer_pays").envelopes()}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"colour": "red"}, "has no parameter 'colour'"),
        ({"decline_code": "hungry"}, "decline_code must be one of insufficient_funds"),
        ({"amount": "12"}, "amount must be a number"),
        ({"amount": -5}, "amount must be from 1 to 99999999"),
        ({"amount": 0}, "amount must be from 1"),
        ({"amount": 100_000_000}, "amount must be from 1 to 99999999"),
        ({"metadata": dict.fromkeys(map(str, range(51)), "x")}, "up to 50 keys"),
        ({"metadata": {"a": "x" * 501}}, "values can have up to 500"),
        ({"customer": "cus_nobody"}, "there is no customer cus_nobody"),
        ({"new_customer": "yes"}, "new_customer must be a switch"),
    ],
)
def test_a_wrong_wish_says_what_is_wrong(given: dict[str, Any], says: str) -> None:
    with pytest.raises(StoryError, match=says):
        tell("renewal_fails", **given)


def test_all_that_is_wrong_with_a_wish_is_said_at_once() -> None:
    with pytest.raises(StoryError, match=r"colour.*amount"):
        tell("renewal_fails", colour="red", amount="12")


def test_after_the_last_try_stripe_plans_no_other_and_after_those_before_it_does() -> None:
    told = tell("renewal_needs_confirmation")
    invoice = told.world.need(told.ids["invoice"])
    assert (invoice["attempt_count"], invoice["next_payment_attempt"] is None) == (1, False)
    assert "invoice.payment_action_required" in types(told)
    told.then("last_attempt_fails", after=60)
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (4, None)
