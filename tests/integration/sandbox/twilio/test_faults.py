"""Calls to Twilio that go wrong: before, while and after it did what was asked. The judge sees what exists."""

import asyncio
import errno
import socket
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException

from paybell_sandbox import stripe, twilio
from paybell_sandbox.door import DOOR
from tests.integration.sandbox.twilio.conftest import PATIENCE, PHONE, Lab, Make

BROKEN = (aiohttp.ClientError, TimeoutError, ValueError, TwilioException)


def create(act: str, **more: Any) -> dict[str, Any]:
    return {"operation": "messages.create", "act": act, "count": 1, **more}


@pytest.mark.parametrize("act", ["429", "500", "503"])
async def test_refused_before_it_was_taken(lab: Lab, act: str) -> None:
    await lab.faults(create(act))
    with pytest.raises(TwilioRestException) as failed:
        await lab.send()
    assert (failed.value.status, failed.value.code) == (int(act), {"429": 20429, "500": 20500, "503": 20503}[act])
    assert await lab.messages() == []
    await lab.send()
    assert len(await lab.messages()) == 1


async def test_too_many_requests_says_when_to_come_again(lab: Lab) -> None:
    await lab.faults(create("429", seconds=300))
    async with lab.session.post(f"{lab.box.twilio_api_base}/2010-04-01/Accounts/AC/Messages.json") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")


@pytest.mark.parametrize("act", ["500_after", "503_after"])
async def test_refused_after_it_was_taken(lab: Lab, act: str) -> None:
    await lab.faults(create(act))
    with pytest.raises(TwilioRestException) as failed:
        await lab.send()
    assert failed.value.status == int(act[:3])
    assert len(await lab.messages()) == 1


@pytest.mark.parametrize(
    ("act", "error", "taken"),
    [
        ("close", aiohttp.ServerDisconnectedError, 0),
        ("reset", aiohttp.ClientOSError, 0),
        ("hang", aiohttp.ServerDisconnectedError, 0),
        ("reset_after", aiohttp.ClientOSError, 1),
        ("hang_after", aiohttp.ServerDisconnectedError, 1),
        ("truncate", aiohttp.ClientPayloadError, 1),
    ],
)
async def test_the_connection_goes(lab: Lab, act: str, error: type[Exception], taken: int) -> None:
    """A reset is one: the client sees that it was torn down, not that it was closed."""
    await lab.faults(create(act, seconds=1))
    with pytest.raises(error) as failed:
        await lab.send()
    if error is aiohttp.ClientOSError:
        assert isinstance(failed.value, OSError)
        assert failed.value.errno == errno.ECONNRESET
    assert len(await lab.messages()) == taken
    assert [entry["status"] for entry in (await lab.ask("GET", "requests"))["requests"]] == [0]
    await lab.send()
    assert len(await lab.messages()) == taken + 1


async def test_while_it_is_down_whoever_connects_is_refused_and_afterwards_all_goes_on(make: Make) -> None:
    """Only that a client may take for "not sent": no connection ever was up."""
    lab = await make(time_scale=1.0)
    port = int(lab.box.url.rpartition(":")[2])
    opened = lab.box.app[DOOR].opened
    await lab.faults(create("down", seconds=0.5))
    made = await lab.send()
    assert not opened.is_set()
    with pytest.raises(aiohttp.ClientConnectorError) as refused:
        await lab.send()
    assert refused.value.os_error.errno == errno.ECONNREFUSED
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))  # nobody else may take the address meanwhile
    async with asyncio.timeout(PATIENCE):
        await opened.wait()
    again = await lab.send()
    assert [message["sid"] for message in await lab.messages()] == [made.sid, again.sid]


async def test_a_sandbox_that_is_down_can_end(make: Make) -> None:
    lab = await make(time_scale=1.0)
    await lab.faults(create("down", seconds=3600))
    await lab.send()


async def test_a_proxy_between_answers_html(lab: Lab) -> None:
    await lab.faults(create("html"))
    with pytest.raises(BROKEN):
        await lab.send()
    assert await lab.messages() == []


async def test_who_gives_up_on_a_slow_answer_still_made_a_message(make: Make) -> None:
    lab = await make(time_scale=1.0)
    await lab.faults(create("slow", seconds=0.3))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await lab.send()
    assert await lab.messages() == []
    assert len(await lab.wait("count=1")) == 1


async def test_a_list_lags_behind(make: Make) -> None:
    lab = await make(time_scale=1.0)
    await lab.faults({"operation": "messages.list", "act": "lag", "seconds": 60, "count": 1})
    made = await lab.send()
    assert await lab.client.messages.list_async(to=PHONE) == []
    assert [m.sid for m in await lab.client.messages.list_async(to=PHONE)] == [made.sid]
    assert (await lab.client.messages(made.sid).fetch_async()).sid == made.sid


