"""Calls: they ring until somebody answers, say what TwiML says, and listen for keys."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import VoiceResponse

from tests.integration.sandbox.twilio.conftest import ACCOUNT, OURS, PHONE, Hook, Lab, Make

EVENTS = ["initiated", "ringing", "answered", "completed"]


def says(*words: str) -> str:
    response = VoiceResponse()
    for text in words:
        response.say(text)
    return str(response)


def asks(action: str, **gather: Any) -> str:
    response = VoiceResponse()
    asked = response.gather(action=action, input="dtmf", **gather)
    asked.say("Press 1 for yes.")
    response.say("We did not hear you.")
    return str(response)


async def call(lab: Lab, **changes: Any) -> Any:
    given = {"to": PHONE, "from_": OURS, "twiml": says("Hello."), **changes}
    return await lab.client.calls.create_async(**{name: value for name, value in given.items() if value is not None})


async def act(lab: Lab, sid: str, what: str, body: Any = None, *, status: int | None = None) -> Any:
    return await lab.ask("POST", f"calls/{sid}/{what}", body or {}, status=status)


async def listening(lab: Lab, sid: str) -> Any:
    """The call, once it listens."""
    with lab.box.sandbox.watching() as changed:
        while True:
            (found,) = [c for c in await lab.messages("?kind=call") if c["sid"] == sid]
            if found["listening"]:
                return found
            changed.clear()
            await changed.wait()


async def ended(lab: Lab, status: str = "completed") -> Any:
    (found,) = await lab.wait(f"kind=call&status={status}")
    await lab.quiet()
    return found


async def test_a_call_rings_until_it_is_answered_and_says_its_words(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=0.05)
    made = await call(
        lab, twiml=says("Hello Ann &amp; Bob.", "Good bye."), status_callback=hook.url, status_callback_event=EVENTS
    )
    assert (made.status, made.direction) == ("queued", "outbound-api")
    (ringing,) = await lab.wait("kind=call&status=ringing")
    assert ringing["said"] == []
    await act(lab, made.sid, "answer")
    found = await ended(lab)
    assert found["said"] == ["Hello Ann &amp; Bob.", "Good bye."]
    assert hook.statuses() == ["initiated", "ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in hook.forms] == ["0", "1", "2", "3"]
    last = hook.forms[-1]
    assert {"CallDuration", "Timestamp", "SipResponseCode"} <= set(last)
    assert (last["CallSid"], last["AccountSid"], last["From"], last["To"]) == (made.sid, ACCOUNT, OURS, PHONE)
    now = await lab.client.calls(made.sid).fetch_async()
    assert now.status == "completed"
    assert now.end_time is not None
    assert now.answered_by is None


async def test_only_completed_is_told_where_nothing_else_was_asked_for(lab: Lab, hook: Hook) -> None:
    made = await call(lab, status_callback=hook.url)
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "answer")
    await ended(lab)
    assert hook.statuses() == ["completed"]


@pytest.mark.parametrize(
    ("to", "status"),
    [("+14155550121", "busy"), ("+14155550122", "no-answer"), ("+14155550124", "failed"), (PHONE, "no-answer")],
)
async def test_a_call_that_nobody_takes(lab: Lab, hook: Hook, to: str, status: str) -> None:
    made = await call(lab, to=to, timeout=5, status_callback=hook.url)
    found = await ended(lab, status)
    assert found["said"] == []
    assert hook.statuses() == [status]
    assert (await lab.client.calls(made.sid).fetch_async()).status == status


async def test_the_person_declines(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    made = await call(lab, status_callback=hook.url)
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "decline")
    await ended(lab, "busy")
    assert hook.statuses() == ["busy"]


@pytest.mark.parametrize(
    ("detection", "answered_by"), [("Enable", "machine_start"), ("DetectMessageEnd", "machine_end_beep"), (None, None)]
)
async def test_a_voicemail_is_named_where_it_was_asked_for(
    lab: Lab, hook: Hook, detection: str | None, answered_by: str | None
) -> None:
    """Completed does not mean that a person heard it."""
    made = await call(lab, to="+14155550123", machine_detection=detection, status_callback=hook.url)
    await ended(lab)
    assert hook.forms[-1].get("AnsweredBy") == answered_by
    assert (await lab.client.calls(made.sid).fetch_async()).answered_by == answered_by


async def test_a_voicemail_is_told_of_beside_where_the_call_does_not_wait_for_it(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=0.05)
    detection = {"machine_detection": "Enable", "async_amd": "true", "async_amd_status_callback": f"{hook.url}/amd"}
    made = await call(lab, **detection, to="+14155550123")
    await ended(lab)
    (form,) = hook.forms
    assert (form["CallSid"], form["AnsweredBy"]) == (made.sid, "machine_start")


async def test_what_to_say_is_fetched_when_somebody_answers(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    made = await call(lab, twiml=None, url=f"{hook.url}/voice")
    await lab.wait("kind=call&status=ringing")
    assert hook.forms == []
    hook.answers = [(200, "text/xml", says("From afar."))]
    await act(lab, made.sid, "answer")
    assert (await ended(lab))["said"] == ["From afar."]
    assert hook.forms[0]["CallStatus"] == "in-progress"


async def test_a_key_goes_to_its_action_and_what_that_answers_is_said(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    made = await call(lab, twiml=asks(f"{hook.url}/pressed", numDigits=1))
    hook.answers = [(200, "text/xml", says("Thank you."))]
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "press", {"digits": "1"}, status=409)
    await act(lab, made.sid, "answer")
    assert (await listening(lab, made.sid))["said"] in ([], ["Press 1 for yes."])
    await act(lab, made.sid, "press", {"digits": "1"})
    found = await ended(lab)
    assert (found["said"], found["pressed"]) == (["Press 1 for yes.", "Thank you."], ["1"])
    assert hook.forms[0]["Digits"] == "1"


async def test_several_keys_make_one_answer_and_a_hash_ends_it(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    cases: list[tuple[list[str], str, int]] = [(["4", "8", "2", "1"], "4821", 4), (["48", "2#"], "482", 9)]
    for keys, digits, most in cases:
        made = await call(lab, twiml=asks(f"{hook.url}/pressed", numDigits=most))
        await lab.wait("kind=call&status=ringing")
        await act(lab, made.sid, "answer")
        await listening(lab, made.sid)
        hook.forms.clear()
        for key in keys:
            await act(lab, made.sid, "press", {"digits": key})
        (form,) = await hook.wait_for(1)
        assert form["Digits"] == digits


async def test_silence_goes_on_with_what_stands_below(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=0.01)
    made = await call(lab, twiml=asks(f"{hook.url}/pressed", timeout=3))
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "answer")
    assert (await ended(lab))["said"] == ["Press 1 for yes.", "We did not hear you."]
    assert hook.forms == []


async def test_silence_may_be_an_answer_too(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=0.01)
    made = await call(lab, twiml=asks(f"{hook.url}/pressed", timeout=3, actionOnEmptyResult=True))
    hook.answers = [(200, "text/xml", says("Good bye."))]
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "answer")
    assert (await ended(lab))["said"] == ["Press 1 for yes.", "Good bye."]
    assert hook.forms[0]["Digits"] == ""


async def test_a_call_goes_round_in_circles_only_so_often(lab: Lab, hook: Hook) -> None:
    hook.answers = [(200, "text/xml", f"<Response><Redirect>{hook.url}</Redirect></Response>")] * 100
    made = await call(lab, twiml=None, url=hook.url)
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "answer")
    await ended(lab)
    assert len(hook.forms) <= 31


@pytest.mark.parametrize(
    "answer", [(200, "text/xml", "<Response><Say>"), (200, "text/html", "<html/>"), (500, "text/plain", "oops")]
)
async def test_an_application_error_is_heard_and_told_to_the_judge(
    lab: Lab, hook: Hook, answer: tuple[int, str, str]
) -> None:
    hook.answers = [answer]
    made = await call(lab, twiml=None, url=hook.url)
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "answer")
    assert (await ended(lab))["said"] == ["An application error has occurred. Goodbye."]
    assert (await lab.ask("GET", "violations"))["violations"]


async def test_a_call_is_ended_and_sent_elsewhere_from_outside(make: Make, hook: Hook) -> None:
    lab = await make(time_scale=1.0)
    made = await call(lab, status_callback=hook.url)
    await lab.wait("kind=call&status=ringing")
    assert (await lab.client.calls(made.sid).update_async(status="canceled")).status == "canceled"
    with pytest.raises(TwilioRestException) as over:
        await lab.client.calls(made.sid).update_async(status="completed")
    assert over.value.code == 21220
    other = await call(lab, twiml=asks(f"{hook.url}/pressed"))
    await lab.wait("kind=call&status=ringing")
    await act(lab, other.sid, "answer")
    await listening(lab, other.sid)
    await lab.client.calls(other.sid).update_async(twiml=says("Changed."))
    found = await ended(lab)
    assert found["said"][-1] == "Changed."
    assert hook.statuses() == ["canceled"]


async def test_callbacks_of_calls_fall_under_the_faults(lab: Lab, hook: Hook) -> None:
    await lab.faults({"operation": "callback", "act": "lose", "count": 1})
    await call(lab, to="+14155550121", status_callback=hook.url, status_callback_event=EVENTS)
    await ended(lab, "busy")
    assert hook.statuses() == ["ringing", "busy"]


async def test_acts_that_do_not_fit_are_refused(make: Make) -> None:
    lab = await make(time_scale=1.0)
    made = await call(lab)
    await lab.wait("kind=call&status=ringing")
    await act(lab, made.sid, "decline")
    for what in ("answer", "voicemail", "decline", "hang-up"):
        assert (await act(lab, made.sid, what, status=409))["error"]
    await act(lab, made.sid, "press", {"digits": "five"}, status=400)
    await act(lab, made.sid, "sing", status=404)
    await act(lab, "CA1", "answer", status=404)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": None}, 21201),
        ({"From": None}, 21213),
        ({"To": "911"}, 21211),
        ({"From": "me"}, 21212),
        ({"From": "+15005550001"}, 21212),
        ({"From": "+442071838750"}, 21210),
        ({"Twiml": None}, 21205),
        ({"Url": "nowhere"}, 21205),
        ({"Twiml": "x" * 4001}, 20001),
        ({"StatusCallback": "https://my_host/"}, 21609),
        ({"StatusCallbackEvent": "hung-up"}, 20001),
        ({"Timeout": "601"}, 20001),
        ({"MachineDetection": "Perhaps"}, 20001),
        ({"Idempotency": "1"}, 20001),
        ({"To": "+14155550112"}, 21214),
    ],
)
async def test_what_twilio_refuses_is_refused_and_makes_no_call(lab: Lab, changes: dict[str, Any], code: int) -> None:
    form = {"To": PHONE, "From": OURS, "Twiml": says("x"), **changes}
    status, body = await lab.post("/Calls.json", {name: value for name, value in form.items() if value is not None})
    assert (status, body["code"]) == (400, code)
    assert await lab.messages() == []


async def test_calls_are_listed_newest_first_and_filtered(lab: Lab) -> None:
    first = await call(lab, to="+14155550121")
    await ended(lab, "busy")
    second = await call(lab, to="+14155550124")
    await ended(lab, "failed")
    assert [c.sid for c in await lab.client.calls.list_async()] == [second.sid, first.sid]
    assert [c.sid for c in await lab.client.calls.list_async(to="+14155550121")] == [first.sid]
    assert [c.sid for c in await lab.client.calls.list_async(status="failed")] == [second.sid]
    now = datetime.now(UTC)
    assert await lab.client.calls.list_async(start_time_after=now - timedelta(days=1)) == [], "neither was answered"
    assert len(await lab.client.calls.list_async(end_time_after=now - timedelta(days=1))) == 2
    page = await lab.client.calls.page_async(page_size=1)
    following = await page.next_page_async()
    assert following is not None
    assert [c.sid for c in following] == [first.sid]
    assert await lab.client.calls(first.sid).delete_async()
    assert [c.sid for c in await lab.client.calls.list_async()] == [second.sid]
