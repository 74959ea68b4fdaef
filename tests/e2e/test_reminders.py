"""Renewals, trials, cards, changes and the day's figures, from Stripe to the phone, by moving the clock.

Everything is counted at the sandbox's list of messages, never in our own tables.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.days import Days, running_days
from tests.e2e.pair import phone

EVERYTHING = """
schedules:
  renewal_reminders: {days: [7, 3, 1], who: all, at: "10:00"}
  trial_reminders: {days: [7, 3, 1], at: "10:00"}
  card_reminders: {days: [7, 1], at: "10:00"}
  digest: {to: team:finance, at: "18:00", empty: EMPTY}
teams:
  finance:
    members:
      - {name: Ada, number: "NUMBER", languages: [en]}
flows: []
"""


@pytest.fixture
async def days(ingest_database_url: str, notify_database_url: str) -> AsyncIterator[Days]:
    """Both services with the shipped rules, at ten in the morning."""
    async with running_days(ingest_database_url, notify_database_url) as running:
        yield running


async def test_a_renewal_whose_card_expires_before_is_reminded_of_7_3_and_1_days_before(days: Days) -> None:
    to, other = phone(), phone()
    await days.play("renewal_due", phone=to, name="Ana", credit=900)
    await days.play("renewal_due", phone=other, name="Ben", expiring_card=False)
    counted = []
    for _ in range(9):
        await days.pass_(days=1)
        counted.append(len(days.texts(to)))
    assert counted == [1, 1, 1, 1, 2, 2, 3, 3, 3]
    first = days.texts(to)[0]
    assert "for $40.00, but your card ending 4242 expires" in first  # 49.00 by the price, less a credit of 9.00
    assert re.search(r"Please add a new card: http://127\.0\.0\.1:\d+/l/[A-Za-z0-9_-]{22}\n? ?Reply STOP", first)
    assert days.texts(other) == []
    asked = days.asked()
    assert asked.count("POST /v1/invoices/create_preview") == 3
    assert len(days.asked()) == asked.count("POST /v1/invoices/create_preview") + asked.count("GET /v1/subscriptions")
    assert asked.count("GET /v1/subscriptions") == 6 * 10  # six scans a day on ten days, none of more than one page


async def test_the_next_step_button_goes_from_reminder_to_reminder(days: Days) -> None:
    to = phone()
    await days.play("renewal_due", phone=to)
    while len(days.texts(to)) < 3:
        assert await days.next_step()
    assert len(days.texts(to)) == 3


async def test_after_an_outage_what_is_past_is_recorded_as_missed_and_never_sent(days: Days) -> None:
    to = phone()
    ids = await days.play("renewal_due", phone=to)
    await days.pass_(days=4)  # over the day of the first reminder
    assert days.texts(to) == []
    await days.pass_(days=1)
    assert len(days.texts(to)) == 1
    told = await days.pair.story(object=ids["subscription"])
    missed = [line for line in told["lines"] if "missed" in line["sentence"]]
    assert len(missed) == 1
    assert "found by the scan renewal:7" in missed[0]["sentence"]


@pytest.mark.parametrize("end", ["subscription_ends", "period_end"])
async def test_a_renewal_that_will_not_come_is_not_reminded_of_any_more(days: Days, end: str) -> None:
    to = phone()
    ids = await days.play("renewal_due", phone=to)
    await days.pass_(days=1)
    assert len(days.texts(to)) == 1
    given = {"subscription": ids["subscription"]} if end == "subscription_ends" else {"customer": ids["customer"]}
    await days.play(end, **given)
    for _ in range(7):
        await days.pass_(days=1)
    assert len(days.texts(to)) == 1


async def test_a_card_that_was_renewed_meanwhile_ends_the_reminders(days: Days) -> None:
    to = phone()
    ids = await days.play("renewal_due", phone=to)
    await days.pass_(days=1)
    await days.play("card_updated", customer=ids["customer"])
    for _ in range(7):
        await days.pass_(days=1)
    assert len(days.texts(to)) == 1


async def test_a_trial_that_ends_is_announced_once_a_day_of_the_schedule_with_stripes_own_event_among_them(
    days: Days,
) -> None:
    to = phone()
    ids = await days.play("trial_running", phone=to)
    counted = []
    for day in range(1, 9):
        await days.pass_(days=1)
        if day == 5:  # three days before Stripe says so itself
            await days.play("trial_will_end", subscription=ids["subscription"])
        counted.append(len(days.texts(to)))
    assert counted == [1, 1, 1, 1, 2, 2, 3, 3]
    assert "free trial" in days.texts(to)[0]
    assert "$49.00" in days.texts(to)[0]


async def test_what_stripe_announces_three_days_before_is_said_once(days: Days) -> None:
    to = phone()
    await days.play("trial_will_end", phone=to, days=3)
    assert len(days.texts(to)) == 1
    await days.pass_(days=1)
    assert len(days.texts(to)) == 1  # two days before is no day of the schedule
    await days.pass_(days=1)
    assert len(days.texts(to)) == 2


async def test_a_trial_that_was_ended_early_is_not_announced(days: Days) -> None:
    to = phone()
    ids = await days.play("trial_running", phone=to)
    await days.play("trial_ended_early", subscription=ids["subscription"])
    for _ in range(8):
        await days.pass_(days=1)
    assert not [text for text in days.texts(to) if "trial" in text]


async def test_a_change_of_plan_price_interval_or_billing_date_is_said_once_each(days: Days) -> None:
    to = phone()
    ids = await days.play("renewal_due", phone=to, expiring_card=False)
    customer = ids["customer"]
    await days.play("plan_changed", customer=customer, to="team")
    assert "has changed to Studio Team. It costs $249.00 a month" in days.texts(to)[-1]
    await days.play("price_changed", customer=customer, article="team", new_amount=19_900)
    assert "It costs $199.00 a month" in days.texts(to)[-1]
    await days.play("billing_date_changed", customer=customer, article="team", amount=19_900)
    assert "the billing date of your subscription" in days.texts(to)[-1]
    assert len(days.texts(to)) == 3
    await days.play("period_end", customer=customer, amount=19_900)
    await days.play("phone_changed", customer=customer, new_phone=to)
    assert len(days.texts(to)) == 3


async def test_a_renewal_changes_nothing_that_is_told_as_a_change(days: Days) -> None:
    to = phone()
    await days.play("renewal_paid", phone=to)
    assert not [text for text in days.texts(to) if "changed" in text]


@pytest.fixture
def finance(tmp_path: Path) -> tuple[str, Path, Path]:
    """A team's number, and rules with every schedule: one that skips empty days and one that says so."""
    number = phone()
    skip, say = tmp_path / "skip.yaml", tmp_path / "say.yaml"
    for file, empty in ((skip, "skip"), (say, "say")):
        file.write_text(EVERYTHING.replace("NUMBER", number).replace("EMPTY", empty))
    return number, skip, say


