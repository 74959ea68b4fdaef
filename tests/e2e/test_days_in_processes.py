"""Every story that lasts days, in real processes, by moving the sandbox's clock as its page does: a fortnight of one business.

Counted at the sandbox's list of messages. Each day of the table is waited for; what came that is not in it shows at the end.
"""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from notify_service.database import shipped
from paybell_sandbox.business import COLLEAGUES
from tests.e2e.pair import REORDER_WINDOW_MS, REPEATS, phone
from tests.e2e.stack import Stack, started

RULES = Path(__file__).parents[2] / "ingest-service" / "rules.yaml"
ADA, BOB = phone(), phone()
"""Of sales."""
FINANCE = COLLEAGUES[0].number


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The shipped rules and policy; but two people in sales, and calls allowed where the matter is an unpaid bill."""
    folder = tmp_path_factory.mktemp("days")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)  # the services read it
    people = f'[{{name: Ada, number: "{ADA}"}}, {{name: Bob, number: "{BOB}"}}]'
    rules, policy = folder / "rules.yaml", folder / "policy.yaml"
    rules.write_text(re.sub(r"  sales: .*", f"  sales: {{members: {people}}}", RULES.read_text(), count=1))
    policy.write_text(shipped("policy.yaml").read_text().replace("transactional: opt_in", "transactional: allowed", 1))
    env = f"INGEST_RULES_FILE={rules}\nNOTIFY_POLICY_FILE={policy}\n"
    with started(env=env) as running:
        running.deliver_as_stripe_does(REPEATS, REORDER_WINDOW_MS)
        yield running
        assert running.end(signal.SIGINT) == 0


def words(stack: Stack, to: str) -> list[str]:
    """What a phone was texted, or read out."""
    return [one["body"] if one["kind"] != "call" else " ".join(one["said"]) for one in stack.told(to)]


@pytest.mark.timeout(300)
def test_a_fortnight_of_ladders_reminders_disputes_and_digests(stack: Stack) -> None:
    unpaid, paid, renewing, trying, bought = (phone() for _ in range(5))
    stack.play("renewal_card_expired", phone=unpaid)
    bill = stack.play("renewal_card_expired", phone=paid)["invoice"]
    stack.play("renewal_due", phone=renewing)
    stack.play("trial_running", phone=trying)
    stack.play("purchase", phone=bought, amount=12_300)
    stack.await_told(bought, 1)
    stack.play("dispute_opened", reason="product_not_received")
    stack.await_told(FINANCE, 1)
    # by day, how many messages the phone has in the evening
    calendar: dict[str, list[int]] = {
        unpaid: [1, 1, 1, 2, 2, 2, 2, 3],
        paid: [1, 1, 1, 2, 3],
        renewing: [0, 1, 1, 1, 1, 2, 2, 3],
        trying: [0, 1, 1, 1, 1, 2, 2, 3],
    }
    for day in range(15):
        if day:
            stack.pass_(hours=9)  # to 19:00, an hour after the day's figures
            stack.await_told(FINANCE, 2)
            stack.pass_(hours=15)
        if day == 4:
            stack.play("customer_pays", invoice=bill)
        for to, counts in calendar.items():
            stack.await_told(to, counts[min(day, len(counts) - 1)])
        if day == 7:
            stack.await_told(
                FINANCE, 3
            )  # the dispute, the figures of its day, and that its evidence is due in two days
    assert {to: len(stack.told(to)) for to in calendar} == {to: counts[-1] for to, counts in calendar.items()}
    assert [one["kind"] for one in stack.told(unpaid)] == ["sms", "sms", "call"]
    assert "has arrived" in words(stack, paid)[-1]
    assert ["trial" in text for text in words(stack, trying)] == [True] * 3
    assert ["expires" in text for text in words(stack, renewing)] == [True] * 3
    heard = words(stack, FINANCE)
    assert sum("(not received)" in text for text in heard) == 1
    assert sum("evidence for the disputed $123.00" in text for text in heard) == 1
    digests = [text for text in heard if "disputed 1." in text]
    assert len(digests) == 1, "the day's figures hold the dispute, once"


@pytest.mark.timeout(120)
def test_a_large_payment_goes_to_the_next_person_after_a_quarter_of_an_hour(stack: Stack) -> None:
    buyer = phone()
    stack.play("purchase", phone=buyer, amount=750_000)
    stack.await_told(ADA, 1)
    assert stack.told(BOB) == []
    stack.pass_(minutes=16)
    stack.await_told(BOB, 1)
    stack.ask("/sandbox/inbound", {"from": BOB, "to": "+14155550100", "body": "Yes"})
    stack.pass_(hours=3)
    stack.play("purchase", phone=buyer, amount=100)  # whose text says that the hours have passed
    stack.await_told(buyer, 2)
    assert [len(stack.told(one)) for one in (ADA, BOB)] == [1, 1]


@pytest.mark.timeout(120)
def test_a_new_customer_is_welcomed_ten_minutes_after_the_payment(stack: Stack) -> None:
    to = phone()
    stack.play("first_payment", phone=to)
    stack.await_told(to, 1)
    stack.pass_(minutes=11)
    assert "welcome" in stack.await_told(to, 2)[-1]["body"]


@pytest.mark.timeout(120)
def test_a_question_that_nobody_answers_is_a_persons_to_decide(stack: Stack) -> None:
    to, before = phone(), len(stack.told(FINANCE))
    stack.play("purchase", phone=to)
    stack.await_told(to, 1)
    stack.play("review_opened")
    stack.await_told(to, 2)
    stack.pass_(days=1)
    stack.await_told(FINANCE, before + 1)
    assert any("nobody answered in time" in text for text in words(stack, FINANCE)[before:])
