"""Questions by text: what answers them, what does not, and what its caller is told."""

import datetime
from pathlib import Path

import pytest
import yaml
from twilio.request_validator import RequestValidator

from notify_service.challenges import audit
from tests.integration.notify.challenges.house import (
    BARE,
    CODED,
    CONFIRMED,
    DENIED,
    NONE,
    OURS_TOO,
    PHONE,
    SECOND,
    STRANGER,
    UNCLEAR,
    UNREACHABLE,
    House,
    code_in,
    house,
)
from tests.integration.notify.delivery.desk import eventually

MINUTE = datetime.timedelta(minutes=1)


async def test_a_question_is_asked_with_its_code_answered_and_told_until_it_is_acknowledged(
    notify_database_url: str,
) -> None:
    """The way of flow 7 in notify alone, through its contract."""
    async with house(notify_database_url) as h:
        code = await h.ask()
        assert len(code) == 6
        await h.reply(f"yes {code}")
        [told] = await h.pull()
        decision = told.decision
        assert (decision.challenge_id, decision.answer, decision.strength) == ("ch-1", CONFIRMED, CODED)
        assert decision.provider_sid.startswith("SM")
        assert (told.concern, told.request_id) == ("review:ch-1", "")
        assert not await h.pull(wait=0), "it is leased"
        await h.pool.execute("UPDATE outcome SET leased_until = '-infinity'")
        [again] = await h.pull(wait=0)
        assert again == told
        await h.acknowledge(told)
        await h.pool.execute("UPDATE outcome SET leased_until = '-infinity'")
        assert not await h.pull(wait=0)
        assert await h.events() == [("answer", "confirmed", "coded"), ("decided", "confirmed", "coded")]
        async with h.pool.acquire() as conn:
            assert await audit.verify(conn, "main", "ch-1")
            await conn.execute("UPDATE challenge_event SET answer = 'denied'")
            assert not await audit.verify(conn, "main", "ch-1")


async def test_no_table_but_the_sealed_ones_holds_a_code(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply(f"no {code}")
        await h.reply("no 999999")
        tables = await h.pool.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type IN ('text', 'jsonb', 'ARRAY')"
        )
        for row in tables:
            table, column = row["table_name"], row["column_name"]
            found = await h.pool.fetchval(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ~ $1', rf"(?<![0-9a-f]){code}(?![0-9a-f])"
            )
            assert not found, (table, column)


@pytest.mark.parametrize(
    ("text", "answer", "strength"),
    [("NO, {code}!", DENIED, CODED), ("{code} ja", CONFIRMED, CODED), ("no", DENIED, BARE), ("はい", CONFIRMED, BARE)],
)
async def test_answers_with_and_without_code_differ_in_strength(
    notify_database_url: str, text: str, answer: int, strength: int
) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply(text.format(code=code))
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (answer, strength)


