"""What rules ask of a purchase or a bill: its products and prices, and how often it comes, in either shape."""

from typing import Any

import pytest

from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import House

ACACIA, ENDIVE = "2025-02-24.acacia", "2026-10-28.endive"
BOTH = pytest.mark.parametrize("version", [ACACIA, ENDIVE])


def made(house: House, story: str, version: str = ENDIVE, **given: Any) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Plays a story at the sandbox's Stripe, which can be asked about it afterwards."""
    ids, events = house.box.app[STRIPE].play(story, given)
    return ids, [event.envelope(version, connected=False) for event in events]


async def told_of(house: House, key: str) -> dict[str, Any]:
    await house.fold()
    await house.look_up()
    attributes: dict[str, Any] = (await house.details(key))["attributes"]
    return attributes


def asked(house: House, path: str) -> int:
    return sum(path in call["path"] for call in house.calls.found(method="GET"))


@BOTH
@pytest.mark.parametrize("subscription_heard", [True, False])
@pytest.mark.parametrize(
    ("story", "kind"), [("renewal_fails", "payment_failed"), ("renewal_paid", "payment_succeeded")]
)
async def test_a_bill_of_a_subscription_tells_how_often_it_comes(
    house: House, story: str, kind: str, version: str, subscription_heard: bool
) -> None:
    ids, events = made(house, story, version, article="studio_yearly", phone="+14155552671", new_customer=True)
    subscriptions = [one for one in events if one["type"].startswith("customer.subscription.")]
    bills = [one for one in events if one["type"].startswith("invoice.")]
    assert subscriptions
    await house.arrive([*(subscriptions if subscription_heard else ()), *bills])
    key = f"{kind}:{ids['invoice']}"
    attributes = await told_of(house, f"{key}:1" if kind == "payment_failed" else key)
    assert (attributes.get("interval"), attributes.get("interval_count")) == ("year", 1)
    assert asked(house, "/v1/prices/") == (0 if subscription_heard or version == ACACIA else 1)


async def test_a_price_is_asked_about_once_however_many_bills_are_of_it(house: House) -> None:
    for _ in range(3):
        ids, events = made(house, "renewal_paid", phone="+14155552671", new_customer=True)
        await house.arrive([one for one in events if one["type"].startswith("invoice.")])
        attributes = await told_of(house, f"payment_succeeded:{ids['invoice']}")
        assert attributes["interval"] == "month"
    assert asked(house, "/v1/prices/") == 1


async def test_a_bill_whose_price_stripe_does_not_tell_is_told_without_it(house: House) -> None:
    house.fail({"operation": "prices.retrieve", "act": "500"})
    ids, events = made(house, "renewal_paid", phone="+14155552671", new_customer=True)
    await house.arrive([one for one in events if one["type"].startswith("invoice.")])
    attributes = await told_of(house, f"payment_succeeded:{ids['invoice']}")
    assert "interval" not in attributes


@BOTH
@pytest.mark.parametrize(("story", "failed"), [("purchase", False), ("purchase_fails", True)])
async def test_a_purchase_tells_its_products_and_prices(house: House, story: str, failed: bool, version: str) -> None:
    ids, events = made(house, story, version, phone="+14155552671", guest=True)
    await house.arrive(events)
    await house.fold()
    [key] = [
        one for one in await house.facts() if one.startswith("payment_failed:" if failed else "payment_succeeded:")
    ]
    attributes = await told_of(house, key)
    [world] = house.box.app[STRIPE].accounts.worlds()
    [line] = world.line_items[ids["checkout_session"]]
    assert attributes["product_ids"] == [line["price"]["product"]]
    assert attributes["price_ids"] == [line["price"]["id"]]
    assert attributes["product_names"] == [line["description"]]


async def test_a_payment_that_no_checkout_made_is_told_without_products(house: House) -> None:
    house.fail({"operation": "checkout.sessions.list", "act": "500"})
    _, events = made(house, "purchase_fails", phone="+14155552671", guest=True)
    await house.arrive(events)
    await house.fold()
    [key] = await house.facts()
    assert "product_ids" not in await told_of(house, key)
