"""Status callbacks: signed, in order, retried as the address asks, and all that can befall them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.sandbox.twilio.conftest import ACCOUNT, OURS, PHONE, SERVICE, Hook, Lab, Make


async def test_a_callback_tells_of_each_status_after_the_first(lab: Lab, hook: Hook) -> None:
    made = await lab.send(status_callback=f"{hook.url}/tok%2Fen?attempt=7&x=a%20b#rc=5&rp=all")
    await lab.quiet()
    assert hook.statuses() == ["sent", "delivered"]
    done = hook.forms[1].pop("RawDlrDoneDate")
    assert done.isdigit()
    assert len(done) == 10
    assert hook.forms[1] == {
        "MessageSid": made.sid,
        "SmsSid": made.sid,
        "MessageStatus": "delivered",
        "SmsStatus": "delivered",
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": OURS,
        "To": PHONE,
    }
    (judged,) = await lab.messages()
    assert [(d["what"], d["answer"], d["tries"]) for d in judged["deliveries"]] == [
        ("sent", 204, 1),
        ("delivered", 204, 1),
    ]


async def test_a_messaging_service_is_named_and_tells_of_queueing(lab: Lab, hook: Hook) -> None:
    await lab.send(from_=None, messaging_service_sid=SERVICE, status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["queued", "sent", "delivered"]
    assert {form["MessagingServiceSid"] for form in hook.forms} == {SERVICE}


@pytest.mark.parametrize(
    ("ending", "statuses", "code"),
    [
        ("0103", ["sent", "undelivered"], 30003),
        ("0105", ["sent", "undelivered"], 30005),
        ("0106", ["sent", "undelivered"], 30006),
        ("0107", ["sent", "undelivered"], 30007),
        ("0108", ["failed"], 30008),
        ("0199", ["sent"], None),
        ("0198", [], None),
    ],
)
async def test_the_number_decides_what_becomes_of_it(
    lab: Lab, hook: Hook, ending: str, statuses: list[str], code: int | None
) -> None:
    made = await lab.send(to=f"+1415555{ending}", status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == statuses
    assert (hook.forms[-1].get("ErrorCode") if hook.forms else None) == (str(code) if code else None)
    found = await lab.client.messages(made.sid).fetch_async()
    assert found.error_code == code
    assert found.status == (statuses[-1] if statuses else "delivered")


@pytest.mark.parametrize(
    ("fragment", "answers", "tries"),
    [
        pytest.param("", [500], 1, id="an error is not tried again by default"),
        pytest.param("#rc=3&rp=5xx", [500, 503], 3, id="until it is taken"),
        pytest.param("#rc=2&rp=5xx", [500] * 9, 3, id="as often as asked"),
        pytest.param("#rc=9&rp=all", [500] * 9, 6, id="never more than five times again"),
        pytest.param("#rc=5&rp=5xx", [404], 1, id="only what was asked"),
        pytest.param("#rc=5&rp=4xx,5xx", [404, 500], 3, id="one or the other"),
        pytest.param("#rc=many&rp=5xx", [500] * 9, 2, id="a figure that is none is not heeded"),
    ],
)
async def test_a_callback_is_tried_again_as_its_address_asks(
    lab: Lab, hook: Hook, fragment: str, answers: list[int], tries: int
) -> None:
    """All tries of one callback carry one token."""
    hook.answers = [(status, "text/xml", "") for status in answers]
    await lab.send(to="+14155550199", status_callback=hook.url + fragment)
    await lab.quiet()
    assert len(hook.forms) == tries
    assert len(set(hook.tokens)) == 1
    (judged,) = await lab.messages()
    assert judged["deliveries"][0]["tries"] == tries


async def test_an_answer_that_does_not_come_is_waited_for_as_the_address_asks(lab: Lab, hook: Hook) -> None:
    hook.hold = asyncio.Event()
    await lab.send(to="+14155550199", status_callback=f"{hook.url}#rc=1&rp=rt&rt=100&tt=100")
    await lab.quiet()
    hook.hold.set()
    assert len(hook.forms) == 2
    (judged,) = await lab.messages()
    assert (judged["deliveries"][0]["answer"], judged["deliveries"][0]["tries"]) == (0, 2)


async def test_where_nobody_listens_it_is_tried_once_more(lab: Lab, unused_tcp_port: int) -> None:
    await lab.send(to="+14155550199", status_callback=f"http://127.0.0.1:{unused_tcp_port}/x")
    await lab.quiet()
    (judged,) = await lab.messages()
    assert (judged["deliveries"][0]["answer"], judged["deliveries"][0]["tries"]) == (0, 2)


async def test_an_answer_of_plain_words_is_wrong(lab: Lab, hook: Hook) -> None:
    hook.answers = [(200, "text/plain", "OK")]
    made = await lab.send(to="+14155550199", status_callback=hook.url)
    await lab.quiet()
    (violation,) = (await lab.ask("GET", "violations"))["violations"]
    assert violation["sid"] == made.sid
    await lab.ask("POST", "reset")
    assert (await lab.ask("GET", "violations"))["violations"] == []


async def test_a_lost_callback_never_comes(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "lose", "count": 1})
    await lab.send(status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["delivered"]
    ((rule,),) = [(await lab.ask("GET", "faults"))["rules"]]
    assert rule["fired"] == 1


async def test_a_doubled_callback_comes_twice(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "double", "skip": 1})
    await lab.send(status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["sent", "delivered", "delivered"]


async def test_a_late_callback_comes_after_the_next(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "delay", "count": 1, "seconds": 30})
    await lab.send(status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["delivered", "sent"]


async def test_a_reordered_callback_comes_behind_the_next_every_time(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "reorder", "count": 1})
    await lab.send(status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["delivered", "sent"]


async def test_a_reordered_callback_comes_though_none_follows(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "reorder"})
    await lab.send(status_callback=hook.url)
    await lab.quiet()
    assert hook.statuses() == ["sent", "delivered"]


async def test_an_early_callback_is_answered_before_the_create_call_is(make: Make, hook: Hook) -> None:
    """The service hears of a message before it knows its SID."""
    lab = await make(time_scale=1.0)
    hook.hold = asyncio.Event()
    await lab.faults({"operation": "callback", "act": "early"})
    sending = asyncio.ensure_future(lab.send(status_callback=hook.url))
    (form,) = await hook.wait_for(1)
    assert not sending.done()
    hook.hold.set()
    made = await sending
    assert (made.status, form["MessageSid"], form["MessageStatus"]) == ("queued", made.sid, "sent")


async def test_a_fault_strikes_only_the_number_that_it_names(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "lose", "to": "2671"})
    await lab.send(status_callback=hook.url)
    await lab.send(to="+14155552672", status_callback=hook.url)
    await lab.quiet()
    assert {form["To"] for form in hook.forms} == {"+14155552672"}


async def test_what_a_cancelled_message_tells(lab: Lab, hook: Hook) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    service = {"from_": None, "messaging_service_sid": SERVICE}
    made = await lab.send(**service, schedule_type="fixed", send_at=at, status_callback=hook.url)
    await lab.client.messages(made.sid).update_async(status="canceled")
    await lab.quiet()
    assert hook.statuses() == ["canceled"]
