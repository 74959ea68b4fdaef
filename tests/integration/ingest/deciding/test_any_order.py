"""Whatever the order, the doubles and the shape of the events: one question a payment, and none left open about what is over."""

import random
from typing import Any

from tests.integration.ingest.deciding.desk import Desk

PAYMENTS = 500
SHAPES = ("2025-02-24.acacia", "2026-10-28.endive")
ENDS = (None, None, "review_closed", "dispute_opened", "refund_full")


async def test_five_hundred_payments_in_any_order(desk: Desk) -> None:
    rng = random.Random(7)
    arrivals: list[tuple[float, dict[str, Any]]] = []
    over: dict[str, bool] = {}
    customer = desk.play("purchase")["customer"]
    for _ in range(PAYMENTS):
        start = len(desk.stripe.events)
        ids = desk.play("purchase", customer=customer)
        desk.play("review_opened", charge=ids["charge"])
        desk.play("early_fraud_warning", charge=ids["charge"])
        end = rng.choice(ENDS)
        if end is not None:
            desk.play(end, **({} if end == "review_closed" else {"charge": ids["charge"]}))
        over[f"payment:{ids['payment_intent']}/fraud"] = end is not None
        for event in desk.stripe.events[start:]:
            told = event.envelope(rng.choice(SHAPES), connected=False)
            arrivals += [(rng.random(), told) for _ in range(rng.choice((1, 1, 2)))]
    arrivals.sort(key=lambda pair: pair[0])
    events = [event for _, event in arrivals]
    third = len(events) // 3
    for part in (events[:third], events[third : 2 * third], events[2 * third :]):
        await desk.house.arrive(part)
        await desk.house.fold(workers=3)
        await desk.house.look_up()
        await desk.say()
    await desk.cancels()
    asked = [each.concern for each in desk.standin.received if each.template == "fraud_question"]
    assert len(asked) == len(set(asked)), "one question a payment"
    assert {concern for concern, ended in over.items() if not ended} <= set(asked)
    settled = await desk.house.settled()
    assert {concern for concern in over if concern in settled} == {concern for concern, ended in over.items() if ended}
    stopped = {each.concern for each in desk.standin.cancels}
    assert {concern for concern in asked if over[concern]} <= stopped
