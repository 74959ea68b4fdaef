"""The first bill of a subscription is paid at a form: what fails there has failed to nobody, unless we told of it."""

from typing import Any

import pytest

from ingest_service.folding.resolving import Holds
from tests.integration.ingest.folding.house import NOW, House, story
from tests.unit.ingest.folding.test_effects import SHAPES

Envelopes = list[dict[str, Any]]


def at_the_form(version: str, trouble: str) -> tuple[str, Envelopes, Envelopes]:
    """A bill, the event of a try that did not go through, and those of the next one, which did."""
    told, envelopes = story("first_payment", version)
    [opened] = [event for event in envelopes if event["type"] == "invoice.finalized"]
    tried = opened["data"]["object"] | {"attempt_count": 1, "attempted": True}
    failed = opened | {"id": "evt_0tried", "type": trouble, "created": NOW - 90, "data": {"object": tried}}
    return told.ids["invoice"], [failed], envelopes


async def fold_with_holds(house: House) -> None:
    """As the service folds, which gives who is at the form a minute."""
    async with house.pool.acquire() as conn, conn.transaction():
        await house.folding(Holds()).fold(conn)


@pytest.mark.parametrize("trouble", ["invoice.payment_failed", "invoice.payment_action_required"])
@pytest.mark.parametrize("version", SHAPES)
async def test_what_failed_or_was_confirmed_at_the_form_and_went_through_within_a_minute_is_a_plain_receipt(
    house: House, version: str, trouble: str
) -> None:
    bill, failed, paid = at_the_form(version, trouble)
    await house.arrive(failed)
    await fold_with_holds(house)
    await house.arrive(paid)
    await fold_with_holds(house)
    await house.look_up()
    await house.due_now()
    await house.look_up()
    facts = await house.facts()
    assert facts[f"payment_failed:{bill}:1"] == "dropped"
    assert facts[f"payment_succeeded:{bill}"] == "ready"
    assert f"payment_recovered:{bill}" not in facts


@pytest.mark.parametrize("version", SHAPES)
async def test_who_was_told_that_the_first_bill_failed_is_told_that_it_is_settled(house: House, version: str) -> None:
    bill, failed, paid = at_the_form(version, "invoice.payment_action_required")
    await house.arrive(failed)
    await house.fold()
    await house.look_up()
    await house.arrive(paid)
    await house.fold()
    await house.look_up()
    facts = await house.facts()
    assert facts[f"payment_failed:{bill}:1"] == "ready"
    assert facts[f"payment_recovered:{bill}"] == "ready"
    assert f"payment_succeeded:{bill}" not in facts
