"""How a question is taken: its code, what is refused, what its story tells."""

import datetime

import pytest
import structlog

from notify.v1 import service_pb2
from notify_service.challenges import codes as challenge_codes
from tests.integration.notify.challenges.house import (
    BARE,
    PHONE,
    SECOND,
    UNCLEAR,
    UNREACHABLE,
    VOICE,
    code_in,
    house,
)
from tests.integration.notify.service import now, stamp


async def test_a_code_is_longer_where_money_moves(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        assert len(await h.ask("ch-1", money=True)) == 6
        assert len(await h.ask("ch-2", money=False)) == 4


async def test_words_with_a_code_need_a_question_and_a_question_about_money_needs_a_code(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        bare = h.question()
        bare.ClearField("challenge")
        without = h.question("ch-2", template="payment_recovered")
        lesser = h.question("ch-3", template="payment_recovered", money=False)
        no_question, no_code, taken = await h.client.submit(bare, without, lesser)
        assert no_question.rejected.field == "challenge"
        assert no_code.rejected.field == "template"
        assert "{{ code }}" in no_code.rejected.remedy
        assert taken.WhichOneof("result") == "accepted"


async def test_a_question_keeps_its_concern_and_its_weight(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await h.ask()
        other = h.question(concern="review:another")
        lighter = h.question(money=False)
        first, second = await h.client.submit(other, lighter)
        assert first.rejected.field == "challenge.challenge_id"
        assert second.rejected.field == "challenge.moves_money"


async def test_a_preview_shows_no_code(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        [result] = await h.client.submit(h.question(dry_run=True))
        assert code_in(result.accepted.preview.text) == "000000"
        assert await h.pool.fetchval("SELECT count(*) FROM challenge") == 0


async def test_codes_that_meet_at_a_number_move_on_and_a_given_one_is_not_given_twice(
    notify_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same code for every question, as long as nothing else decides."""
    made = challenge_codes.Codes.code

    def alike(self: challenge_codes.Codes, account_id: str, _challenge_id: str, number: int, **more: object) -> str:
        return made(self, account_id, "same", number, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(challenge_codes.Codes, "code", alike)
    async with house(notify_database_url) as h:
        first, second = await h.ask("ch-1"), await h.ask("ch-2")
        assert first != second
        assert first == await h.ask("ch-3", number=SECOND)
        [clash] = await h.client.submit(h.question("ch-1", number=SECOND))
        assert clash.WhichOneof("result") == "suppressed"
        assert "same reply code" in clash.suppressed.detail
        together = [h.question(f"ch-{n}", number="+14155552699") for n in range(10, 16)]
        for asking, result in zip(together, await h.client.submit(*together), strict=True):
            assert result.WhichOneof("result") == "accepted", asking.request_id
        codes = {code_in(text["body"]) for text in await h.wait_for(6, to="+14155552699")}
        assert len(codes) == 6


async def test_a_number_hears_from_us_three_times_a_day_at_most(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        for number in range(1, 5):
            code = await h.ask(f"ch-{number}")
            await h.reply(f"{code} what is this?")
            if number < 4:
                await h.wait_for(number, to=PHONE, contains="could not read")
                await h.undecided(f"ch-{number}")
        decision = await h.decision()
        assert (decision.challenge_id, decision.answer) == ("ch-4", UNCLEAR)
        assert len(await h.at_provider(to=PHONE, contains="could not read")) == 3


async def test_who_may_want_no_more_messages_is_not_asked_back(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await h.ask()
        await h.reply("stop texting me please")
        decision = await h.decision()
        assert (decision.answer, decision.strength) == (UNCLEAR, BARE)
        assert len(await h.at_provider(to=PHONE)) == 1


async def test_a_concern_that_is_over_before_anybody_was_asked_leaves_no_question_open(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        later = h.question()
        later.not_before.FromDatetime(now() + datetime.timedelta(minutes=30))
        await h.client.submit(later)
        over = service_pb2.CancelConcernRequest(
            account_id="main", concern="review:ch-1", as_of=stamp(now() + datetime.timedelta(seconds=5))
        )
        await h.client.stub.CancelConcern(over)
        assert (await h.decision()).answer == UNREACHABLE


async def test_the_story_tells_question_answer_and_decision_without_number_code_or_words(
    notify_database_url: str,
) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.reply("yes but call me")
        await h.wait_for(2, to=PHONE)
        await h.reply(f"no {code}")
        await h.decision()
        asked = service_pb2.GetStoryRequest(account_id="main", request_id="ch-1-1")
        [story] = (await h.client.stub.GetStory(asked)).stories
        sentences = [entry.sentence for entry in story.entries]
        for wanted in (
            "A text could not be read as an answer.",
            "The recipient was told once more how to answer.",
            "A text was read as an answer: no, with the question's code.",
            "The question was decided: no, with the question's code.",
        ):
            assert wanted in sentences
        assert any(one.startswith("It asks a question, to be answered with its reply code by") for one in sentences)
        whole = str(story)
        assert code not in whole
        assert PHONE not in whole
        assert "call me" not in whole


async def test_no_code_number_or_word_of_a_reply_is_logged_counted_or_told(notify_database_url: str) -> None:
    """Asked, guessed, asked back, answered, answered again, by text and by call."""
    words = "Zanzibar"
    with structlog.testing.capture_logs() as logged:
        async with house(notify_database_url) as h:
            code = await h.ask()
            await h.client.submit(h.question(identity="call", channels=[VOICE]))
            for text in (f"{words}?", "yes 100001", f"yes {code}", f"no {code}"):
                await h.reply(text)
            sid = await h.call()
            await h.on_call(sid, "answer")
            await h.listening(sid)
            await h.on_call(sid, "press", "2")
            await h.ended(sid)
            told = [str(one) for one in await h.pull()]
            assert len(told) == 2
            async with h.http.get(f"http://127.0.0.1:{h.running.admin_port}/metrics") as got:
                told.append(await got.text())
            asked = service_pb2.GetStoryRequest(account_id="main", concern="review:ch-1")
            told.append(str(await h.client.stub.GetStory(asked)))
            listed = service_pb2.ListNotificationsRequest(account_id="main")
            told.append(str(await h.client.stub.ListNotifications(listed)))
    assert any(line["event"] == "call.answered" for line in logged)
    everything = "".join(map(str, logged)) + "".join(told)
    assert 'notify_challenges_decided_total{account_id="main",answer="confirmed",strength="coded"} 1.0' in everything
    for secret in (code, PHONE, PHONE[1:], words):
        assert secret not in everything
