"""One message per fact, whatever Stripe repeats and in whatever order; and what is different stays different.

Everything is counted at the sandbox's list of messages, never in our own tables.
"""

import asyncio
import itertools
import random
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from paybell_sandbox.stripe import STRIPE
from tests.e2e.pair import ACACIA, ENDIVE, Pair, accounts_files, phone, running_pair, until

DAY = 86_400
FIVE = (
    "charge.failed",
    "payment_intent.payment_failed",
    "invoice.payment_failed",
    "invoice.updated",
    "customer.subscription.updated",
)
"""The events that tell of one failed renewal together."""


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases."""
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_the_events_of_a_failed_renewal_posted_fifty_times_at_once_are_one_text(pair: Pair, version: str) -> None:
    to = phone()
    _, events = pair.play("renewal_fails", version=version, phone=to)
    answers = await asyncio.gather(*(pair.post(event) for event in events * 50))
    assert set(answers) == {200}
    await pair.quiet()
    [text] = pair.texts(to)
    assert "could not renew your subscription ($49.00" in text


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_in_each_of_the_120_orders_with_repeats_it_is_one_text(pair: Pair, version: str) -> None:
    chance = random.Random(version)
    people = {}
    for order in itertools.permutations(range(5)):
        to = phone()
        _, told = pair.play("renewal_fails", version=version, phone=to)
        five = [next(event for event in told if event["type"] == kind) for kind in FIVE]
        events = [five[index] for index in order]
        events.insert(chance.randrange(6), chance.choice(five))
        people[to] = events
    gate = asyncio.Semaphore(12)

    async def one(events: list[dict[str, object]]) -> None:
        async with gate:
            await pair.post_all(events, as_given=True)

    await asyncio.gather(*(one(events) for events in people.values()))
    await pair.quiet(120)
    assert {to: len(pair.texts(to)) for to in people} == dict.fromkeys(people, 1)


async def test_what_the_sandbox_posts_comes_twice_and_mixed_up_and_is_one_text(
    ingest_database_url: str, notify_database_url: str
) -> None:
    people = [phone() for _ in range(10)]
    async with running_pair(ingest_database_url, notify_database_url, posted_by_sandbox=True) as pair:
        for to in people:
            pair.play("renewal_fails", phone=to)
        deliveries = pair.box.app[STRIPE].deliveries
        await deliveries.until_delivered()
        records = deliveries.records()[::-1]
        assert {len(record.attempts) for record in records} == {2}
        arrivals = [record.attempts[0].at for record in records]
        assert arrivals != sorted(arrivals)
        await pair.quiet()
        assert {to: len(pair.texts(to)) for to in people} == dict.fromkeys(people, 1)


async def test_two_partial_refunds_of_one_charge_are_two_texts_with_their_own_amounts(pair: Pair) -> None:
    to = phone()
    ids, bought = pair.play("purchase", phone=to)
    _, refunded = pair.play("refund_two_parts", charge=ids["charge"])
    await pair.post_all([*bought, *refunded, *refunded])
    await pair.quiet()
    amounts = [re.search(r"refunded \$(\d+\.\d\d)", text) for text in pair.texts(to)]
    assert sorted(found.group(1) for found in amounts if found) == ["17.80", "26.70"]


async def test_two_customers_with_one_number_get_one_text_each(pair: Pair) -> None:
    to = phone()
    for name in ("Ana Lopez", "Ben Lopez"):
        _, events = pair.play("renewal_fails", phone=to, name=name)
        await pair.post_all(events)
    await pair.quiet()
    assert len(pair.texts(to)) == 2


async def test_the_same_ids_in_two_accounts_and_in_test_and_live_are_three_texts(
    ingest_database_url: str, notify_database_url: str, tmp_path: Path
) -> None:
    ingest_file, notify_file = accounts_files(tmp_path)
    to = phone()
    async with running_pair(
        ingest_database_url,
        notify_database_url,
        ingest={"ingest_accounts_file": ingest_file},
        notify={"notify_accounts_file": notify_file},
    ) as pair:
        same: list[set[str]] = []
        for path, whose in (
            ("", {}),
            ("/live", {"livemode": True}),
            ("/connected", {"account": "acct_1Connected0001"}),
        ):
            _, events = pair.play("renewal_fails", phone=to, seed="same", **whose)
            same.append({event["id"] for event in events})
            await pair.post_all(events, path=path)
        await pair.quiet()
        assert same[0] == same[1] == same[2]
        assert sorted(text.split(":")[0] for text in pair.texts(to)) == ["Acme connected", "Acme live", "Acme main"]


async def test_a_second_retry_joins_the_open_plan_the_reminder_comes_once_and_payment_ends_it(pair: Pair) -> None:
    to = phone()
    ids, failed = pair.play("renewal_fails", phone=to, decline_code="expired_card")
    await pair.post_all(failed)
    await pair.quiet()
    _, again = pair.play("retry_fails", invoice=ids["invoice"], decline_code="expired_card")
    await pair.post_all(again)
    await pair.quiet()
    assert len(pair.texts(to)) == 1
    await pair.advance(3 * DAY + 60)
    await pair.quiet()
    assert len(pair.texts(to)) == 2
    _, paid = pair.play("customer_pays", invoice=ids["invoice"])
    await pair.post_all([event | {"created": event["created"] + pair.offset} for event in paid])
    await pair.quiet()
    assert "has arrived" in pair.texts(to)[-1]
    await pair.advance(10 * DAY)
    await pair.quiet()
    assert len(pair.texts(to)) == 3


async def test_a_reminder_is_not_sent_when_stripe_says_that_the_bill_is_paid(pair: Pair) -> None:
    to = phone()
    ids, failed = pair.play("renewal_fails", phone=to)
    await pair.post_all(failed)
    await pair.quiet()
    pair.play("customer_pays", invoice=ids["invoice"])  # and none of its events ever reaches us
    await pair.advance(3 * DAY + 60)
    await pair.quiet()
    assert len(pair.texts(to)) == 1


async def test_a_one_off_failure_that_the_buyer_mends_is_never_spoken_of(pair: Pair) -> None:
    to = phone()
    ids, failed = pair.play("purchase_fails", phone=to)
    _, mended = pair.play("buyer_succeeds", payment_intent=ids["payment_intent"])
    await pair.post_all([*failed, *mended])
    await pair.quiet()
    [text] = pair.texts(to)
    assert "thank you for your purchase" in text


async def test_what_is_not_captured_or_zero_is_never_said_to_be_paid(pair: Pair) -> None:
    authorised, nothing = phone(), phone()
    ids, events = pair.play("purchase_authorised", phone=authorised)
    _, zero = pair.play("zero_invoice_paid", phone=nothing)
    await pair.post_all([*events, *zero])
    await pair.quiet()
    assert pair.texts(authorised) == pair.texts(nothing) == []
    _, captured = pair.play("purchase_captured", payment_intent=ids["payment_intent"])
    await pair.post_all(captured)
    await pair.quiet()
    assert len(pair.texts(authorised)) == 1


async def test_a_customer_without_a_usable_number_is_suppressed_visibly_and_counted(pair: Pair) -> None:
    ids, events = pair.play("customer_with_unusable_phone")
    await pair.post_all(events)
    await pair.quiet()
    assert pair.texts() == []
    told = await pair.story(object=ids["invoice"])
    [first, *_] = told["plans"][0]["steps"]
    assert (first["state"], first["reason"]) == ("suppressed", "no_usable_number")
    assert 'state="suppressed"' in await pair.metrics()


@pytest.mark.timeout(180)
async def test_with_repeats_reordering_and_a_faulty_twilio_each_customer_still_gets_one_text(pair: Pair) -> None:
    pair.box.sandbox.faults.replace([
        {"side": "twilio", "operation": "messages.create", "act": "500_after", "probability": 0.2},
        {"side": "twilio", "operation": "messages.create", "act": "reset_after", "probability": 0.1},
        {"side": "twilio", "operation": "messages.create", "act": "503", "probability": 0.1},
        {"side": "twilio", "operation": "messages.create", "act": "429", "probability": 0.1},
        {"side": "twilio", "operation": "messages.list", "act": "lag", "seconds": 30},
        {"side": "twilio", "operation": "callback", "act": "lose", "probability": 0.4},
    ])  # fmt: skip
    chance = random.Random(5)
    people, events = [], []
    for _ in range(40):
        people.append(phone())
        _, told = pair.play("renewal_fails", phone=people[-1])
        events += told * 2
    chance.shuffle(events)
    assert set(await asyncio.gather(*(pair.post(event) for event in events))) == {200}
    await pair.quiet(150)
    assert {to: len(pair.texts(to)) for to in people} == dict.fromkeys(people, 1)


async def test_without_webhooks_the_same_texts_arrive_by_polling(
    ingest_database_url: str, notify_database_url: str
) -> None:
    async with running_pair(ingest_database_url, notify_database_url, webhooks=False) as pair:
        people = [phone() for _ in range(5)]
        for to in people:
            pair.play("renewal_fails", phone=to)

        async def all_there() -> bool:
            return all(pair.texts(to) for to in people)

        await until(all_there, 40)
        await pair.quiet()
        assert {to: len(pair.texts(to)) for to in people} == dict.fromkeys(people, 1)