async def test_a_day_is_told_to_finance_once_with_its_money_by_currency(
    ingest_database_url: str, notify_database_url: str, finance: tuple[str, Path, Path]
) -> None:
    number, rules, _ = finance
    async with running_days(ingest_database_url, notify_database_url, rules=rules) as days:
        await days.pass_(hours=9)  # 19:00: a day on which nothing happened was closed
        assert days.texts(number) == []
        await days.pass_(hours=15)
        await days.play("first_payment", customer="ana", phone=phone())
        await days.play("renewal_paid", customer="yuki", phone=phone())
        await days.play("renewal_paid", customer="fahad", phone=phone())
        failed = await days.play("renewal_fails", customer="ana", phone=phone())
        await days.play("customer_pays", invoice=failed["invoice"])
        bought = await days.play("purchase", customer="ana", phone=phone())
        await days.play("refund_full", charge=bought["charge"])
        ended = await days.play("renewal_due", customer="ana", phone=phone())
        await days.play("subscription_ends", subscription=ended["subscription"])
        await days.pass_(hours=9)
        [text] = days.texts(number)
        assert "new 1, renewed 2, failed 1, recovered 1, cancelled 1, refunded 1, disputed 0." in text
        # a first payment, a bill that was paid at last and a purchase; yen without decimals, dinars with three
        assert "In: ¥7,350, $187.00, KWD 14.700." in text
        assert "Failed: $49.00." in text
        assert "Refunds: $89.00." in text
        await days.pass_(days=1)
        assert len(days.texts(number)) == 1


async def test_an_empty_day_is_told_where_the_schedule_says_so(
    ingest_database_url: str, notify_database_url: str, finance: tuple[str, Path, Path]
) -> None:
    number, _, rules = finance
    async with running_days(ingest_database_url, notify_database_url, rules=rules) as days:
        await days.pass_(hours=9)
        [text] = days.texts(number)
        assert "nothing happened" in text


async def test_a_card_that_ends_with_the_month_is_told_and_one_that_was_renewed_is_not(
    ingest_database_url: str, notify_database_url: str, finance: tuple[str, Path, Path]
) -> None:
    _, rules, _ = finance
    to, renewed = phone(), phone()
    async with running_days(ingest_database_url, notify_database_url, rules=rules) as days:
        # next month, so that both of its days are still to come
        await days.play("card_expiring", customer="ana", phone=to, months=2, days=60)
        ids = await days.play("card_expiring", customer="jonas", phone=renewed, months=2, days=60)
        for _ in range(62):
            await days.pass_(days=1)
            if len(days.texts(to)) == 1:
                await days.play("card_updated", customer=ids["customer"])
        told = [text for text in days.texts(to) if "expires at the end of" in text]
        assert len(told) == 2
        assert len([text for text in days.texts(renewed) if "läuft Ende" in text]) == 1  # Jonas is written to in German
