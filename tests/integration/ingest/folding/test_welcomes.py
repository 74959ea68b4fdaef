"""A customer's first payment waits for whatever tells of what was bought, and nobody is welcomed whose payment was undone."""

import random
from dataclasses import replace
from typing import Any

import pytest

from ingest_service.clock import Clock
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import House

ACACIA, ENDIVE = "2025-02-24.acacia", "2026-10-28.endive"
BOTH = pytest.mark.parametrize("version", [ACACIA, ENDIVE])


def made(house: House, story: str, version: str, **given: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Plays a story at the sandbox's Stripe, which can be asked about it afterwards."""
    ids, events = house.box.app[STRIPE].play(story, given)
    return ids, [event.envelope(version, connected=False) for event in events]


@BOTH
@pytest.mark.parametrize("story", ["first_payment", "purchase"])
async def test_of_a_first_payment_whichever_event_comes_first_the_last_one_tells_what_was_bought(
    house: House, story: str, version: str
) -> None:
    given = {"new_customer": True} if story == "purchase" else {}
    ids, events = made(house, story, version, phone="+14155552671", **given)
    key = f"first_payment:{ids['customer']}"
    tellers = ("invoice.paid", "invoice.payment_succeeded", "checkout.session.completed")
    late = [one for one in events if one["type"] in tellers]
    for batch in ([one for one in events if one not in late], late):
        await house.arrive(batch)
        await house.fold()
        await house.look_up()
        assert (await house.facts())[key] == "held"
    await replace(house, clock=Clock(121)).look_up()
    attributes = (await house.details(key))["attributes"]
    assert attributes["is_subscription"] is (story == "first_payment")
    assert attributes["items"]
    assert attributes["product_ids"]


@BOTH
@pytest.mark.parametrize(
    ("undone", "settled"), [("refund_full", True), ("dispute_opened", True), ("refund_two_parts", False)]
)
async def test_who_was_given_everything_back_or_disputes_it_is_not_welcomed_in_whatever_order_that_is_told(
    house: House, undone: str, settled: bool, version: str
) -> None:
    chance = random.Random(3)
    welcomes = []
    for _ in range(12):
        ids, bought = made(house, "purchase", version, phone="+14155552671", new_customer=True)
        _, back = made(house, undone, version, charge=ids["charge"])
        back = back[:2] if undone == "refund_two_parts" else back  # a part of it
        order = [*bought, *back, *chance.choices(back, k=2)]
        chance.shuffle(order)
        for event in order:
            await house.arrive([event])
            await house.fold()
        welcomes.append(f"customer:{ids['customer']}/welcome")
    over = await house.settled()
    assert {one in over for one in welcomes} == {settled}
