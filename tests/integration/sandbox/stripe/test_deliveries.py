"""Events on their way: signed, in the shape of the endpoint, repeated, mixed up, lost and tried again."""

import asyncio
import json
from collections import Counter
from typing import Any

import aiohttp
import pytest
import stripe

from paybell_sandbox.app import RunningSandbox, running
from paybell_sandbox.settings import Settings
from tests.integration.sandbox.stripe.conftest import PATIENCE, Control, Receiver

SECRET = "whsec_merchant"


async def connect(control: Control, receiver: Receiver, **more: Any) -> str:
    added = await control.ask("POST", "stripe/endpoints", {"url": receiver.url, "secret": SECRET, **more})
    return str(added["id"])


def types(receiver: Receiver) -> Counter[str]:
    return Counter(json.loads(body)["type"] for body in receiver.bodies)


async def until_posted(box: RunningSandbox, control: Control, path: str, count: int) -> list[dict[str, Any]]:
    """Waits until an event has this many deliveries."""
    with box.sandbox.watching() as changed:
        async with asyncio.timeout(PATIENCE):
            while True:
                changed.clear()
                found: list[dict[str, Any]] = (await control.ask("GET", path))["deliveries"]
                if len(found) >= count:
                    return found
                await changed.wait()


async def test_events_arrive_signed_and_in_the_endpoints_shape(control: Control, receivers: Any) -> None:
    old, new = await receivers(), await receivers()
    await connect(control, old, api_version="2025-02-24.acacia")
    await connect(control, new)
    ids = await control.play("renewal_fails")
    for receiver, in_old_shape in ((old, True), (new, False)):
        await receiver.wait_for(9)
        for body, header in zip(receiver.bodies, receiver.signatures, strict=True):
            assert stripe.WebhookSignature.verify_header(body.decode(), header, SECRET, 300)
        (failed,) = [
            event for body in receiver.bodies if (event := json.loads(body))["type"] == "invoice.payment_failed"
        ]
        assert ("subscription" in failed["data"]["object"]) is in_old_shape
        assert failed["data"]["object"]["id"] == ids["invoice"]


async def test_an_endpoint_of_an_old_version_hears_nothing_it_cannot_know(control: Control, receivers: Any) -> None:
    old = await receivers()
    await connect(control, old, api_version="2025-02-24.acacia")
    await control.play("renewal_paid")
    await old.wait_for(9)
    assert "invoice_payment.paid" not in types(old)


async def test_an_endpoint_hears_only_what_it_asked_for(control: Control, receivers: Any) -> None:
    receiver = await receivers()
    await connect(control, receiver, enabled_events=["refund.created"])
    await control.play("refund_two_parts")
    await receiver.wait_for(2)
    assert types(receiver) == {"refund.created": 2}


async def test_the_endpoint_of_the_settings_is_there_from_the_start(receivers: Any) -> None:
    receiver = await receivers()
    settings = Settings(listen="127.0.0.1:0", stripe_webhook_url=receiver.url)
    async with running(settings) as box, aiohttp.ClientSession() as session:
        await Control(session, box.url).play("phone_changed")
        (body,) = await receiver.wait_for(1)
    assert stripe.WebhookSignature.verify_header(body.decode(), receiver.signatures[0], "whsec_sandbox", 300)


async def test_each_event_comes_as_often_as_asked(control: Control, receivers: Any) -> None:
    receiver = await receivers()
    await connect(control, receiver)
    await control.ask("PUT", "stripe/delivery", {"repeats": 5, "reorder_window_ms": 20})
    await control.play("purchase")
    assert (await control.ask("GET", "stripe/wait/delivered"))["complete"]
    assert set(types(receiver).values()) == {5}


async def test_the_settings_say_how_often_and_how_mixed_up_events_come(receivers: Any) -> None:
    receiver = await receivers()
    settings = Settings(
        listen="127.0.0.1:0", stripe_webhook_url=receiver.url, stripe_repeats=2, stripe_reorder_window_ms=30, seed=5
    )
    async with running(settings) as box, aiohttp.ClientSession() as session:
        control = Control(session, box.url)
        await control.play("renewal_fails")
        assert (await control.ask("GET", "stripe/wait/delivered"))["complete"]
        made = [event["id"] for event in (await control.ask("GET", "stripe/events"))["events"]][::-1]
    came = [json.loads(body)["id"] for body in receiver.bodies]
    assert Counter(came) == dict.fromkeys(made, 2)
    assert list(dict.fromkeys(came)) != made


