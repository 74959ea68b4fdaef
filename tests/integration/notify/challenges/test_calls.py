"""Questions by call: a person presses a key, a machine hears nothing that matters, and calls can be stopped by a key."""

import json
from typing import Any

import pytest
from twilio.request_validator import RequestValidator

from notify_service.consent import ledger
from notify_service.delivery.tokens import CallbackToken, call_address
from tests.integration.notify.challenges.house import (
    CODED,
    CONFIRMED,
    DENIED,
    KEYPRESS,
    PHONE,
    SMS,
    UNCLEAR,
    VOICE,
    House,
    code_in,
    house,
)
from tests.integration.notify.delivery.desk import eventually


async def rings(h: House, challenge_id: str = "ch-1", **more: Any) -> str:
    """Calls Ana with a question."""
    [result] = await h.client.submit(h.question(challenge_id, channels=[VOICE], **more))
    assert result.WhichOneof("result") == "accepted", result
    return await h.call()


@pytest.mark.parametrize(("key", "answer", "says"), [("1", CONFIRMED, "answered yes"), ("2", DENIED, "answered no")])
async def test_a_key_that_a_person_presses_answers(notify_database_url: str, key: str, answer: int, says: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        said = await h.listening(sid)
        assert said[0] == "Acme: please check a payment of $49.00. Was it you?", (
            "no code, no STOP, no reference is spoken"
        )
        assert said[1].startswith("Press 1 for yes. Press 2 for no.")
        await h.on_call(sid, "press", key)
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.provider_sid) == (answer, KEYPRESS, sid)
        assert decision.channel == VOICE
        assert says in (await h.ended(sid))[-1]
        assert not await h.violations()


async def test_voicemail_never_confirms_and_hears_neither_amount_nor_code(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "voicemail")
        said = " ".join(await h.ended(sid))
        assert "question for you" in said
        assert "49" not in said
        assert await h.pool.fetchval("SELECT answered_by FROM attempt") == "machine_start"
        for digits in ("1", "2"):  # not even where a key reaches us
            answer = await pressed(h, sid, {"Digits": digits, "AnsweredBy": "machine_start"})
            assert "Gather" not in answer
        await h.undecided()


async def pressed(h: House, sid: str, form: dict[str, str], *, token: str = "sandbox-token", turn: int = 1) -> str:
    """What notify answers when the provider says so of the one call."""
    row = await h.pool.fetchrow("SELECT created_on, token FROM attempt WHERE channel = 'voice'")
    assert row is not None
    address = call_address(h.configured.notify_public_url, CallbackToken("main", row["created_on"], row["token"]), turn)
    url = address.partition("#")[0]
    whole = {"CallSid": sid, "AccountSid": "AC" + "0" * 32, "CallStatus": "in-progress"} | form
    signature = RequestValidator(token).compute_signature(url, whole)
    async with h.http.post(url, data=whole, headers={"X-Twilio-Signature": signature}) as got:
        assert got.status == (200 if token == "sandbox-token" else 403)
        return await got.text()


