"""Purchase confirmations, the welcome, and what sales hears: from Stripe's event to the phone."""

import pytest

from paybell_sandbox.stripe import STRIPE
from paybell_sandbox.twilio.network import NETWORK
from tests.e2e.flows.orders import posted_in_some_order
from tests.e2e.pair import ACACIA, ENDIVE, Pair, phone

MINUTE = 60


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_a_purchase_is_confirmed_once_with_what_was_bought_the_sum_and_the_day(pair: Pair, version: str) -> None:
    to = phone()
    _, events = pair.play("purchase", version=version, phone=to, amount=8900)
    await pair.post_all(events)
    await pair.quiet()
    [text] = pair.texts(to)
    assert "thank you for your purchase of " in text
    assert "We received $89.00 on " in text


async def test_a_renewal_is_confirmed_with_its_product_and_bill(pair: Pair) -> None:
    to = phone()
    _, events = pair.play("renewal_paid", phone=to)
    await pair.post_all(events)
    await pair.quiet()
    [text] = pair.texts(to)
    bill = next(event["data"]["object"] for event in events if event["type"] == "invoice.paid")
    assert f"bill {bill['number']}" in text
    assert " (at " not in text  # Stripe's own line says "1 × Pro (at $49.00 / month)"


async def test_what_the_buyer_saw_is_what_the_text_says(pair: Pair) -> None:
    to = phone()
    _, events = pair.play("purchase", phone=to, amount=10_000, presentment_currency="eur", presentment_amount=9300)
    await pair.post_all(events)
    await pair.quiet()
    [text] = pair.texts(to)
    assert "93.00" in text
    assert "100.00" not in text


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
@pytest.mark.parametrize("story", ["renewal_paid", "renewal_fails"])
async def test_a_bill_is_told_in_the_currency_its_buyer_saw_though_only_its_payment_knows_it(
    pair: Pair, story: str, version: str
) -> None:
    to = phone()
    seen = {"presentment_currency": "eur", "presentment_amount": 9300}
    _, events = pair.play(story, version=version, phone=to, amount=10_000, **seen)
    subscribed = [event for event in events if event["type"].startswith("customer.subscription.")]
    await pair.post_all(subscribed)  # Stripe told of it long ago; of a bill that is paid no event says what was shown
    await pair.quiet()
    await pair.post_all(events)
    await pair.quiet()
    [text] = pair.texts(to)
    assert "93.00" in text
    assert "100.00" not in text


async def test_a_purchase_whose_items_stripe_does_not_tell_is_confirmed_without_them(pair: Pair) -> None:
    to = phone()
    rule = {"side": "stripe", "operation": "checkout.sessions.line_items", "act": "500"}
    pair.box.sandbox.faults.replace([rule])
    _, events = pair.play("purchase", phone=to)
    await pair.post_all(events)
    await pair.quiet()
    [text] = pair.texts(to)
    assert "thank you for your purchase. We received" in text


async def test_a_new_customer_is_welcomed_ten_minutes_later_and_never_again(pair: Pair) -> None:
    to = phone()
    ids, events = pair.play("first_payment", phone=to)
    await pair.post_all(events)
    await pair.quiet()
    assert len(pair.texts(to)) == 1
    await pair.advance(11 * MINUTE)
    await pair.quiet()
    receipt, welcome = pair.texts(to)
    assert "we received $49.00 for Studio Pro" in receipt
    assert "renewed" not in receipt
    assert "welcome! Your subscription" in welcome
    _, again = pair.play("renewal_paid", customer=ids["customer"])
    await pair.post_all(again)
    await pair.advance(11 * MINUTE)
    await pair.quiet()
    assert [text for text in pair.texts(to) if "welcome" in text] == [welcome]


async def test_a_customer_who_paid_before_we_came_is_not_welcomed(pair: Pair) -> None:
    to = phone()
    ids, _ = pair.play("first_payment", phone=to)  # nobody told us of it
    _, events = pair.play("renewal_paid", customer=ids["customer"])
    await pair.post_all(events)
    await pair.advance(11 * MINUTE)
    await pair.quiet()
    [receipt] = pair.texts(to)
    assert "welcome" not in receipt
    story = await pair.story(object=ids["customer"])
    assert any("an earlier one stands at Stripe" in line["sentence"] for line in story["lines"])