@pytest.mark.parametrize(
    ("operation", "call"),
    [
        ("messages.list", lambda lab, _: lab.client.messages.list_async()),
        ("messages.fetch", lambda lab, sid: lab.client.messages(sid).fetch_async()),
        ("messages.update", lambda lab, sid: lab.client.messages(sid).update_async(body="")),
        ("messages.delete", lambda lab, sid: lab.client.messages(sid).delete_async()),
        ("calls.create", lambda lab, _: lab.client.calls.create_async(PHONE, "+14155550100", twiml="<Response/>")),
        ("calls.list", lambda lab, _: lab.client.calls.list_async()),
        ("lookups.fetch", lambda lab, _: lab.client.lookups.v2.phone_numbers(PHONE).fetch_async()),
        ("accounts.fetch", lambda lab, _: lab.client.api.v2010.accounts(lab.client.account_sid).fetch_async()),
    ],
)
async def test_every_call_can_fail(lab: Lab, operation: str, call: Any) -> None:
    made = await lab.send()
    await lab.quiet()
    await lab.faults({"operation": operation, "act": "503"})
    with pytest.raises(TwilioException):
        await call(lab, made.sid)
    ((rule,),) = [(await lab.ask("GET", "faults"))["rules"]]
    assert rule["fired"] == 1
    await lab.ask("DELETE", "faults")
    await call(lab, made.sid)


async def test_the_third_only_and_then_every_second_by_the_seed(make: Make) -> None:
    async def outcomes() -> list[int]:
        lab = await make(seed=11)
        await lab.faults(create("503", skip=2), {"operation": "messages.create", "act": "500", "probability": 0.5})
        return [
            (await lab.post("/Messages.json", {"To": PHONE, "From": "+14155550100", "Body": "x"}))[0] for _ in range(40)
        ]

    first, second = await outcomes(), await outcomes()
    assert first == second, "the same seed gives the same faults"
    assert first.count(503) == 1
    assert 8 <= first.count(500) <= 32


@pytest.mark.parametrize(
    "rule",
    [
        "lose",
        {},
        {"side": "twilio", "operation": "messages.create", "act": "explode"},
        {"side": "vonage", "operation": "messages.create", "act": "500"},
        {"side": "twilio", "operation": "message.create", "act": "500"},
        {"side": "twilio", "operation": "messages.create", "act": "lose"},
        {"side": "twilio", "operation": "callback", "act": "500"},
        {"side": "twilio", "operation": "messages.create", "act": "lag"},
        {"side": "twilio", "operation": "*", "act": "500", "probability": 2},
        {"side": "twilio", "operation": "*", "act": "500", "probability": "often"},
        {"side": "twilio", "operation": "*", "act": "500", "count": -1},
        {"side": "twilio", "operation": "*", "act": "500", "seconds": "long"},
        {"side": "twilio", "operation": "*", "act": "500", "to": 1},
        {"side": "twilio", "operation": "*", "act": "500", "nth": 3},
        {"side": "twilio", "operation": "*", "act": "500", "count": 0},
        {"side": "twilio", "operation": "*", "act": "500", "probability": 0},
        {"side": "twilio", "operation": "inbound", "act": "early"},
        {"side": "twilio", "operation": "messages.fetch", "act": "lag", "seconds": 1},
        *(
            {"side": "twilio", "operation": "messages.create", "act": act}
            for act in ("hang", "slow", "hang_after", "down")
        ),
        {"side": "twilio", "operation": "messages.list", "act": "lag", "seconds": 0},
        {"side": "twilio", "operation": "callback", "act": "delay"},
        {"side": "stripe", "operation": "refnds.create", "act": "500"},
        {"side": "stripe", "operation": "unknown", "act": "500"},
        {"side": "stripe", "operation": "messages.create", "act": "500"},
        {"side": "stripe", "operation": "*", "act": "early"},
        {"side": "stripe", "operation": "*", "act": "lag", "seconds": 1},
        {"side": "stripe", "operation": "customers.list", "act": "lag", "seconds": 1},
        {"side": "stripe", "operation": "event", "act": "early"},
        {"side": "stripe", "operation": "event", "act": "500"},
        {"side": "stripe", "operation": "*", "act": "500", "to": "2671"},
    ],
)
async def test_a_rule_that_could_never_fire_is_refused_and_changes_nothing(lab: Lab, rule: Any) -> None:
    await lab.faults(create("500"))
    told = await lab.ask("PUT", "faults", {"rules": [rule]}, status=400)
    assert told["error"]
    assert len((await lab.ask("GET", "faults"))["rules"]) == 1


@pytest.mark.parametrize("side", ["twilio", "stripe"])
async def test_each_act_that_a_side_names_for_an_operation_is_taken(lab: Lab, side: str) -> None:
    befall = {"twilio": twilio.BEFALL, "stripe": stripe.BEFALL}[side]
    rules = [
        {"side": side, "operation": operation, "act": act, "seconds": 1}
        for operation, acts in {**befall, "*": {act for befalls in befall.values() for act in befalls}}.items()
        for act in acts
    ]
    assert len((await lab.ask("PUT", "faults", {"rules": rules}))["rules"]) == len(rules)
