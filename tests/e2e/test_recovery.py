"""A failed payment, whole: from Stripe's event to the phone, through the link to paid, over days, and whatever ends it on the way."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from notify_service.database import shipped
from paybell_sandbox.stripe import STRIPE
from tests.e2e.pair import ACACIA, ENDIVE, Pair, free_port, phone, running_pair, until

DAY = 86_400
LINK = re.compile(r"http://127\.0\.0\.1:\d+/l/[A-Za-z0-9_-]{22}")
ENDS = ("customer_pays", "invoice_voided", "invoice_uncollectible", "subscription_ends")


@pytest.fixture
async def pair(ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Pair]:
    """Both services on fresh databases."""
    async with running_pair(ingest_database_url, notify_database_url) as running:
        yield running


def dunning(pair: Pair, to: str) -> list[str]:
    """What this phone was told of an unpaid bill."""
    return [text for text in pair.texts(to) if "has arrived" not in text]


def link_in(text: str) -> str:
    """The payment link of a text."""
    [found] = LINK.findall(text)
    return str(found)


async def page(pair: Pair, url: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, page and where it leads."""
    async with pair.http.request(method, url, allow_redirects=False) as answer:
        return answer.status, await answer.text(), answer.headers.get("Location", "")


async def later(pair: Pair, days: float) -> None:
    """Business time passes, at Stripe too."""
    seconds = int(days * DAY)
    pair.box.sandbox.clock.offset += seconds
    await pair.advance(seconds)
    await pair.quiet()


async def told(pair: Pair, to: str, texts: int) -> None:
    """Waits until this phone has so many texts, and nothing is under way."""

    async def there() -> bool:
        return len(pair.texts(to)) >= texts

    await until(there, 30)
    await pair.quiet()


async def test_a_text_leads_through_its_link_to_paid_and_the_ladder_ends(
    ingest_database_url: str, notify_database_url: str
) -> None:
    listen = {"listen": f"127.0.0.1:{free_port()}"}
    async with running_pair(
        ingest_database_url,
        notify_database_url,
        sandbox=listen,
        posted_by_sandbox=True,
        ingest={"ingest_brand": "Acme"},
    ) as pair:
        to = phone()
        pair.play("renewal_card_expired", phone=to)
        await told(pair, to, 1)
        [text] = pair.texts(to)
        assert "your payment of $49.00 did not go through: a new card is needed" in text
        link = link_in(text)
        calls = pair.box.app[STRIPE].api.log.found
        before = len(calls())
        for _ in range(3):  # previewers
            status, shown, _ = await page(pair, link)
            assert (status, "49.00" in shown, "Acme" in shown, "Pay now" in shown) == (200, True, True, True)
        assert len(calls()) == before
        status, _, hosted = await page(pair, link, "POST")
        assert (status, hosted.startswith(f"http://{listen['listen']}/stripe/hosted/i/")) == (303, True)
        assert [call["method"] for call in calls()[before:]] == ["GET"]
        assert (await page(pair, hosted, "POST"))[0] == 200  # pressing pay there
        await told(pair, to, 2)
        assert "has arrived" in pair.texts(to)[-1]
        before = len(calls())
        for method in ("GET", "POST"):
            status, shown, _ = await page(pair, link, method)
            assert (status, "Already paid, thank you" in shown) == (200, True)
        assert len(calls()) == before
        await later(pair, 8)
        assert len(pair.texts(to)) == 2
        assert (await page(pair, link))[0] == 410
        metrics = await pair.metrics()
        assert 'ingest_payment_links_total{account_id="main",answer="opened",method="POST"} 1.0' in metrics
        assert link.rpartition("/")[2] not in metrics