async def test_what_is_not_signed_presses_no_key_and_another_call_neither(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        await h.listening(sid)
        await pressed(h, sid, {"Digits": "1"}, token="somebody else's")
        await eventually(lambda: known(h, sid))
        await pressed(h, "CA" + "f" * 32, {"Digits": "1", "AnsweredBy": "human"})
        await h.undecided()


async def known(h: House, sid: str) -> bool:
    return bool(await h.pool.fetchval("SELECT 1 FROM attempt WHERE sid = $1", sid))


async def test_nine_says_it_again_another_key_is_unclear_and_then_decided_as_that(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        await h.listening(sid)
        await h.on_call(sid, "press", "5")
        said = await h.listening(sid, 2)
        assert "That was not understood." in said
        await h.undecided()
        await h.on_call(sid, "press", "9")
        await h.listening(sid, 3)
        await h.undecided()
        await h.on_call(sid, "press", "0")
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (UNCLEAR, KEYPRESS)
        await h.ended(sid)


async def test_who_presses_nothing_has_not_answered(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        said = await h.ended(sid)
        assert "Nothing was pressed" in said[-1]
        assert sum("Was it you?" in words for words in said) == 2, "it is said twice"
        await h.undecided()


async def test_seven_stops_calls_and_nothing_else(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        await h.listening(sid)
        await h.on_call(sid, "press", "7")
        assert "no more calls" in (await h.ended(sid))[-1]
        rows = await h.pool.fetch("SELECT channel, category, verdict, actor FROM consent_entry WHERE source = 'dtmf'")
        assert [tuple(row) for row in rows] == [("voice", "all", "revoked", "recipient")]
        address = await h.pool.fetchval("SELECT address_id FROM address")
        async with h.pool.acquire() as conn:
            assert await ledger.verify(conn, "main", address)
        [again] = await h.client.submit(h.question("ch-2", channels=[VOICE]))
        assert again.WhichOneof("result") == "suppressed"
        assert (await h.decision()).challenge_id == "ch-2"
        assert await h.ask("ch-3")
        await h.undecided("ch-1")


async def test_the_code_of_the_text_and_the_key_of_the_call_answer_one_question(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.client.submit(h.question(identity="call", channels=[VOICE]))
        sid = await h.call()
        await h.on_call(sid, "answer")
        await h.listening(sid)
        await h.reply(f"yes {code}")
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (CONFIRMED, CODED)
        await h.on_call(sid, "press", "1")
        assert "answered already" in (await h.ended(sid))[-1]
        assert not await h.pull(wait=0)


async def test_a_repeated_webhook_answers_the_same_and_decides_once(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        sid = await rings(h)
        await h.on_call(sid, "answer")
        await h.listening(sid)
        await eventually(lambda: known(h, sid))
        first = await pressed(h, sid, {"Digits": "1"})
        again = await pressed(h, sid, {"Digits": "1"})
        assert "answered yes" in first
        assert again == first
        assert len(await h.pull()) == 1
        contrary = await pressed(h, sid, {"Digits": "2"})
        assert "answered already" in contrary
        [told] = [one for one in await h.pull(wait=0) if one.decision.after_decision]
        assert told.decision.answer == DENIED


async def test_words_are_spoken_in_the_language_of_the_text_with_its_voice(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await rings(h)
        async with h.http.get(f"{h.box.url}/sandbox/requests") as got:
            requests = (await got.json())["requests"]
        form = dict(next(one for one in requests if one["path"].endswith("/Calls.json"))["form"])
        assert form["MachineDetection"] == "Enable"
        assert "/webhooks/twilio/voice/main." in form["Url"]
        assert "Twiml" not in form
        assert "+1" not in form["Url"]


async def test_a_message_that_asks_nothing_is_still_said_and_can_be_stopped(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        plain = h.question(channels=[VOICE])
        plain.ClearField("challenge")
        plain.template = "payment_recovered"
        await h.client.submit(plain)
        sid = await h.call()
        await h.on_call(sid, "answer")

        async def listens() -> bool:
            return bool([one for one in await h.at_provider(kind="call") if one["listening"]])

        await eventually(listens)
        await h.on_call(sid, "press", "7")
        said = await h.ended(sid)
        assert said[0].startswith("Acme: ")
        assert await h.pool.fetchval("SELECT count(*) FROM consent_entry WHERE source = 'dtmf'") == 1
        assert not await h.violations()


async def test_without_a_public_address_a_call_asks_nothing(notify_database_url: str) -> None:
    """No key would reach us: the text asks, and a question by call alone reaches nobody."""
    async with house(notify_database_url, webhooks=False) as h:
        [result] = await h.client.submit(h.question(channels=[VOICE]))
        assert result.WhichOneof("result") == "suppressed"
        [both] = await h.client.submit(h.question("ch-2", channels=[VOICE, SMS]))
        assert both.WhichOneof("result") == "accepted"
        [text] = await h.wait_for(1, to=PHONE)
        assert code_in(text["body"])
        channels = await h.pool.fetchval("SELECT channels FROM notification WHERE challenge_id = 'ch-2'")
        assert json.dumps(channels) == '["sms"]'
