"""Messages through Twilio's own client, and what Twilio refuses."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.integration.sandbox.twilio.conftest import (
    ACCOUNT,
    OTHER,
    OURS,
    PHONE,
    SERVICE,
    TOKEN,
    Lab,
    Make,
    basic,
)

EMPTY = "MG" + "e" * 32


async def test_a_text_is_queued_then_delivered(lab: Lab) -> None:
    made = await lab.send(body="Your payment failed. Ref 7F3K")
    assert made.sid.startswith("SM")
    assert (made.status, made.direction, made.num_segments, made.price) == ("queued", "outbound-api", "1", None)
    assert abs(made.date_created - datetime.now(UTC)) < timedelta(seconds=10)
    assert made.date_sent is None
    await lab.quiet()
    now = await lab.client.messages(made.sid).fetch_async()
    assert (now.status, now.price, now.error_code) == ("delivered", "-0.00830", None)
    assert now.date_sent is not None
    (judged,) = await lab.messages()
    assert [step["status"] for step in judged["history"]] == ["queued", "sent", "delivered"]
    assert judged["body"] == "Your payment failed. Ref 7F3K"


async def test_dates_are_rfc_2822_in_real_time(lab: Lab) -> None:
    _, body = await lab.post("/Messages.json", {"To": PHONE, "From": OURS, "Body": "x"})
    assert body["date_created"].endswith("+0000")
    assert abs(parsedate_to_datetime(body["date_created"]) - datetime.now(UTC)) < timedelta(seconds=10)


async def test_a_messaging_service_accepts_before_it_chooses_a_sender(lab: Lab) -> None:
    made = await lab.send(from_=None, messaging_service_sid=SERVICE)
    assert (made.status, made.from_, made.num_segments) == ("accepted", None, "0")
    await lab.quiet()
    now = await lab.client.messages(made.sid).fetch_async()
    assert (now.status, now.from_, now.num_segments) == ("delivered", OURS, "1")


async def test_a_picture_makes_it_an_mms(lab: Lab) -> None:
    made = await lab.send(media_url=["https://example.com/a.png", "https://example.com/b.png"])
    assert made.sid.startswith("MM")
    assert made.num_media == "2"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"To": None}, 21604, id="no To"),
        pytest.param({"To": "4155552671"}, 21211, id="To without country"),
        pytest.param({"To": "+1415"}, 21211, id="To too short"),
        pytest.param({"To": "+1 415 555 2671"}, 21211, id="To with spaces"),
        pytest.param({"To": "12345"}, 21265, id="To a short code"),
        pytest.param({"To": f"tel:{PHONE}"}, 21211, id="To on a channel that there is not"),
        pytest.param({"To": OURS}, 21266, id="To equals From"),
        pytest.param({"From": None}, 21603, id="no From"),
        pytest.param({"From": "nobody knows who"}, 21212, id="From no sender"),
        pytest.param({"From": "+15005550007"}, 21606, id="From not ours"),
        pytest.param({"From": "+442071838750"}, 21606, id="From of somebody else"),
        pytest.param({"From": "12345"}, 21606, id="From a short code that is not ours"),
        pytest.param({"From": "Evil Corp"}, 21606, id="From a name that is not ours"),
        pytest.param({"From": None, "MessagingServiceSid": "MG1"}, 21701, id="no service at all"),
        pytest.param({"From": None, "MessagingServiceSid": "MG" + "c" * 32}, 21701, id="no such service"),
        pytest.param({"MessagingServiceSid": "MG" + "c" * 32}, 21701, id="no such service beside a From"),
        pytest.param({"From": None, "MessagingServiceSid": EMPTY}, 21703, id="service without a sender"),
        pytest.param({"From": OTHER, "MessagingServiceSid": SERVICE}, 21712, id="From outside the service"),
        pytest.param(
            {"To": f"whatsapp:{PHONE}", "From": f"whatsapp:{OTHER}"}, 63007, id="From that is not on WhatsApp"
        ),
        pytest.param({"RiskCheck": "maybe"}, 20001, id="a word that there is not"),
        pytest.param({"SmartEncoded": "1"}, 20001, id="neither true nor false"),
        pytest.param({"MediaUrl": "a.png"}, 21620, id="a picture without an address"),
        pytest.param({"To": f"whatsapp:{PHONE}"}, 21612, id="WhatsApp from a plain number"),
        pytest.param({"Body": None}, 21602, id="no words"),
        pytest.param({"Body": ""}, 21602, id="empty words"),
        pytest.param({"Body": "x" * 1601}, 21617, id="too long"),
        pytest.param(
            {"Body": None, "ContentSid": "HX" + "1" * 32, "ContentVariables": "Ann"}, 21656, id="variables no JSON"
        ),
        pytest.param(
            {"Body": None, "ContentSid": "HX" + "1" * 32, "ContentVariables": '{"1": ""}'}, 21656, id="variable empty"
        ),
        pytest.param(
            {"Body": None, "ContentSid": "HX" + "1" * 32, "ContentVariables": '{"1": "a\\nb"}'}, 21656, id="line break"
        ),
        pytest.param({"Body": None, "ContentSid": "1"}, 20404, id="no such template"),
        pytest.param({"StatusCallback": "/status"}, 21609, id="callback not absolute"),
        pytest.param({"StatusCallback": "https://my_host/status"}, 21609, id="callback host with underscore"),
        pytest.param({"StatusCallback": "ftp://example.com/status"}, 21609, id="callback not http"),
        pytest.param({"StatusCallback": "https://[bad/status"}, 21609, id="callback no URL"),
        pytest.param({"StatusCallback": "https://example.com/" + "x" * 4000}, 21609, id="callback too long"),
        pytest.param({"ValidityPeriod": "0"}, 20001, id="validity too short"),
        pytest.param({"ValidityPeriod": "36001"}, 20001, id="validity too long"),
        pytest.param({"ScheduleType": "fixed", "SendAt": "2030-01-01T00:00:00Z"}, 35118, id="schedule without service"),
        pytest.param({"Idempotency": "1"}, 20001, id="unknown parameter"),
        pytest.param({"To": "+14155550110"}, 21610, id="number that opted out"),
        pytest.param({"To": "+14155550114"}, 21614, id="number of a landline"),
        pytest.param({"To": "+4915155550114"}, 21614, id="the same ending elsewhere"),
        pytest.param({"To": "+14155550129"}, 20429, id="number that is always too much"),
        pytest.param({"To": "+15005550003"}, 21408, id="number of the test credentials"),
    ],
)
async def test_what_twilio_refuses_is_refused_and_makes_no_message(
    make: Make, changes: dict[str, Any], code: int
) -> None:
    lab = await make(twilio_services={SERVICE: [OURS], EMPTY: []})
    assert await lab.refused(**changes) == code
    assert await lab.messages() == []


@pytest.mark.parametrize("sender", ["+442071838750", "Acme", "12345"])
async def test_whatever_the_settings_name_may_send(make: Make, sender: str) -> None:
    lab = await make(twilio_senders=[sender], twilio_services={SERVICE: [sender]})
    assert (await lab.send(from_=sender)).from_ == sender
    made = await lab.send(from_=None, messaging_service_sid=SERVICE)
    assert (await lab.client.messages(made.sid).fetch_async()).from_ in (None, sender)
    assert await lab.refused(From=OURS) == 21606
    assert (await lab.ask("GET", "numbers"))["senders"] == [sender]


@pytest.mark.parametrize("to", ["+14155550111", "+1415"])
async def test_a_refusal_repeats_the_number_as_twilio_does(lab: Lab, to: str) -> None:
    """So that whoever logs refusals is caught."""
    with pytest.raises(TwilioRestException) as refused:
        await lab.send(to=to)
    assert (refused.value.status, refused.value.code) == (400, 21211)
    assert to in refused.value.msg


async def test_an_unknown_parameter_is_told_to_the_judge(lab: Lab) -> None:
    await lab.refused(Tag="x")
    (violation,) = (await lab.ask("GET", "violations"))["violations"]
    assert violation["parameter"] == "Tag"


async def test_something_twilio_does_not_have_is_not_found_and_told(lab: Lab) -> None:
    status, body = await lab.post("/Faxes.json", {})
    assert (status, body["code"]) == (404, 20404)
    (violation,) = (await lab.ask("GET", "violations"))["violations"]
    assert violation["path"].endswith("/Faxes.json")


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nobody"),
        pytest.param(basic(ACCOUNT, "wrong"), id="wrong token"),
        pytest.param(basic("AC" + "1" * 32, TOKEN), id="another account"),
        pytest.param(basic("SK1", "ü"), id="a key that there is not"),
        pytest.param({"Authorization": "Basic ???"}, id="no base64"),
        pytest.param({"Authorization": "Bearer " + TOKEN}, id="another scheme"),
    ],
)
async def test_only_the_account_comes_in(lab: Lab, headers: dict[str, str]) -> None:
    status, body = await lab.post("/Messages.json", {"To": PHONE, "From": OURS, "Body": "x"}, headers=headers)
    assert (status, body["code"]) == (401, 20003)
    assert await lab.messages() == []


async def test_an_api_key_comes_in_and_another_account_does_not(make: Make) -> None:
    lab = await make(twilio_api_key="SK" + "2" * 32, twilio_api_secret="secret")
    key = basic("SK" + "2" * 32, "secret")
    status, _ = await lab.post("/Messages.json", {"To": PHONE, "From": OURS, "Body": "x"}, headers=key)
    assert status == 201
    other = f"{lab.box.twilio_api_base}/2010-04-01/Accounts/AC{'1' * 32}/Messages.json"
    status, body = await lab.post("", url=other, method="GET", headers=key)
    assert (status, body["code"]) == (404, 20404)


async def test_both_tokens_are_good_while_one_replaces_the_other(make: Make) -> None:
    lab = await make(twilio_auth_token="sandbox-token,next")
    for token in ("sandbox-token", "next"):
        status, _ = await lab.post("/Messages.json", {}, headers=basic(ACCOUNT, token))
        assert status == 400


async def test_the_account_itself(lab: Lab) -> None:
    account = await lab.client.api.v2010.accounts(ACCOUNT).fetch_async()
    assert (account.sid, account.status, account.type) == (ACCOUNT, "active", "Full")


async def test_a_list_is_newest_first_and_filtered(lab: Lab) -> None:
    first = await lab.send()
    second = await lab.send()
    other = await lab.send(to="+14155552672")
    assert [m.sid for m in await lab.client.messages.list_async()] == [other.sid, second.sid, first.sid]
    assert [m.sid for m in await lab.client.messages.list_async(to=PHONE)] == [second.sid, first.sid]
    assert await lab.client.messages.list_async(from_="+14155550101") == []


async def test_a_list_by_date_leaves_out_what_was_not_sent_yet(make: Make) -> None:
    """As at Twilio: a message has no date of sending until it was sent."""
    lab = await make(time_scale=1.0)
    await lab.send()
    now = datetime.now(UTC)
    assert await lab.client.messages.list_async(date_sent_after=now - timedelta(days=1)) == []
    await lab.wait("status=sent")
    (found,) = await lab.client.messages.list_async(date_sent_after=now - timedelta(days=1))
    assert found.status == "sent"
    assert await lab.client.messages.list_async(date_sent_before=now - timedelta(days=1)) == []
    assert await lab.client.messages.list_async(date_sent_after=now + timedelta(hours=1)) == []
    assert len(await lab.client.messages.list_async(date_sent=found.date_sent)) == 1


async def test_pages_lead_to_the_next_and_nothing_that_comes_in_shifts_them(lab: Lab) -> None:
    sids = [(await lab.send(body=f"{n}")).sid for n in range(5)]
    page = await lab.client.messages.page_async(to=PHONE, page_size=2)
    found = [m.sid for m in page]
    await lab.send(body="meanwhile")
    while (page := await page.next_page_async()) is not None:
        found += [m.sid for m in page]
    assert found == sids[::-1]


@pytest.mark.parametrize(
    "query", ["PageSize=0", "PageSize=x", "Page=-1", "Page=2", "Page=1&PageToken=PA1", "DateSent=soon"]
)
async def test_a_list_that_makes_no_sense_is_refused(lab: Lab, query: str) -> None:
    status, body = await lab.post(f"/Messages.json?{query}", method="GET")
    assert (status, body["code"] in (20001, 20007)) == (400, True)


async def test_a_big_page_is_cut_to_the_biggest(lab: Lab) -> None:
    _, body = await lab.post("/Messages.json?PageSize=5000", method="GET")
    assert body["page_size"] == 1000


async def test_a_scheduled_message_waits_and_can_be_cancelled(lab: Lab) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    made = await lab.send(from_=None, messaging_service_sid=SERVICE, schedule_type="fixed", send_at=at)
    assert made.status == "scheduled"
    cancelled = await lab.client.messages(made.sid).update_async(status="canceled")
    assert cancelled.status == "canceled"
    with pytest.raises(TwilioRestException) as refused:
        await lab.client.messages(made.sid).update_async(status="canceled")
    assert refused.value.code == 30409


@pytest.mark.parametrize("ahead", [timedelta(minutes=4), timedelta(days=36)])
async def test_a_message_is_not_scheduled_too_soon_or_too_far_away(lab: Lab, ahead: timedelta) -> None:
    at = (datetime.now(UTC) + ahead).isoformat()
    changes = {"From": None, "MessagingServiceSid": SERVICE, "ScheduleType": "fixed", "SendAt": at}
    assert await lab.refused(**changes) == 35114


async def test_only_what_is_scheduled_can_be_cancelled(lab: Lab) -> None:
    made = await lab.send()
    with pytest.raises(TwilioRestException) as refused:
        await lab.client.messages(made.sid).update_async(status="canceled")
    assert refused.value.code == 30409


async def test_words_are_redacted_and_messages_deleted_only_at_the_end_and_the_judge_still_knows(make: Make) -> None:
    lab = await make(time_scale=1.0)
    made = await lab.send(body="secret")
    for act in (lab.client.messages(made.sid).update_async(body=""), lab.client.messages(made.sid).delete_async()):
        with pytest.raises(TwilioRestException) as refused:
            await act
        assert (refused.value.status, refused.value.code) == (409, 20009)
    await lab.quiet()
    assert (await lab.client.messages(made.sid).update_async(body="")).body == ""
    assert await lab.client.messages(made.sid).delete_async()
    with pytest.raises(TwilioRestException) as gone:
        await lab.client.messages(made.sid).fetch_async()
    assert (gone.value.status, gone.value.code) == (404, 20404)
    assert await lab.client.messages.list_async() == []
    (judged,) = await lab.messages()
    assert (judged["body"], judged["deleted"]) == ("secret", True)


async def test_free_words_on_whatsapp_go_only_to_who_wrote_within_a_day(lab: Lab) -> None:
    address, ours = f"whatsapp:{PHONE}", f"whatsapp:{OURS}"
    await lab.send(to=address, from_=ours)
    await lab.quiet()
    template = {"content_sid": "HX" + "1" * 32, "content_variables": '{"1": "Ann"}', "body": None}
    await lab.send(to=address, from_=ours, **template)
    await lab.ask("POST", "inbound", {"from": address, "to": ours, "body": "hello"})
    await lab.send(to=address, from_=ours)
    await lab.quiet()
    sent = await lab.messages("?kind=whatsapp&direction=outbound-api")
    assert [(m["status"], m["error_code"]) for m in sent] == [("failed", 63016), ("read", None), ("read", None)]


async def test_a_look_up_says_whether_a_number_is_one(lab: Lab) -> None:
    numbers = lab.client.lookups.v2.phone_numbers
    found = await numbers(PHONE).fetch_async()
    assert (found.valid, found.country_code, found.national_format) == (True, "US", "(415) 555-2671")
    assert found.line_type_intelligence is None
    found = await numbers("+1415").fetch_async()
    assert (found.valid, found.validation_errors) == (False, ["TOO_SHORT"])
    for number, kind in ((PHONE, "mobile"), ("+14155550114", "landline")):
        found = await numbers(number).fetch_async(fields="line_type_intelligence")
        assert found.line_type_intelligence["type"] == kind


async def test_ids_are_never_the_same_again(make: Make) -> None:
    """A sandbox that is started anew with the same seed must not repeat ids that the services remember."""
    one, other = await make(seed=1), await make(seed=1)
    assert (await one.send()).sid != (await other.send()).sid