async def test_a_purchase_that_failed_goes_back_to_its_checkout_and_is_settled_by_it(
    ingest_database_url: str, notify_database_url: str
) -> None:
    listen = {"listen": f"127.0.0.1:{free_port()}"}
    async with running_pair(ingest_database_url, notify_database_url, sandbox=listen, posted_by_sandbox=True) as pair:
        to = phone()
        pair.play("purchase_fails", phone=to)
        await told(pair, to, 1)
        [text] = pair.texts(to)
        assert "was declined and nothing was charged" in text
        status, _, checkout = await page(pair, link_in(text), "POST")
        assert (status, "/stripe/hosted/c/" in checkout) == (303, True)
        assert (await page(pair, checkout, "POST"))[0] == 200
        await told(pair, to, 2)
        assert "Already paid, thank you" in (await page(pair, link_in(text)))[1]


async def test_nothing_happens_for_a_week_at_once_after_three_days_and_after_seven_and_then_no_more(pair: Pair) -> None:
    to = phone()
    _, failed = pair.play("renewal_card_expired", phone=to)
    await pair.post_all(failed)
    await pair.quiet()
    counts = [len(pair.texts(to))]
    for days in (2.9, 0.2, 3.8, 0.2, 30):
        await later(pair, days)
        counts.append(len(pair.texts(to)))
    assert counts == [1, 1, 2, 2, 3, 3]  # nobody agreed to calls: the third is a text too
    links = [link_in(text) for text in pair.texts(to)]
    assert len(set(links)) == 3
    assert [(await page(pair, link))[0] for link in links] == [410, 410, 410]


