"""What an update of a subscription changed for whoever pays it: one name for each change, in either shape, and none for the rest."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest_service.folding.effects import Event
from ingest_service.folding.tellers.subscription_changes import Change, change_of
from ingest_service.folding.tellers.subscriptions import tell_subscription
from paybell_sandbox.stripe.telling import Told, tell

ACACIA, ENDIVE = "2025-02-24.acacia", "2026-10-28.endive"
BOTH = pytest.mark.parametrize("version", [ACACIA, ENDIVE])


def events(told: Told, version: str) -> list[Event]:
    """The updates of subscriptions among a story's events."""
    return [
        Event(
            one["id"], one["type"], datetime.fromtimestamp(one["created"], UTC), one["data"]["object"],
            one["data"].get("previous_attributes", {}), one["request"]["id"] or "",
        )
        for one in told.envelopes(version) if one["type"] == "customer.subscription.updated"
    ]  # fmt: skip


def changes(told: Told, version: str) -> list[Change]:
    return [change for event in events(told, version) if (change := change_of(event)) is not None]


@BOTH
@pytest.mark.parametrize(
    ("story", "given", "what"),
    [
        ("plan_changed", {"to": "team"}, ("plan",)),
        ("plan_changed", {"to": "studio_yearly"}, ("plan", "interval", "date")),
        ("price_changed", {"new_amount": 5_900}, ("price",)),
        ("billing_date_changed", {}, ("date",)),
    ],
)
def test_plan_price_interval_and_billing_date_are_told_apart(
    version: str, story: str, given: dict[str, Any], what: tuple[str, ...]
) -> None:
    [change] = changes(tell(story, **given), version)
    assert change.what == what


@BOTH
@pytest.mark.parametrize(
    "story",
    ["renewal_paid", "renewal_fails", "period_end", "new_card", "trial_will_end", "first_payment", "price_changed"],
)
def test_a_status_a_card_a_renewal_or_an_equal_price_changes_nothing_that_is_paid(version: str, story: str) -> None:
    given: dict[str, Any] = {"new_amount": 4_900} if story == "price_changed" else {}
    assert changes(tell(story, **given), version) == []


@BOTH
def test_a_trial_that_becomes_a_subscription_is_no_change_of_its_billing_date(version: str) -> None:
    assert changes(tell("trial_running").then("trial_ended_early", after=3_600), version) == []


def test_a_change_has_one_name_in_both_shapes_and_however_often_it_is_told() -> None:
    for story in ("plan_changed", "price_changed", "billing_date_changed"):
        told = tell(story)
        names = {change.name for version in (ACACIA, ENDIVE) for _ in range(2) for change in changes(told, version)}
        assert len(names) == 1, story


def test_to_and_fro_and_to_again_are_three_changes() -> None:
    [there] = events(tell("plan_changed"), ENDIVE)
    back = replace(
        there, obj={**there.obj, **there.previous}, previous={"items": there.obj["items"]}, request_id="req_2"
    )
    again = replace(there, request_id="req_3")
    found = [change_of(event) for event in (there, back, again)]
    assert len({change.name for change in found if change is not None}) == 3


def test_metadata_alone_is_no_change() -> None:
    [event] = events(tell("plan_changed"), ENDIVE)
    mere = Event(event.event_id, event.type, event.created_at, event.obj, {"metadata": {"a": "b"}}, event.request_id)
    assert change_of(mere) is None


@BOTH
def test_a_subscription_begins_and_ends_once(version: str) -> None:
    told = tell("first_payment")
    kinds = []
    for part in (told, told.then("subscription_ends")):
        for one in part.envelopes(version):
            if one["type"].startswith("customer.subscription."):
                previous = one["data"].get("previous_attributes", {})
                event = Event(
                    one["id"], one["type"], datetime.fromtimestamp(one["created"], UTC), one["data"]["object"], previous
                )
                kinds += [draft.key for draft in tell_subscription(event).drafts]
    subscription = told.ids["subscription"]
    assert kinds == [f"subscription_started:{subscription}", f"subscription_ended:{subscription}"]
