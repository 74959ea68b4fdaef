"""Texts from a phone: Twilio's own words, the webhook, and what the service answers."""

from typing import Any

import pytest

from tests.integration.sandbox.twilio.conftest import ACCOUNT, OTHER, OURS, PHONE, SERVICE, Hook, Lab, Make


async def text(lab: Lab, body: str, **changes: Any) -> Any:
    message = await lab.ask("POST", "inbound", {"from": PHONE, "to": OURS, "body": body, **changes}, status=201)
    await lab.quiet()
    return message


async def test_a_text_is_posted_signed_and_stands_in_the_list(lab: Lab, hook: Hook) -> None:
    sent = await text(lab, "  Yes & no, ü €  ")
    (form,) = hook.forms
    assert form == {
        "MessageSid": sent["sid"],
        "SmsSid": sent["sid"],
        "SmsMessageSid": sent["sid"],
        "AccountSid": ACCOUNT,
        "From": PHONE,
        "To": OURS,
        "Body": "  Yes & no, ü €  ",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
        "FromCountry": "US",
        "FromState": "",
        "FromCity": "",
        "FromZip": "",
        "ToCountry": "US",
        "ToState": "",
        "ToCity": "",
        "ToZip": "",
    }
    (listed,) = await lab.client.messages.list_async(to=OURS)
    assert (listed.sid, listed.direction, listed.status, listed.from_) == (sent["sid"], "inbound", "received", PHONE)
    assert listed.date_sent is not None


@pytest.mark.parametrize(
    "word", ["STOP", " stop ", "StopAll", "unsubscribe", "cancel", "End", "QUIT", "revoke", "optout"]
)
async def test_a_stop_word_stops_until_a_start_word(lab: Lab, hook: Hook, word: str) -> None:
    """Twilio answers by itself, and the word still reaches the webhook."""
    await text(lab, word)
    assert await lab.refused() == 21610
    for start in ("START", "yes", "Unstop"):
        await text(lab, start)
        await lab.send()
        await text(lab, word)
    assert hook.forms[0]["Body"] == word
    replies = await lab.messages("?direction=outbound-reply")
    assert len(replies) == 7
    assert all(reply["to"] == PHONE and reply["from"] == OURS for reply in replies)


async def test_a_stop_binds_the_sender_that_it_went_to(lab: Lab) -> None:
    await text(lab, "STOP")
    assert await lab.refused() == 21610
    await lab.send(from_=OTHER)


async def test_a_stop_to_a_messaging_service_binds_the_whole_service(make: Make) -> None:
    other = "MG" + "b" * 32
    lab = await make(twilio_services={SERVICE: [OURS], other: [OTHER]})
    service = {"from_": None, "messaging_service_sid": SERVICE}
    await lab.send(**service)
    await text(lab, "STOP")
    assert await lab.refused(From=None, MessagingServiceSid=SERVICE) == 21610
    await lab.send(from_=None, messaging_service_sid=other)


@pytest.mark.parametrize("body", ["please stop texting me", "STOP.", "Y 4821", "stop it"])
async def test_other_words_stop_nothing(lab: Lab, body: str) -> None:
    await text(lab, body)
    await lab.send()
    assert await lab.messages("?direction=outbound-reply") == []


async def test_help_is_answered(lab: Lab, hook: Hook) -> None:
    await text(lab, "info")
    (reply,) = await lab.messages("?direction=outbound-reply")
    assert "STOP" in reply["body"]
    assert len(hook.forms) == 1


async def test_whatsapp_has_no_stop_word_of_twilios(lab: Lab, hook: Hook) -> None:
    await text(lab, "STOP", **{"from": f"whatsapp:{PHONE}", "to": f"whatsapp:{OURS}"})
    (form,) = hook.forms
    assert (form["WaId"], form["From"]) == (PHONE[1:], f"whatsapp:{PHONE}")
    await lab.send(to=f"whatsapp:{PHONE}", from_=f"whatsapp:{OURS}")


