"""Stripe's side failing on demand, before and after the work is done."""

import asyncio
from typing import Any

import aiohttp
import pytest
import stripe

from paybell_sandbox.app import RunningSandbox
from paybell_sandbox.door import DOOR
from tests.integration.sandbox.stripe.conftest import PATIENCE, Control

KEY: Any = {"idempotency_key": "refund-1"}


async def fail(control: Control, operation: str, act: str, **more: Any) -> None:
    rule = {"side": "stripe", "operation": operation, "act": act, "count": 1, **more}
    await control.ask("PUT", "faults", {"rules": [rule]})


async def refunds(client: stripe.StripeClient) -> int:
    return len((await client.v1.refunds.list_async()).data)


async def test_before_the_work_nothing_was_done(client: stripe.StripeClient, control: Control) -> None:
    ids = await control.play("purchase")
    await fail(control, "refunds.create", "500")
    with pytest.raises(stripe.APIError) as failed:
        await client.v1.refunds.create_async({"charge": ids["charge"]}, KEY)
    assert failed.value.http_status == 500
    assert await refunds(client) == 0
    await client.v1.refunds.create_async({"charge": ids["charge"]}, KEY)
    assert await refunds(client) == 1


async def test_a_500_after_the_work_is_what_the_key_gets_from_then_on(
    client: stripe.StripeClient, control: Control
) -> None:
    ids = await control.play("purchase")
    await fail(control, "refunds.create", "500_after")
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            await client.v1.refunds.create_async({"charge": ids["charge"]}, KEY)
    assert await refunds(client) == 1


@pytest.mark.parametrize("act", ["reset_after", "truncate", "503_after", "hang_after"])
async def test_an_answer_lost_after_the_work_is_had_by_asking_again(
    client: stripe.StripeClient, control: Control, act: str
) -> None:
    ids = await control.play("purchase")
    await fail(control, "refunds.create", act, seconds=1)
    with pytest.raises((stripe.APIConnectionError, stripe.APIError, aiohttp.ClientError)):
        await client.v1.refunds.create_async({"charge": ids["charge"]}, KEY)
    refund = await client.v1.refunds.create_async({"charge": ids["charge"]}, KEY)
    assert refund.status == "succeeded"
    assert refund.last_response is not None
    assert refund.last_response.headers["Idempotent-Replayed"] == "true"
    assert await refunds(client) == 1


async def test_too_many_requests_says_why(client: stripe.StripeClient, control: Control) -> None:
    await fail(control, "customers.list", "429")
    with pytest.raises(stripe.RateLimitError) as limited:
        await client.v1.customers.list_async()
    assert limited.value.headers is not None
    assert limited.value.headers["Stripe-Rate-Limited-Reason"] == "global-rate"
    assert (await client.v1.customers.list_async()).data == []


@pytest.mark.parametrize("act", ["close", "reset"])
async def test_a_connection_breaks(client: stripe.StripeClient, control: Control, act: str) -> None:
    await fail(control, "*", act, count=2)  # aiohttp asks a second time by itself where a GET got no answer
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.list_async()


async def test_while_it_is_down_connections_are_refused(
    client: stripe.StripeClient, control: Control, box: RunningSandbox
) -> None:
    opened = box.app[DOOR].opened
    await fail(control, "customers.list", "down", seconds=50)  # half a second of the sandbox's time
    assert (await client.v1.customers.list_async()).data == []
    with pytest.raises(stripe.APIConnectionError) as refused:
        await client.v1.customers.list_async()
    assert isinstance(refused.value.__cause__, aiohttp.ClientConnectorError)
    async with asyncio.timeout(PATIENCE):
        await opened.wait()
    assert (await client.v1.customers.list_async()).data == []


async def test_a_call_without_an_answer_is_logged_without_one(client: stripe.StripeClient, control: Control) -> None:
    await fail(control, "customers.list", "reset", count=2)
    with pytest.raises(stripe.APIConnectionError):
        await client.v1.customers.list_async()
    calls = (await control.ask("GET", "stripe/calls"))["calls"]
    assert {(call["operation"], call["answer"]) for call in calls} == {("customers.list", None)}
