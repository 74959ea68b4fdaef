"""The same objects in the shapes of several API versions."""

from typing import Any

import pytest

from paybell_sandbox.stripe.changes import previous_attributes
from paybell_sandbox.stripe.telling import tell
from paybell_sandbox.stripe.versions import ACACIA, BASIL, DAHLIA, NEWEST, is_known


def subject(name: str, kind: str, version: str) -> dict[str, Any]:
    told = tell(name, metadata={"tier": "gold"}) if name != "refund_full" else tell(name)
    envelope = [found for found in told.envelopes(version) if found["type"] == kind][-1]
    found: dict[str, Any] = envelope["data"]["object"]
    return found


def test_an_old_bill_names_its_subscription_payment_and_charge() -> None:
    told = tell("renewal_fails")
    (envelope,) = [found for found in told.envelopes(ACACIA) if found["type"] == "invoice.payment_failed"]
    invoice = envelope["data"]["object"]
    assert envelope["api_version"] == ACACIA
    assert invoice["subscription"] == told.ids["subscription"]
    assert invoice["payment_intent"] == told.ids["payment_intent"]
    assert invoice["charge"] == told.ids["charge"]
    assert invoice["paid"] is False
    assert {"parent", "total_taxes", "amount_overpaid", "payments"}.isdisjoint(invoice)
    assert {"quote", "tax", "total_tax_amounts", "discount", "paid_out_of_band", "subscription_details"} <= set(invoice)


@pytest.mark.parametrize("version", [BASIL, DAHLIA, NEWEST])
def test_since_basil_a_bill_names_its_subscription_in_its_parent_and_no_payment(version: str) -> None:
    told = tell("renewal_fails")
    (envelope,) = [found for found in told.envelopes(version) if found["type"] == "invoice.payment_failed"]
    invoice = envelope["data"]["object"]
    assert invoice["parent"]["type"] == "subscription_details"
    assert invoice["parent"]["subscription_details"]["subscription"] == told.ids["subscription"]
    assert {"subscription", "payment_intent", "charge", "paid", "tax", "discount"}.isdisjoint(invoice)


def test_lines_name_their_price_where_their_version_writes_it() -> None:
    old = subject("renewal_fails", "invoice.payment_failed", ACACIA)["lines"]["data"][0]
    new = subject("renewal_fails", "invoice.payment_failed", BASIL)["lines"]["data"][0]
    price = new["pricing"]["price_details"]["price"]
    assert old["price"]["id"] == old["plan"]["id"] == price
    assert old["type"] == "subscription"
    assert old["proration"] is new["parent"]["subscription_item_details"]["proration"] is False
    assert old["subscription_item"] == new["parent"]["subscription_item_details"]["subscription_item"]
    assert {"parent", "pricing", "taxes"}.isdisjoint(old)
    assert {"price", "plan", "type", "proration", "subscription_item"}.isdisjoint(new)


@pytest.mark.parametrize("kind", ["charge.failed", "payment_intent.payment_failed"])
def test_only_the_old_shape_points_from_the_payment_to_the_bill(kind: str) -> None:
    told = tell("renewal_fails")
    for version, points in ((ACACIA, True), (BASIL, False), (NEWEST, False)):
        (envelope,) = [found for found in told.envelopes(version) if found["type"] == kind]
        assert ("invoice" in envelope["data"]["object"]) is points
        if points:
            assert envelope["data"]["object"]["invoice"] == told.ids["invoice"]


def test_the_period_moved_from_the_subscription_to_its_items_and_so_did_its_changes() -> None:
    told = tell("renewal_paid")
    for version, moved in ((ACACIA, False), (BASIL, True)):
        (envelope,) = [found for found in told.envelopes(version) if found["type"] == "customer.subscription.updated"]
        subscription, previous = envelope["data"]["object"], envelope["data"]["previous_attributes"]
        assert ("current_period_end" in subscription) is not moved
        assert ("current_period_end" in subscription["items"]["data"][0]) is moved
        assert ("current_period_end" in previous) is not moved
        assert ("items" in previous) is moved


@pytest.mark.parametrize(("version", "there"), [(BASIL, False), (DAHLIA, False), (NEWEST, True)])
def test_a_refund_knows_its_customer_since_endive_only(version: str, *, there: bool) -> None:
    assert ("customer" in subject("refund_full", "refund.created", version)) is there


def test_events_of_one_happening_are_the_same_events_in_every_shape() -> None:
    told = tell("renewal_fails")
    assert [found["id"] for found in told.envelopes(ACACIA)] == [found["id"] for found in told.envelopes(NEWEST)]


def test_an_event_shows_its_object_as_it_was_then() -> None:
    told = tell("renewal_fails")
    told.then("customer_pays")
    statuses = [found["data"]["object"]["status"] for found in told.envelopes() if found["type"].startswith("invoice.")]
    assert statuses == ["draft", "open", "open", "open"]


@pytest.mark.parametrize(
    ("version", "known"),
    [
        (ACACIA, True),
        ("2025-08-27.basil", True),
        (NEWEST, True),
        ("2019-05-16", False),
        ("2027-01-01.fern", False),
        ("x", False),
    ],
)
def test_versions_that_cannot_be_rendered_are_not_known(version: str, *, known: bool) -> None:
    assert is_known(version) is known


def test_only_what_changed_is_given_with_its_old_value() -> None:
    before = {"a": 1, "b": {"c": 1, "d": 2}, "e": [1, 2], "gone": 5, "same": {"x": 1}}
    after = {"a": 1, "b": {"c": 9, "d": 2}, "e": [1], "new": 7, "same": {"x": 1}}
    assert previous_attributes(before, after) == {"b": {"c": 1}, "e": [1, 2], "gone": 5, "new": None}
