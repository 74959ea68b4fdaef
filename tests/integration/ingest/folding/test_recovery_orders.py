"""One bill, one ladder: in whatever order the events of a failed payment come, however often, and whatever ends it, in both shapes.

Through SQL, look-ups at the sandbox's Stripe and the planner, on real PostgreSQL; many bills at once, as on the first of a month.
"""

import asyncio
import datetime
import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ingest_service.clock import Clock
from ingest_service.database import shipped
from ingest_service.planning import rules_store
from ingest_service.planning.planning import Planning
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.planning.sealed_columns import open_variables
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import NOW, House
from tests.unit.ingest.folding.test_effects import SHAPES

HOUR = 3_600
FIRST, RETRY, END = NOW - 20 * HOUR, NOW - 10 * HOUR, NOW - HOUR
DAYS = (0, 3, 7)
ENDS = (None, "customer_pays", "invoice_voided", "invoice_uncollectible", "subscription_ends")
WORDS = {
    "insufficient_funds": "will_retry",
    "expired_card": "new_card",
    "authentication_required": "confirm",
    "stolen_card": "subscription",
}
A_SHAPE = 260
"""Bills in each shape."""


@dataclass(frozen=True)
class Case:
    """One bill's history, and what it must come to."""

    invoice: str
    end: str | None
    variant: str
    events: list[dict[str, Any]]

    @property
    def unpaid(self) -> str:
        """Its concern."""
        return f"invoice:{self.invoice}/unpaid"


def cases(house: House, version: str, chance: random.Random) -> Iterator[Case]:
    """Histories of bills: failed, perhaps retried, perhaps ended; their events shuffled, some of them twice or thrice."""
    stripe = house.box.app[STRIPE]
    for number, end in zip(range(A_SHAPE), itertools.cycle(ENDS), strict=False):
        reasons = chance.choices(list(WORDS), k=chance.choice((1, 2)))
        told: list[dict[str, Any]] = []

        def play(story: str, at: int, told: list[dict[str, Any]] = told, **given: Any) -> dict[str, str]:
            ids, events = stripe.play(story, given)
            told += [event.envelope(version, connected=False) | {"created": at} for event in events]
            return dict(ids)

        ids = play("renewal_fails", FIRST, decline_code=reasons[0], subscription_metadata={"n": f"{version} {number}"})
        if len(reasons) == 2:
            play("retry_fails", RETRY, invoice=ids["invoice"], decline_code=reasons[1])
        if end is not None:
            which = "subscription" if end == "subscription_ends" else "invoice"
            play(end, END, told, **{which: ids[which]})
        shuffled = told + chance.choices(told, k=chance.randrange(len(told)))
        chance.shuffle(shuffled)
        yield Case(ids["invoice"], end, WORDS[reasons[-1]], shuffled)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("version", SHAPES)
async def test_a_bill_has_one_ladder_whose_words_are_the_newest_and_which_ends_with_the_bill(
    house: House, version: str
) -> None:
    chance = random.Random(version)
    async with house.pool.acquire() as conn:
        await rules_store.apply(conn, "main", shipped("rules.yaml"), house.sealer, by="test")
    planning = [Planning(house.pool, ["main"], Clock(), house.sealer, RulesInForce(house.sealer)) for _ in range(2)]
    bills = list(cases(house, version, chance))
    every = [list(case.events) for case in bills]
    while any(every):  # a few events of each bill at a time, and everybody works in between
        part = [events.pop() for events in every for _ in range(min(len(events), chance.randrange(6)))]
        chance.shuffle(part)
        await house.arrive(part)
        await asyncio.gather(house.fold(workers=2, most=chance.choice((7, 50))), *(each.turn() for each in planning))
        if chance.random() < 0.5:
            await house.look_up()
    await house.look_up()
    while await planning[0].turn():
        pass
    plans = await house.pool.fetch("SELECT * FROM plan WHERE account_id = 'main'")
    steps = await house.pool.fetch("SELECT * FROM step WHERE account_id = 'main' ORDER BY plan_id, number")
    settled = await house.settled()
    for case in bills:
        mine = [plan for plan in plans if plan["concern"] == case.unpaid]
        said = [step for step in steps if step["concern"] == case.unpaid]
        assert (case.unpaid in settled) == (case.end is not None), case.end
        if case.end is not None:
            assert {plan["state"] for plan in mine} <= {"settled"}, case.end
            assert {step["state"] for step in said} <= {"cancelled"}, case.end
            thanks = [
                plan
                for plan in plans
                if plan["concern"] in (f"invoice:{case.invoice}/recovered", f"invoice:{case.invoice}/receipt")
            ]
            assert len(thanks) == (case.end == "customer_pays")
            continue
        [plan] = mine
        assert plan["state"] == "open"
        at = [datetime.datetime.fromtimestamp(FIRST, datetime.UTC) + datetime.timedelta(days=days) for days in DAYS]
        assert [(step["state"], step["due_at"]) for step in said] == [("waiting", due) for due in at]
        told = open_variables(house.sealer, "main", plan["plan_id"], plan["data_key_id"], plan["variables"])
        assert told["variant"] == case.variant


@pytest.mark.parametrize("version", SHAPES)
async def test_a_second_failure_costs_no_call_once_the_bill_and_its_payment_are_known_to_belong_together(
    house: House, version: str
) -> None:
    stripe = house.box.app[STRIPE]
    ids, first = stripe.play("renewal_fails", {"decline_code": "expired_card"})
    await house.arrive([event.envelope(version, connected=False) for event in first])
    await house.fold()
    await house.look_up()
    asked = house.calls.found(method="GET")
    assert len([call for call in asked if "invoice" in call["params"]]) == (0 if version == SHAPES[0] else 1)
    _, again = stripe.play("retry_fails", {"invoice": ids["invoice"], "decline_code": "authentication_required"})
    await house.arrive([event.envelope(version, connected=False) | {"created": NOW} for event in again])
    await house.fold()
    await house.look_up()
    assert house.calls.found(method="GET") == asked
    kinds = [
        (await house.details(f"payment_failed:{ids['invoice']}:{n}"))["attributes"]["decline_kind"] for n in (1, 2)
    ]
    assert kinds == ["new_card", "confirm"]


async def test_while_stripe_does_not_answer_a_bill_is_told_after_three_vain_looks_in_words_that_fit_every_decline(
    house: House,
) -> None:
    stripe = house.box.app[STRIPE]
    await house.arrive([event.envelope(SHAPES[-1], connected=False) for event in stripe.play("renewal_paid", {})[1]])
    await house.fold()
    await house.look_up()  # the customer is known
    ids, failed = stripe.play("renewal_fails", {"decline_code": "expired_card"})
    house.fail({"operation": "invoice_payments.list", "act": "500"})
    await house.arrive(
        [event.envelope(SHAPES[-1], connected=False) for event in failed if event.type.startswith("invoice.")]
    )
    await house.fold()
    key = f"payment_failed:{ids['invoice']}:1"
    for state in ("held", "held", "ready"):
        await house.due_now()
        await house.lookup().turn()
        assert (await house.facts())[key] == state
    assert (await house.details(key))["attributes"]["decline_kind"] == "unknown"