async def test_a_reset_takes_repeats_reordering_and_losses_back(control: Control) -> None:
    usual = await control.ask("GET", "stripe/delivery")
    for path in ("reset", "stripe/reset"):
        await control.ask("PUT", "stripe/delivery", {"repeats": 3, "reorder_window_ms": 2_000, "loss": 0.5})
        await control.ask("POST", path)
        assert await control.ask("GET", "stripe/delivery") == usual


async def test_what_was_not_taken_comes_again(
    box: RunningSandbox, control: Control, receivers: Any, client: stripe.StripeClient
) -> None:
    receiver = await receivers()
    receiver.answers = [500, 302, 400]
    await connect(control, receiver)
    await control.play("phone_changed")
    (event,) = (await control.ask("GET", "stripe/events"))["events"]
    await receiver.wait_for(4)
    attempts = await until_posted(box, control, f"stripe/events/{event['id']}", 4)
    assert [(found["number"], found["answer"]) for found in attempts] == [(1, 500), (2, 302), (3, 400), (4, 200)]
    assert len({json.loads(body)["id"] for body in receiver.bodies}) == 1
    assert (await client.v1.events.retrieve_async(event["id"])).pending_webhooks == 0


async def test_lost_events_are_found_by_asking(
    box: RunningSandbox, control: Control, receivers: Any, client: stripe.StripeClient
) -> None:
    receiver = await receivers()
    await connect(control, receiver)
    await control.ask("PUT", "stripe/delivery", {"loss": 1.0})
    await control.play("refund_full")
    await control.ask("PUT", "stripe/delivery", {"loss": 0})
    await control.play("phone_changed")
    await receiver.wait_for(1)
    (changed,) = (await control.ask("GET", "stripe/events?type=customer.updated"))["events"]
    await until_posted(box, control, f"stripe/events/{changed['id']}", 1)
    page = await client.v1.events.list_async({"delivery_success": False})
    assert [found.type for found in page.data] == ["refund.updated", "charge.refunded", "refund.created"]
    assert types(receiver) == {"customer.updated": 1}


async def test_with_deliveries_off_nothing_is_posted_and_all_can_be_asked_for(
    control: Control, receivers: Any, client: stripe.StripeClient
) -> None:
    receiver = await receivers()
    await connect(control, receiver)
    await control.ask("PUT", "stripe/delivery", {"enabled": False})
    ids = await control.play("renewal_fails")
    page = await client.v1.events.list_async({"types": ["invoice.payment_failed"], "created": {"gte": 1}})
    assert [found.data.object["id"] for found in page.data] == [ids["invoice"]]
    (event,) = (await control.ask("GET", "stripe/events?type=invoice.payment_failed"))["events"]
    await control.ask("POST", f"stripe/events/{event['id']}/resend", {})
    await receiver.wait_for(1)
    assert types(receiver) == {"invoice.payment_failed": 1}


async def test_events_keep_the_shape_they_were_written_in(control: Control, client: stripe.StripeClient) -> None:
    await control.ask("PUT", "stripe/accounts/acct_1StudioPaybell00", {"default_api_version": "2025-02-24.acacia"})
    await control.play("renewal_fails")
    (event,) = (await client.v1.events.list_async({"type": "invoice.payment_failed"})).data
    assert event.api_version == "2025-02-24.acacia"
    assert "subscription" in event.data.object


@pytest.mark.parametrize(("act", "posts"), [("double", 2), ("delay", 1), ("reorder", 1)])
async def test_a_fault_strikes_a_delivery(control: Control, receivers: Any, act: str, posts: int) -> None:
    receiver = await receivers()
    await connect(control, receiver)
    rule = {"side": "stripe", "operation": "event", "act": act, "count": 1, "seconds": 1}
    await control.ask("PUT", "faults", {"rules": [rule]})
    await control.play("phone_changed")
    await receiver.wait_for(posts)
    assert types(receiver) == {"customer.updated": posts}