async def test_after_seven_days_who_agreed_to_calls_is_called_instead(
    ingest_database_url: str, notify_database_url: str, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(shipped("policy.yaml").read_text().replace("transactional: opt_in", "transactional: allowed", 1))
    async with running_pair(ingest_database_url, notify_database_url, notify={"notify_policy_file": policy}) as pair:
        to = phone()
        _, failed = pair.play("renewal_card_expired", phone=to)
        await pair.post_all(failed)
        await pair.quiet()
        await later(pair, 3.1)
        assert len(pair.texts(to)) == 2
        await later(pair, 4)
        channels = await pair.notify_pool.fetch(
            "SELECT channel, count(*) FROM attempt WHERE account_id = 'main' GROUP BY 1"
        )
        assert {row["channel"]: row["count"] for row in channels} == {"sms": 2, "voice": 1}


@pytest.mark.timeout(180)
async def test_whatever_ends_the_bill_ends_the_ladder_before_it_began_and_on_each_of_its_rungs(pair: Pair) -> None:
    people: dict[tuple[str, str, int], tuple[str, dict[str, str]]] = {}

    async def end(rung: int) -> None:
        for (version, story, when), (_, ids) in people.items():
            if when == rung:
                which = "subscription" if story == "subscription_ends" else "invoice"
                _, ended = pair.play(story, version=version, **{which: ids[which]})
                await pair.post_all(ended)
        await pair.quiet()

    for version in (ACACIA, ENDIVE):
        for story in ENDS:
            for rung in range(4):
                to = phone()
                ids, failed = pair.play("renewal_card_expired", version=version, phone=to)
                people[version, story, rung] = (to, ids)
                if rung == 0:  # the end comes first, and the failure after it
                    which = "subscription" if story == "subscription_ends" else "invoice"
                    await pair.post_all(pair.play(story, version=version, **{which: ids[which]})[1])
                await pair.post_all([*failed, failed[-2]])
    await pair.quiet()
    for rung, days in ((1, 3.1), (2, 4), (3, 30)):
        await end(rung)
        await later(pair, days)
    assert {one: len(dunning(pair, to)) for one, (to, _) in people.items()} == {one: one[2] for one in people}


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_each_reason_has_its_own_words_and_each_bill_one_text(pair: Pair, version: str) -> None:
    said = {
        ("renewal_needs_confirmation", ()): "your bank asks you to confirm your payment of $49.00",
        ("renewal_card_expired", ()): "a new card is needed",
        ("renewal_without_card", ()): "a new card is needed",
        ("renewal_fails", ("insufficient_funds",)): "there is nothing you need to do",
        ("renewal_fails", ("stolen_card",)): "we could not renew your subscription ($49.00",
        ("single_bill_fails", ("do_not_honor",)): "your payment of $1,250.00 did not go through",
    }
    people = {}
    for story, reason in said:
        to = phone()
        given: dict[str, Any] = {"decline_code": reason[0]} if reason else {}
        _, events = pair.play(story, version=version, phone=to, **given)
        people[story, reason] = to
        await asyncio.gather(*(pair.post(event) for event in (*events, *reversed(events))))
    await pair.quiet()
    for which, words in said.items():
        [text] = pair.texts(people[which])
        assert words in text
        assert not re.search("stolen|lost|fraud", text)
        assert LINK.search(text)
    assert "try again on" in pair.texts(people["renewal_fails", ("insufficient_funds",)])[0]


async def test_the_last_try_is_said_once_more_and_an_enterprise_reads_it_in_its_own_words(pair: Pair) -> None:
    own, company = phone(), phone()
    for to, metadata in ((own, {}), (company, {"segment": "enterprise"})):
        ids, failed = pair.play("renewal_fails", phone=to, metadata=metadata)
        await pair.post_all(failed)
        await pair.quiet()
        for story in ("retry_fails", "last_attempt_fails", "last_attempt_fails"):
            if story != "last_attempt_fails" or len(pair.texts(to)) < 2:
                await pair.post_all(pair.play(story, invoice=ids["invoice"])[1] * 2)
                await pair.quiet()
    first, last = pair.texts(own)
    assert "there is nothing you need to do" in first
    assert "failed again. We will not try this card again" in last
    assert ["your company's subscription" in text for text in pair.texts(company)] == [True, True]


async def test_a_reminder_after_three_days_names_what_is_left_and_goes_to_no_number_that_was_replaced(
    pair: Pair,
) -> None:
    old, new, same = phone(), phone(), phone()
    world = pair.box.app[STRIPE].accounts.world(pair.box.app[STRIPE].accounts.main, livemode=False)
    customers = {}
    for to in (old, same):
        ids, failed = pair.play("single_bill_fails", phone=to, decline_code="expired_card")
        customers[to] = ids["customer"]
        await pair.post_all(failed)
        await pair.quiet()
        world.need(ids["invoice"]).update(amount_paid=100_000, amount_remaining=25_000)  # no event of it comes
    _, changed = pair.play("phone_changed", customer=customers[old], new_phone=new)
    await pair.post_all(changed)
    await later(pair, 3.1)
    [first] = pair.texts(old)
    assert "$1,250.00" in first
    assert pair.texts(new) == [], "a number that replaced another has agreed to nothing yet"
    assert ["$250.00" in text for text in pair.texts(same)] == [False, True]


async def test_while_stripe_goes_on_trying_a_good_card_nobody_is_reminded_and_a_card_that_will_not_do_is(
    pair: Pair,
) -> None:
    good, bad = phone(), phone()
    for to, reason in ((good, "insufficient_funds"), (bad, "expired_card")):
        ids, failed = pair.play("renewal_fails", phone=to, decline_code=reason)
        await pair.post_all(failed)
        await pair.post_all(
            pair.play("retry_fails", invoice=ids["invoice"], decline_code=reason)[1]
        )  # the next is in 5 days
    await pair.quiet()
    counts = [(len(pair.texts(good)), len(pair.texts(bad)))]
    for days in (3.1, 4):
        await later(pair, days)
        counts.append((len(pair.texts(good)), len(pair.texts(bad))))
    assert counts == [(1, 1), (1, 2), (2, 3)]
    skipped = await pair.ingest_pool.fetchval("SELECT reason FROM step WHERE number = 2 AND state = 'skipped'")
    assert skipped.startswith("its rule says nothing while fact.will_retry")
