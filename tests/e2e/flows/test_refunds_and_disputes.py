"""Refunds and disputes, to the customer and to the team."""

import pytest

from tests.e2e.flows.orders import posted_in_some_order
from tests.e2e.pair import ACACIA, ENDIVE, Pair, phone

DAY = 86_400


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_a_refund_is_told_with_its_own_amount_and_when_to_expect_it(pair: Pair, version: str) -> None:
    to = phone()
    pair_ids, bought = pair.play("purchase", version=version, phone=to, amount=8900)
    _, back = pair.play("refund_two_parts", version=version, charge=pair_ids["charge"])
    await pair.post_all(bought + back)
    await pair.quiet()
    refunds = [text for text in pair.texts(to) if "refund" in text]
    assert len(refunds) == 2
    assert all("5 to 10 business days" in text for text in refunds)


async def test_a_refund_that_fails_is_told_to_the_customer_and_to_finance(pair: Pair, finance: str) -> None:
    to = phone()
    _, bought = pair.play("purchase", phone=to)
    _, back = pair.play("refund_full")
    _, failed = pair.play("refund_fails")
    await pair.post_all(bought + back)
    await pair.quiet()
    await pair.post_all(failed)
    await pair.quiet()
    assert sum("returned our refund" in text for text in pair.texts(to)) == 1
    [told] = pair.texts(finance)
    assert "failed and the money is back with you" in told


async def test_a_refund_that_is_cancelled_after_it_was_told_is_told_as_one_that_does_not_come(pair: Pair) -> None:
    to = phone()
    _, bought = pair.play("purchase", phone=to)
    _, back = pair.play("refund_full")
    await pair.post_all(bought + back)
    await pair.quiet()
    _, cancelled = pair.play("refund_cancelled")
    await pair.post_all(cancelled)
    await pair.quiet()
    assert sum("was cancelled and will not reach you" in text for text in pair.texts(to)) == 1


@pytest.mark.parametrize(("amount", "hears"), [(50_000, True), (49_999, False)])
async def test_finance_hears_of_a_large_refund_with_its_reason(
    pair: Pair, finance: str, amount: int, hears: bool
) -> None:
    _, bought = pair.play("purchase", phone=phone(), amount=amount)
    _, back = pair.play("refund_full", reason="duplicate")
    await pair.post_all(bought + back)
    await pair.quiet()
    told = pair.texts(finance)
    assert len(told) == (1 if hears else 0)
    assert all("Reason: paid twice" in text for text in told)


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_finance_hears_of_a_dispute_and_again_two_days_before_the_evidence_is_due(
    pair: Pair, finance: str, version: str
) -> None:
    to = phone()
    _, bought = pair.play("purchase", version=version, phone=to, amount=12_300)
    _, disputed = pair.play("dispute_opened", version=version, reason="product_not_received")
    await pair.post_all(bought + disputed)
    await pair.quiet()
    [opened] = pair.texts(finance)
    assert "$123.00" in opened
    assert "(not received)" in opened
    assert "Evidence is due by " in opened
    assert not any("dispute" in text for text in pair.texts(to))  # the customer's notice is off as shipped
    await pair.advance(7 * DAY + 60)
    await pair.quiet()
    assert len(pair.texts(finance)) == 2
    assert "evidence for the disputed $123.00" in pair.texts(finance)[1]


async def test_a_dispute_that_is_decided_reminds_nobody_and_its_result_is_told(pair: Pair, finance: str) -> None:
    _, bought = pair.play("purchase", phone=phone())
    _, disputed = pair.play("dispute_opened")
    _, closed = pair.play("dispute_closed", result="won")
    await pair.post_all(bought + disputed)
    await pair.quiet()
    await pair.post_all(closed)
    await pair.quiet()
    await pair.advance(8 * DAY)
    await pair.quiet()
    _, result = pair.texts(finance)
    assert "is won" in result


async def test_a_dispute_that_was_answered_meanwhile_at_stripe_reminds_nobody(pair: Pair, finance: str) -> None:
    _, bought = pair.play("purchase", phone=phone())
    _, disputed = pair.play("dispute_opened")
    pair.play("dispute_closed")  # nobody told us
    await pair.post_all(bought + disputed)
    await pair.quiet()
    await pair.advance(8 * DAY)
    await pair.quiet()
    [opened] = pair.texts(finance)
    assert "is disputed" in opened


@pytest.mark.parametrize("version", [ACACIA, ENDIVE])
async def test_an_inquiry_that_becomes_a_chargeback_is_told_again_and_reminds_of_its_own_day(
    pair: Pair, finance: str, version: str
) -> None:
    _, bought = pair.play("purchase", version=version, phone=phone())
    _, asked = pair.play("dispute_opened", version=version, inquiry=True)
    await pair.post_all(bought + asked)
    await pair.quiet()
    _, taken = pair.play("inquiry_escalates", version=version)
    await pair.post_all(taken)
    await pair.quiet()
    inquiry, chargeback = pair.texts(finance)
    assert "Nothing was taken yet" in inquiry
    assert "is disputed" in chargeback
    assert "Evidence is due by " in chargeback
    await pair.advance(8 * DAY)  # the inquiry's own reminder would have come
    await pair.quiet()
    assert len(pair.texts(finance)) == 2
    await pair.advance(10 * DAY)
    await pair.quiet()
    assert len(pair.texts(finance)) == 3
    assert "evidence for the disputed " in pair.texts(finance)[2]


async def test_an_inquiry_is_told_as_one(pair: Pair, finance: str) -> None:
    _, bought = pair.play("purchase", phone=phone())
    _, disputed = pair.play("dispute_opened", inquiry=True)
    await pair.post_all(bought + disputed)
    await pair.quiet()
    [told] = pair.texts(finance)
    assert "Nothing was taken yet" in told


@pytest.mark.timeout(400)
async def test_in_500_orders_with_repeats_each_disputes_result_is_told_once(pair: Pair, finance: str) -> None:
    matters = []
    for number in range(500):
        version = (ACACIA, ENDIVE)[number % 2]
        ids, _ = pair.play("purchase", version=version, phone=phone())
        _, disputed = pair.play("dispute_opened", version=version, charge=ids["charge"])
        _, closed = pair.play("dispute_closed", version=version, result="lost")
        matters.append([*disputed, *closed])
    await posted_in_some_order(pair, matters, seed=3)
    await pair.quiet(300)
    told = pair.texts(finance)
    assert sum("is lost" in text for text in told) == 500
    opened = [text for text in told if "is disputed" in text]
    assert len(opened) <= 500  # where the result came first there is nothing to open any more
    assert len(told) == 500 + len(opened)