async def test_what_is_unclear_is_asked_back_once_and_then_decided_as_unclear(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply("yes but call me")
        texts = await h.wait_for(2, to=PHONE)
        assert code_in(texts[1]["body"]) == code
        assert "could not read" in texts[1]["body"]
        await h.undecided()
        await h.reply("please call me")
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (UNCLEAR, BARE)
        assert [kind for kind, _, _ in await h.events()] == ["unclear", "asked_back", "answer", "decided"]
        assert len(await h.at_provider(to=PHONE)) == 2
        ended = await h.pool.fetch("SELECT request_id FROM outcome WHERE kind <> 'decided'")
        assert {row["request_id"] for row in ended} <= {"ch-1-1"}, (
            "its caller is told nothing of what it did not ask for"
        )


async def test_wrong_codes_close_nothing_and_after_three_nothing_is_released(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        for wrong in ("100001", "100002", "100003"):
            await h.reply(f"yes {wrong if wrong != code else '100004'}")
        await h.undecided()
        await h.reply(f"yes {code}")
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.wrong_codes) == (UNCLEAR, BARE, 3)
        assert len(await h.wait_for(2, to=PHONE)) == 2, "asked back once, however often the code was wrong"


async def test_two_wrong_codes_take_nothing_away(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        for wrong in ("100001", "100002"):
            await h.reply(f"yes {wrong}")
        await h.reply(f"yes {code}")
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.wrong_codes) == (CONFIRMED, CODED, 2)


async def test_only_the_number_that_was_asked_answers_and_only_the_sender_that_asked(notify_database_url: str) -> None:
    """Nor does anybody else get an answer of ours."""
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply(f"yes {code}", sender=STRANGER)
        await h.reply(f"yes {code}", to=OURS_TOO)
        await h.reply(f"yes {code}", sender=f"whatsapp:{PHONE}", to="whatsapp:+14155550100")
        await h.undecided()
        assert not await h.at_provider(to=STRANGER)
        assert len(await h.at_provider(to=PHONE)) == 1


async def test_two_open_questions_are_told_apart_by_code_and_words_alone_decide_neither(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        first, second = await h.ask("ch-1"), await h.ask("ch-2")
        assert first != second
        await h.reply("yes")
        await h.undecided("ch-1")
        await h.undecided("ch-2")
        texts = await h.wait_for(3, to=PHONE)
        assert code_in(texts[2]["body"]) == second, "asked back about the newer one"
        await h.reply(f"no {first}")
        decision = await h.decision()
        assert (decision.challenge_id, decision.answer, decision.strength) == ("ch-1", DENIED, CODED)
        await h.reply("yes")
        decision = await h.decision()
        assert (decision.challenge_id, decision.answer, decision.strength) == ("ch-2", CONFIRMED, BARE)


async def test_every_message_of_a_question_has_its_code_and_any_number_asked_may_answer(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        first = await h.ask("ch-1")
        second = await h.ask("ch-1", number=SECOND)
        assert first == second
        await h.reply(f"yes {first}", sender=SECOND)
        assert (await h.decision()).answer == CONFIRMED


async def test_a_decision_ends_what_still_waits_to_ask_and_what_comes_later(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        later = h.question(identity="later", number=SECOND)
        later.not_before.FromDatetime(datetime.datetime.now(datetime.UTC) + 30 * MINUTE)
        await h.client.submit(later)
        await h.reply(f"no {code}")
        await h.decision()
        row = await h.pool.fetchrow("SELECT state, reason FROM notification WHERE request_id = 'later'")
        assert row is not None
        assert (row["state"], row["reason"]) == ("cancelled", "question_decided")
        [late] = await h.client.submit(h.question(identity="too-late"))
        assert late.suppressed.reason == 19
        assert not await h.at_provider(to=SECOND)


async def test_a_stop_is_no_answer(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await h.ask()
        for word in ("STOP", "CANCEL", "HELP"):
            await h.reply(word)
        await h.undecided()


async def test_a_bare_yes_that_the_provider_takes_for_a_start_is_an_answer_too(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await h.ask()
        await start_by_yes(h)
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (CONFIRMED, BARE)


async def start_by_yes(h: House) -> None:
    """As with Advanced Opt-Out: the webhook says that YES opted somebody in."""
    url = f"{h.configured.notify_public_url}/webhooks/twilio/inbound"
    form = {
        "MessageSid": "SM" + "a" * 32, "AccountSid": "AC" + "0" * 32, "From": PHONE, "To": "+14155550100", "Body": "Yes", "OptOutType": "START",
    }  # fmt: skip
    signature = RequestValidator("sandbox-token").compute_signature(url, form)
    async with h.http.post(url, data=form, headers={"X-Twilio-Signature": signature}) as got:
        assert got.status == 200


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [("yes {code}", "no {code}", True), ("yes {code}", "no", True), ("no {code}", "yes {code}", True), ("no {code}", "yes", False),
     ("yes {code}", "Yes {code}!", False), ("no", "call me", False)],
)  # fmt: skip
async def test_a_later_answer_is_kept_and_told_where_it_contradicts(
    notify_database_url: str, first: str, second: str, told: bool
) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply(first.format(code=code))
        decided = await h.decision()
        assert not decided.after_decision
        await h.reply(second.format(code=code))
        later = await h.pull(wait=0)
        assert [outcome.decision.after_decision for outcome in later] == ([True] if told else [])
        assert (await h.events())[-1][0] == ("decided" if second == "call me" else "late")
        if told:
            await h.acknowledge(later[0])
            await h.reply(first.format(code=code))
            await h.reply(second.format(code=code))
            assert not await h.pull(wait=0), "one further answer is told, not each"


@pytest.mark.parametrize(("word", "answer"), [("YES", CONFIRMED), ("NO", DENIED)])
async def test_the_same_answer_with_the_code_is_told_after_the_word_alone(
    notify_database_url: str, word: str, answer: int
) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply(word)
        assert (await h.decision()).strength == BARE
        await h.reply(word)
        assert not await h.pull(wait=0), "the word again is nothing new"
        await h.reply(f"{word} {code}")
        surely = await h.decision()
        assert (surely.answer, surely.strength, surely.after_decision) == (answer, CODED, True)
        await h.reply(f"{word} {code}")
        assert not await h.pull(wait=0), "it is told once"


async def test_a_no_is_told_after_a_yes_that_was_given_again_with_its_code(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        for text, answer in (("yes", CONFIRMED), (f"yes {code}", CONFIRMED), ("no", DENIED)):
            await h.reply(text)
            assert (await h.decision()).answer == answer


async def test_whoever_cannot_be_reached_is_said_to_be_at_once(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        [result] = await h.client.submit(h.question(number=""))
        assert result.WhichOneof("result") == "suppressed"
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.provider_sid) == (UNREACHABLE, NONE, "")
        await h.client.submit(h.question("ch-2", number="+14155550105"))  # the number does not exist any more
        decision = await h.decision()
        assert (decision.challenge_id, decision.answer) == ("ch-2", UNREACHABLE)


async def test_one_of_two_numbers_that_is_reached_is_enough(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.client.submit(h.question(identity="dead", number="+14155550105"))

        async def ended() -> bool:
            return bool(
                await h.pool.fetchval("SELECT 1 FROM notification WHERE request_id = 'dead' AND state = 'undelivered'")
            )

        await eventually(ended)
        await h.reply(f"yes {code}")
        assert (await h.decision()).answer == CONFIRMED


async def test_a_reply_that_may_be_for_several_accounts_decides_by_its_code_alone(
    notify_database_url: str, tmp_path: Path
) -> None:
    """Two accounts with Messaging Services at one account of Twilio's, and a list that names no service: each may have asked."""
    twilio = {"account_sid": "AC" + "0" * 32, "auth_tokens": ["sandbox-token"]}
    accounts = [
        {"id": name, "brand": "Acme", "twilio": twilio, "senders": [{"name": "sms", "channel": "sms", "messaging_service_sid": service}]}
        for name, service in (("main", "MG" + "a" * 32), ("theirs", "MG" + "b" * 32))
    ]  # fmt: skip
    file = tmp_path / "accounts.yaml"
    file.write_text(yaml.safe_dump({"accounts": accounts}))
    async with house(notify_database_url, webhooks=False, notify_accounts_file=file) as h:
        code = await h.ask()
        await h.reply("NO")
        back = await h.wait_for(2, to=PHONE)
        assert code in back[-1]["body"]
        await h.undecided()
        stranger = str(100_000 + (int(code) + 1) % 900_000)
        await h.reply(f"NO {stranger}")
        assert await h.pool.fetchval("SELECT wrong_codes FROM challenge") == 0, "it is another account's, most likely"
        await h.reply(f"NO {code}")
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.wrong_codes) == (DENIED, CODED, 0)