async def test_the_welcome_costs_one_question_a_customer(pair: Pair) -> None:
    ids, events = pair.play("first_payment", phone=phone())
    await pair.post_all(events)
    _, again = pair.play("renewal_paid", customer=ids["customer"])
    await pair.post_all(again)
    await pair.advance(11 * MINUTE)
    await pair.quiet()
    asked = [call for call in pair.box.app[STRIPE].api.log.found(method="GET") if call["path"] == "/v1/charges"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("amount", "currency", "hears"),
    [
        (500_000, "usd", True),
        (499_999, "usd", False),
        (750_000, "jpy", True),
        (749_999, "jpy", False),
        (9_000_000, "chf", False),
    ],
)
async def test_sales_hears_of_a_payment_above_the_limit_of_its_currency(
    pair: Pair, sales: str, amount: int, currency: str, hears: bool
) -> None:
    to = phone()
    _, events = pair.play("purchase", phone=to, amount=amount, currency=currency, name="Ana Lopez")
    await pair.post_all(events)
    await pair.quiet()
    assert len(pair.texts(to)) == 1
    told = pair.texts(sales)
    assert len(told) == (1 if hears else 0)
    if hears:
        assert "came in from Ana Lopez" in told[0]
        assert "STOP" not in told[0]


async def test_sales_hears_of_a_large_bill_that_is_paid_after_a_confirmation_and_the_customer_reads_what_was_paid(
    pair: Pair, sales: str
) -> None:
    to = phone()
    ids, events = pair.play("renewal_needs_confirmation", phone=to, amount=1_000_000)
    await pair.post_all(events)
    await pair.quiet()
    assert pair.texts(sales) == []
    _, paid = pair.play("customer_pays", invoice=ids["invoice"])
    await pair.post_all(paid)
    await pair.quiet()
    bill = next(event["data"]["object"] for event in paid if event["type"] == "invoice.paid")
    [asked] = pair.texts(sales)
    assert "$10,000.00 came in" in asked
    assert f"({bill['number']})" in asked
    [_, thanks] = pair.texts(to)
    assert "payment of $10,000.00 for Studio Pro has arrived" in thanks
    assert f"due on bill {bill['number']}." in thanks


async def test_a_bank_debit_that_took_days_reads_as_a_renewal(pair: Pair) -> None:
    to = phone()
    ids, events = pair.play("renewal_by_bank_debit", phone=to)
    await pair.post_all(events)
    await pair.quiet()
    assert pair.texts(to) == []
    five_days = 5 * 86_400
    pair.box.sandbox.clock.offset += five_days
    await pair.advance(five_days)
    _, paid = pair.play("bank_debit_arrives", invoice=ids["invoice"])
    await pair.post_all(paid)
    await pair.quiet()
    [receipt] = pair.texts(to)
    assert "your subscription Studio Pro is renewed" in receipt


NEWCOMERS, GUESTS = 500, 60


@pytest.mark.timeout(400)
async def test_in_500_orders_with_repeats_payment_refund_and_welcome_are_one_text_each(pair: Pair) -> None:
    expected: dict[str, list[str]] = {}
    matters = []
    for number in range(NEWCOMERS + GUESTS):
        to, guest = phone(), number >= NEWCOMERS
        story = "purchase" if guest or number % 5 else "first_payment"
        whom = {"guest": True} if guest else {"new_customer": True}
        version = (ACACIA, ENDIVE)[number // 2 % 2]
        ids, paid = pair.play(story, version=version, phone=to, **whom)
        _, back = pair.play("refund_full" if guest else "refund_two_parts", version=version, charge=ids["charge"])
        matters.append(
            [*paid, *(back if guest else back[:3])]
        )  # a part; whoever was given everything back is not welcomed
        welcome = "thank you for your first purchase of" if story == "purchase" else "welcome! Your subscription"
        expected[to] = ["refund", "received", *([] if guest else [welcome])]
    await posted_in_some_order(pair, matters, seed=7)
    await pair.quiet(300)
    await pair.advance(11 * MINUTE)
    await pair.quiet(300)
    words = ("refund", "received", "thank you for your first purchase of", "welcome! Your subscription")
    told: dict[str, list[str]] = {to: [] for to in expected}
    for one in pair.box.app[NETWORK].judged():
        told[one["to"]].append(next((word for word in words if word in one["body"]), one["body"]))
    assert {to: sorted(texts) for to, texts in told.items()} == {to: sorted(texts) for to, texts in expected.items()}


async def test_who_is_given_everything_back_within_the_ten_minutes_is_not_welcomed(pair: Pair) -> None:
    to = phone()
    ids, events = pair.play("first_payment", phone=to)
    await pair.post_all(events)
    await pair.quiet()
    await pair.advance(5 * MINUTE)
    await pair.quiet()
    _, back = pair.play("refund_full", charge=ids["charge"])
    await pair.post_all(back)
    await pair.quiet()
    await pair.advance(6 * MINUTE)
    await pair.quiet()
    assert [text for text in pair.texts(to) if "welcome" in text] == []
    assert len(pair.texts(to)) == 2