@pytest.mark.parametrize("enabled", [True, False])
async def test_the_kind_of_opt_out_is_named_only_with_advanced_opt_out(make: Make, hook: Hook, enabled: bool) -> None:
    lab = await make(twilio_advanced_opt_out=enabled)
    await lab.send(from_=None, messaging_service_sid=SERVICE)
    await text(lab, "Stop")
    await text(lab, "hello")
    assert [form.get("OptOutType") for form in hook.forms] == (["STOP", None] if enabled else [None, None])
    assert {form["MessagingServiceSid"] for form in hook.forms} == {SERVICE}


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        ("<Response/>", []),
        ("<Response><Message>Thank you, it is on hold.</Message></Response>", ["Thank you, it is on hold."]),
        (
            "<Response><Message><Body>One</Body></Message><Message>Two &amp; more</Message></Response>",
            ["One", "Two & more"],
        ),
    ],
)
async def test_what_the_service_answers_is_sent(lab: Lab, hook: Hook, body: str, texts: list[str]) -> None:
    hook.answers = [(200, "text/xml", body)]
    await text(lab, "hello")
    replies = await lab.messages("?direction=outbound-reply")
    assert [reply["body"] for reply in replies] == texts
    assert (await lab.ask("GET", "violations"))["violations"] == []


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        pytest.param((200, "text/plain", "OK"), ["OK"], id="plain words go to the person"),
        pytest.param((200, "text/xml", "<Response><Message>"), [], id="broken"),
        pytest.param((200, "text/xml", "<html/>"), [], id="no TwiML"),
    ],
)
async def test_an_answer_that_must_not_be_is_told_to_the_judge(
    lab: Lab, hook: Hook, answer: tuple[int, str, str], sent: list[str]
) -> None:
    hook.answers = [answer]
    await text(lab, "hello")
    assert [reply["body"] for reply in await lab.messages("?direction=outbound-reply")] == sent
    assert len((await lab.ask("GET", "violations"))["violations"]) == 1


async def test_who_has_opted_out_gets_no_answer_of_ours(lab: Lab, hook: Hook) -> None:
    hook.answers = [(200, "text/xml", "<Response><Message>Sorry to see you go</Message></Response>")]
    await text(lab, "STOP")
    (reply,) = await lab.messages("?direction=outbound-reply")
    assert "unsubscribed" in reply["body"]
    assert len((await lab.ask("GET", "violations"))["violations"]) == 1


async def test_an_address_may_ask_for_more_tries(make: Make, hook: Hook) -> None:
    lab = await make(twilio_inbound_url=f"{hook.url}#rc=2&rp=5xx")
    hook.answers = [(503, "text/xml", ""), (503, "text/xml", "")]
    await text(lab, "hello")
    assert len(hook.forms) == 3
    assert len(set(hook.tokens)) == 1


@pytest.mark.parametrize(("act", "times"), [("lose", 0), ("double", 2), ("delay", 1)])
async def test_a_webhook_may_be_lost_doubled_or_late(lab: Lab, hook: Hook, act: str, times: int) -> None:
    await lab.faults({"operation": "inbound", "act": act, "seconds": 1})
    sent = await text(lab, "hello")
    assert [form["MessageSid"] for form in hook.forms] == [sent["sid"]] * times
    assert len(await lab.client.messages.list_async(to=OURS)) == 1


async def test_without_an_address_a_text_is_only_listed(make: Make, hook: Hook) -> None:
    lab = await make(twilio_inbound_url="")
    await text(lab, "hello")
    assert hook.forms == []
    assert len(await lab.client.messages.list_async(to=OURS)) == 1


@pytest.mark.parametrize(
    "changes", [{"from": ""}, {"body": ""}, {"to": None}, {"from": 1}, {"from": "me"}, {"to": f"whatsapp:{OURS}"}]
)
async def test_a_text_needs_two_ends_and_words(lab: Lab, changes: dict[str, Any]) -> None:
    told = await lab.ask("POST", "inbound", {"from": PHONE, "to": OURS, "body": "x", **changes}, status=400)
    assert "from" in told["error"]
    assert await lab.messages() == []


@pytest.mark.parametrize("to", ["+442071838750", "Acme", f"whatsapp:{OTHER}"])
async def test_a_text_to_what_is_not_the_accounts_does_not_arrive(make: Make, to: str) -> None:
    lab = await make(twilio_senders=[OURS, OTHER, "Acme"])
    sender = f"whatsapp:{PHONE}" if to.startswith("whatsapp:") else PHONE
    told = await lab.ask("POST", "inbound", {"from": sender, "to": to, "body": "x"}, status=400)
    assert "none of the account's numbers" in told["error"]
    assert await lab.messages() == []


async def test_a_tapped_button_is_told_with_what_it_stands_for(lab: Lab, hook: Hook) -> None:
    """On WhatsApp alone."""
    us, phone = f"whatsapp:{OURS}", f"whatsapp:{PHONE}"
    await text(lab, "Yes, it was me", **{"from": phone, "to": us, "button": "YES 482913"})
    (form,) = hook.forms
    assert (form["Body"], form["ButtonText"], form["ButtonPayload"]) == (
        "Yes, it was me",
        "Yes, it was me",
        "YES 482913",
    )
    refused = {"from": PHONE, "to": OURS, "body": "Yes", "button": "YES"}
    await lab.ask("POST", "inbound", refused, status=400)
