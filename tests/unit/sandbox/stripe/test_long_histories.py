"""Whatever happens in whatever order, the account stays one that Stripe could have."""

import random

import pytest

from paybell_sandbox.stripe.stories import STORIES, StoryError, play
from paybell_sandbox.stripe.telling import tell
from paybell_sandbox.stripe.versions import ACACIA, BASIL, NEWEST
from paybell_sandbox.stripe.world import World

HISTORIES = 20
STEPS = 25


def history(seed: int) -> World:
    """An account in which stories were played at random, hours apart."""
    chance = random.Random(seed)
    told = tell("purchase", seed=seed)
    for _ in range(STEPS):
        told.clock.now += chance.randrange(60, 5 * 86_400)
        customer = {"customer": chance.choice(["ana", "jonas", "yuki"])}
        name = chance.choice(list(STORIES))
        takes = {parameter.name for parameter in STORIES[name].parameters if parameter.kind == "choice"}
        try:
            play(told.world, name, customer if "customer" in takes else {})
        except StoryError:
            continue
    return told.world


@pytest.fixture(scope="module", params=range(HISTORIES))
def world(request: pytest.FixtureRequest) -> World:
    return history(request.param)


def test_a_charge_knows_the_sum_of_its_refunds(world: World) -> None:
    for charge in world.newest("charge"):
        given_back = sum(
            refund["amount"]
            for refund in world.newest("refund")
            if refund["charge"] == charge["id"] and refund["status"] not in ("failed", "canceled")
        )
        if charge["captured"]:
            left_at_capture = charge["amount"] - charge["amount_captured"]
            assert charge["amount_refunded"] == given_back + left_at_capture
            assert charge["amount_refunded"] <= charge["amount"]
        else:
            assert given_back == 0


def test_a_paid_bill_has_nothing_left_and_an_open_one_all(world: World) -> None:
    for invoice in world.newest("invoice"):
        if invoice["status"] == "paid":
            assert (invoice["amount_remaining"], invoice["amount_paid"]) == (0, invoice["amount_due"])
        else:
            assert (invoice["amount_remaining"], invoice["amount_paid"]) == (invoice["amount_due"], 0)
        assert invoice["amount_due"] == sum(line["amount"] for line in invoice["lines"]["data"])


def test_a_payment_and_its_charge_agree(world: World) -> None:
    for intent in world.newest("payment_intent"):
        charge = world.find(intent["latest_charge"])
        match intent["status"]:
            case "succeeded":
                assert charge is not None
                assert charge["captured"]
                assert intent["amount_received"] == charge["amount_captured"]
            case "requires_capture":
                assert charge is not None
                assert not charge["captured"]
                assert intent["amount_capturable"] == charge["amount"]
            case _:
                assert (intent["amount_received"], intent["amount_capturable"]) == (0, 0)


def test_everything_an_object_refers_to_is_there(world: World) -> None:
    for obj in list(world.objects.values()):
        for name in ("customer", "charge", "payment_intent", "latest_charge", "latest_invoice", "invoice", "review"):
            if obj.get(name) is not None:
                assert world.find(obj[name]) is not None, f"{obj['id']} refers to {obj[name]}"


def test_every_event_can_be_written_in_every_shape(world: World) -> None:
    for event in world.events:
        for version in (ACACIA, BASIL, NEWEST):
            envelope = event.envelope(version, connected=False)
            subject = envelope["data"]["object"]
            assert subject["object"] == event.subject.newest["object"]
            assert ("previous_attributes" in envelope["data"]) is (event.previous is not None)


def test_no_two_events_share_an_id(world: World) -> None:
    assert len({event.id for event in world.events}) == len(world.events)


def test_an_update_says_what_it_changed(world: World) -> None:
    for event in world.events:
        if event.type.endswith(".updated") and event.previous is not None:
            assert event.envelope(NEWEST, connected=False)["data"]["previous_attributes"], event.type
