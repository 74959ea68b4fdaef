"""The truth is read at Stripe: one GET a subject, within the budget, and trouble never counts as an answer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import asyncpg
import pytest

from ingest_service.accounts import Account
from ingest_service.stripe_reads import STOPPED, Found, Gone, StripeReads, reading
from ingest_service.submitting.stripe_look import look
from ingest_service.submitting.truth import NotNow, Over, StillSo
from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from paybell_sandbox.stripe import STRIPE

MAIN = Account(
    account_id="main", stripe_account=None, livemode=False, api_key="sk_test_sandbox", webhook_secrets=(), region="US", zone="UTC", rules_file=None
)  # fmt: skip

PAYMENT = {"kind": "payment_failed", "attributes": {}}


@pytest.fixture
async def box() -> AsyncIterator[RunningSandbox]:
    async with running(Settings(listen="127.0.0.1:0", time_scale=0.01)) as sandbox:
        yield sandbox


@pytest.fixture
async def reads(box: RunningSandbox, ingest_pool: asyncpg.Pool) -> AsyncIterator[StripeReads]:
    async with reading(ingest_pool, {"main": MAIN}, api_base=box.stripe_api_base, per_second=100) as made:
        yield made


async def play(box: RunningSandbox, story: str, **parameters: object) -> dict[str, str]:
    ids, _ = box.app[STRIPE].play(story, dict(parameters))
    return dict(ids)


@pytest.mark.parametrize("ending", ["customer_pays", "invoice_voided", "invoice_uncollectible", "subscription_ends"])
async def test_an_unpaid_bill_is_still_so_until_it_is_settled_in_any_way(
    box: RunningSandbox, reads: StripeReads, ending: str
) -> None:
    ids = await play(box, "renewal_fails")
    said = await look(reads, "main", ids["invoice"], PAYMENT)
    assert isinstance(said, StillSo)
    assert said.bill is not None
    assert (said.bill.amount, said.bill.currency) == (4900, "usd")
    await play(box, ending)
    assert isinstance(await look(reads, "main", ids["invoice"], PAYMENT), Over)


async def test_a_purchase_that_failed_is_still_so_until_the_buyer_succeeds(
    box: RunningSandbox, reads: StripeReads
) -> None:
    ids = await play(box, "purchase_fails")
    assert await look(reads, "main", ids["payment_intent"], PAYMENT) == StillSo()
    await play(box, "buyer_succeeds")
    assert isinstance(await look(reads, "main", ids["payment_intent"], PAYMENT), Over)


async def test_what_is_gone_is_over_and_what_cannot_be_looked_up_is_believed(reads: StripeReads) -> None:
    assert isinstance(await look(reads, "main", "in_nothing", PAYMENT), Over)
    assert await reads.get("main", "/v1/invoices/in_nothing") == Gone()
    assert await look(reads, "main", "re_1", PAYMENT) == StillSo()


@pytest.mark.parametrize("act", ["500", "429", "reset", "truncate"])
async def test_trouble_at_stripe_is_no_answer(box: RunningSandbox, reads: StripeReads, act: str) -> None:
    ids = await play(box, "renewal_fails")
    async with aiohttp.ClientSession() as session:
        fault = {"side": "stripe", "operation": "invoices.retrieve", "act": act, "count": 3}
        async with session.put(f"{box.url}/sandbox/faults", json={"rules": [fault]}) as answer:
            assert answer.status == 200, await answer.text()
    assert isinstance(await look(reads, "main", ids["invoice"], PAYMENT), NotNow)


async def test_a_wrong_key_is_said_and_is_no_answer(box: RunningSandbox, ingest_pool: asyncpg.Pool) -> None:
    async with reading(
        ingest_pool, {"main": replace(MAIN, api_key="wrong")}, api_base=box.stripe_api_base, per_second=100
    ) as made:
        answer = await look(made, "main", "in_1", PAYMENT)
    assert isinstance(answer, NotNow)
    assert "STRIPE_API_KEY" in answer.reason


async def test_reads_keep_to_the_budget_that_replicas_share(box: RunningSandbox, ingest_pool: asyncpg.Pool) -> None:
    paths = [f"/v1/invoices/in_{number}" for number in range(8)]
    began = await ingest_pool.fetchval("SELECT clock_timestamp()")
    async with (
        reading(ingest_pool, {"main": MAIN}, api_base=box.stripe_api_base, per_second=8) as one,
        reading(ingest_pool, {"main": MAIN}, api_base=box.stripe_api_base, per_second=8) as two,
    ):
        answers = await asyncio.gather(
            *(each.get("main", path) for each, path in zip((one, two) * 4, paths, strict=True))
        )
    took = await ingest_pool.fetchval("SELECT clock_timestamp() - $1", began)
    assert answers == [Gone()] * 8
    assert took.total_seconds() > 0.5, (
        "8 reads at 2 a quarter second touch four slices: there are two whole ones between"
    )


async def test_who_asks_what_is_being_asked_gets_the_same_answer(box: RunningSandbox, reads: StripeReads) -> None:
    ids = await play(box, "renewal_fails")
    path = f"/v1/invoices/{ids['invoice']}"
    calls = box.app[STRIPE].api.log.entries
    before = len(calls)
    answers = await asyncio.gather(*(reads.get("main", path) for _ in range(20)))
    assert len({id(answer) for answer in answers}) == 1
    assert len(calls) == before + 1
    await reads.get("main", path)
    assert len(calls) == before + 2, "what was answered is asked anew"


async def test_a_stop_ends_the_reads_under_way_and_takes_no_more(box: RunningSandbox, reads: StripeReads) -> None:
    hang = {"side": "stripe", "operation": "*", "act": "hang", "seconds": 30}
    box.sandbox.faults.replace([hang])
    asking = [asyncio.ensure_future(reads.get("main", f"/v1/invoices/in_{number}")) for number in range(60)]
    given_up = asyncio.ensure_future(reads.get("main", "/v1/invoices/in_0"))
    given_up.cancel()  # takes no answer away from the first, who asks the same
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    async with asyncio.timeout(2):
        await reads.stop()
        assert set(await asyncio.gather(*asking)) == {STOPPED}
    assert await reads.get("main", "/v1/invoices/in_1") == STOPPED


@pytest.mark.parametrize("otherwise", ["card_updated", "subscription_ends", "period_end", "renewal_paid"])
async def test_a_renewal_that_was_announced_is_still_to_come_until_it_comes_otherwise(
    box: RunningSandbox, reads: StripeReads, otherwise: str
) -> None:
    ids = await play(box, "renewal_due", days=3)
    told = await reads.get("main", f"/v1/subscriptions/{ids['subscription']}")
    assert isinstance(told, Found)
    period_end = told.body["items"]["data"][0]["current_period_end"]
    fact = {"kind": "renewal_due", "attributes": {"period_end": period_end, "card_expires_first": True}}
    assert await look(reads, "main", ids["subscription"], fact) == StillSo()
    given = {"subscription": ids["subscription"]} if otherwise == "subscription_ends" else {"customer": ids["customer"]}
    await play(box, otherwise, **given)
    assert isinstance(await look(reads, "main", ids["subscription"], fact), Over)


async def test_a_trial_and_a_card_are_looked_at_too(box: RunningSandbox, reads: StripeReads) -> None:
    ids = await play(box, "trial_running", days=3)
    told = await reads.get("main", f"/v1/subscriptions/{ids['subscription']}")
    assert isinstance(told, Found)
    trial = {"kind": "trial_ending", "attributes": {"trial_end": told.body["trial_end"]}}
    assert await look(reads, "main", ids["subscription"], trial) == StillSo()
    await play(box, "trial_ended_early", subscription=ids["subscription"])
    assert isinstance(await look(reads, "main", ids["subscription"], trial), Over)
    card_ids = await play(box, "card_expiring")
    method = await reads.get("main", f"/v1/payment_methods/{card_ids['payment_method']}")
    assert isinstance(method, Found)
    card = {"kind": "card_expiring", "attributes": {"card": method.body["card"]}}
    assert await look(reads, "main", card_ids["payment_method"], card) == StillSo()
    await play(box, "card_updated", customer=card_ids["customer"])
    assert isinstance(await look(reads, "main", card_ids["payment_method"], card), Over)