async def test_connected_accounts_are_heard_by_connect_endpoints_only(control: Control, receivers: Any) -> None:
    own, connected = await receivers(), await receivers()
    await connect(control, own)
    await connect(control, connected, connect=True)
    await control.play("phone_changed", account="acct_1ConnectedShop0")
    await control.play("phone_changed")
    await control.ask("GET", "stripe/wait/delivered")
    (event,) = [json.loads(body) for body in connected.bodies]
    assert event["account"] == "acct_1ConnectedShop0"
    (event,) = [json.loads(body) for body in own.bodies]
    assert "account" not in event


async def test_live_and_test_are_apart(control: Control, receivers: Any) -> None:
    test, live = await receivers(), await receivers()
    await connect(control, test)
    await connect(control, live, livemode=True)
    await control.play("phone_changed", livemode=True)
    await control.play("phone_changed", livemode=False)
    await control.ask("GET", "stripe/wait/delivered")
    assert [json.loads(body)["livemode"] for body in live.bodies] == [True]
    assert [json.loads(body)["livemode"] for body in test.bodies] == [False]


async def test_one_seed_gives_two_accounts_the_same_ids(control: Control, client: stripe.StripeClient) -> None:
    await control.ask("PUT", "stripe/accounts/acct_1ConnectedShop0", {})
    one = await control.play("renewal_fails", seed="twins")
    two = await control.play("renewal_fails", seed="twins", account="acct_1ConnectedShop0")
    assert one == two
    there = await client.v1.invoices.retrieve_async(one["invoice"], options={"stripe_account": "acct_1ConnectedShop0"})
    here = await client.v1.invoices.retrieve_async(one["invoice"])
    assert there.id == here.id
    await client.v1.invoices.void_invoice_async(one["invoice"])
    there = await client.v1.invoices.retrieve_async(one["invoice"], options={"stripe_account": "acct_1ConnectedShop0"})
    assert there.status == "open"


async def test_an_account_that_is_not_connected_is_out_of_reach(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.PermissionError, match="does not have access to account"):
        await client.v1.customers.list_async(options={"stripe_account": "acct_1Somebody0Else0"})


@pytest.mark.parametrize("reset", ["reset", "stripe/reset"])
async def test_after_a_reset_nothing_happened_and_ids_are_new(
    control: Control, client: stripe.StripeClient, reset: str
) -> None:
    before = await control.play("purchase")
    await control.ask("POST", reset)
    assert (await client.v1.charges.list_async()).data == []
    assert (await control.ask("GET", "stripe/events"))["events"] == []
    assert await control.play("purchase") != before


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "stories/nothing_of_the_kind", {}, 404),
        ("POST", "stories/renewal_fails", {"colour": "red"}, 400),
        ("POST", "stories/customer_pays", {}, 400),
        ("POST", "stories/purchase", {"account": "shop"}, 400),
        ("PUT", "stripe/delivery", {"repeats": 0}, 400),
        ("PUT", "stripe/delivery", {"loss": "much"}, 400),
        ("PUT", "stripe/delivery", {"colour": "red"}, 400),
        ("POST", "stripe/endpoints", {"url": "http://127.0.0.1:9"}, 400),
        ("POST", "stripe/endpoints", {"url": "http://127.0.0.1:9", "secret": "s", "api_version": "1999"}, 400),
        ("DELETE", "stripe/endpoints/we_nothing", None, 404),
        ("GET", "stripe/events/evt_nothing", None, 404),
    ],
)
async def test_what_the_sandbox_does_not_understand_it_refuses_with_a_reason(
    control: Control, method: str, path: str, body: Any, status: int
) -> None:
    answer = await control.ask(method, path, body, status=status)
    assert answer["error"]


async def test_the_page_is_told_of_every_story_with_words_and_choices(control: Control) -> None:
    stories = (await control.ask("GET", "stories"))["stories"]
    names = {story["name"] for story in stories}
    for story in stories:
        assert story["title"]
        assert story["description"].endswith(".")
        assert set(story["follow_ups"]) <= names
        for parameter in story["parameters"]:
            assert parameter["kind"] != "choice" or parameter["default"] in parameter["choices"]
