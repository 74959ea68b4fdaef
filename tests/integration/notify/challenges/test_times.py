"""Deadlines, and what happens where several things happen at once: a question is decided once, whoever comes first."""

import asyncio
import datetime
import os
import signal

import pytest

from notify_service.challenges.codes import Codes
from notify_service.sealing import parse_keys
from tests.integration.notify import process, service
from tests.integration.notify.challenges.house import (
    CODED,
    CONFIRMED,
    NONE,
    PHONE,
    SILENCE,
    UNREACHABLE,
    House,
    house,
)
from tests.integration.notify.delivery.desk import eventually

MINUTE = datetime.timedelta(minutes=1)


async def test_silence_is_decided_when_the_time_to_answer_is_over(notify_database_url: str) -> None:
    """It runs from the first message that the provider took, not from the submission."""
    async with house(notify_database_url) as h:
        later = h.question(within=15 * MINUTE, by=180 * MINUTE)
        later.not_before.FromDatetime(datetime.datetime.now(datetime.UTC) + 60 * MINUTE)
        later.not_after.FromDatetime(datetime.datetime.now(datetime.UTC) + 170 * MINUTE)
        await h.client.submit(later)
        await h.move_clock(30 * MINUTE)
        assert await h.look() == 0
        await h.undecided()
        await h.move_clock(31 * MINUTE)
        await h.wait_for(1, to=PHONE)
        await h.move_clock(14 * MINUTE)
        assert await h.look() == 0
        await h.undecided()
        await h.move_clock(2 * MINUTE)
        decision = await h.decision()
        assert (decision.answer, decision.strength, decision.provider_sid) == (SILENCE, NONE, "")
        assert await h.events() == [("decided", "silence", None)]


async def test_the_last_moment_counts_whatever_the_time_to_answer(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        await h.ask(within=60 * MINUTE, by=10 * MINUTE)
        await h.move_clock(11 * MINUTE)
        assert (await h.decision()).answer == SILENCE


async def test_a_question_that_nobody_got_in_time_was_put_to_nobody(notify_database_url: str) -> None:
    """Twilio is too busy to take it, until it is too late. An attempt that may have got there would be silence instead."""
    async with house(notify_database_url, notify_vendor_time_scale=0.2) as h:
        await h.client.submit(h.question(number="+14155550129", by=10 * MINUTE))

        async def refused() -> object:
            return await h.pool.fetchval("SELECT 1 FROM notification WHERE state = 'queued' AND attempts > 0")

        await eventually(refused)
        await h.move_clock(11 * MINUTE)
        assert (await h.decision()).answer == UNREACHABLE


async def test_an_answer_after_the_time_is_late_and_one_after_silence_is_told(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.move_clock(16 * MINUTE)
        assert (await h.decision()).answer == SILENCE
        await h.reply(f"yes {code}")
        told = await h.decision()
        assert (told.answer, told.strength, told.after_decision) == (CONFIRMED, CODED, True)
        assert (await h.events())[-1] == ("late", "confirmed", "coded")


async def test_a_reply_that_came_in_time_is_read_before_silence_is_said(notify_database_url: str) -> None:
    """Although whoever reads replies is late."""
    async with house(notify_database_url) as h:
        code = await h.ask()
        await h.pool.execute("ALTER TABLE inbound ALTER COLUMN due_at SET DEFAULT 'infinity'")
        await post_reply(h, f"yes {code}")

        async def stored() -> object:
            return await h.pool.fetchval("SELECT 1 FROM inbound WHERE state = 'received'")

        await eventually(stored)
        await h.move_clock(16 * MINUTE)
        assert await h.look() == 0
        await h.undecided()
        await h.pool.execute("UPDATE inbound SET due_at = '-infinity'")
        decision = await h.decision()
        assert (decision.answer, decision.after_decision) == (CONFIRMED, False)


async def post_reply(h: House, text: str) -> None:
    body = {"from": PHONE, "to": "+14155550100", "body": text}
    async with h.http.post(f"{h.box.url}/sandbox/inbound", json=body) as got:
        assert got.status == 201


async def decided_once(h: House, challenge_id: str) -> str:
    """How a question was decided, of which so many things happened at once."""

    async def decided() -> object:
        return await h.pool.fetchval(
            "SELECT answer FROM challenge WHERE challenge_id = $1 AND state = 'decided'", challenge_id
        )

    answer = await eventually(decided)
    told = await h.pool.fetch(
        """SELECT payload->>'answer' AS answer FROM outcome
           WHERE kind = 'decided' AND payload->>'challenge_id' = $1 AND NOT (payload->>'after_decision')::bool""",
        challenge_id,
    )
    assert [row["answer"] for row in told] == [answer]
    assert [kind for kind, _, _ in await h.events(challenge_id)].count("decided") == 1
    return str(answer)


async def test_two_answers_at_once_make_one_decision(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        for number in range(6):
            name = f"ch-{number}"
            code = await h.ask(name, number=f"+1415555{3000 + number}")
            phone = f"+1415555{3000 + number}"
            await asyncio.gather(*(h.reply(f"{word} {code}", sender=phone) for word in ("yes", "no", "yes", "no")))
            assert await decided_once(h, name) in ("confirmed", "denied")


async def test_replicas_decide_once_and_an_answer_at_the_deadline_is_one_or_the_other(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        names = [f"ch-{number}" for number in range(8)]
        codes = {name: await h.ask(name, number=f"+1415555{4000 + n}") for n, name in enumerate(names)}
        other = h.configured.model_copy(update={"notify_http_listen": "127.0.0.1:0"})
        async with service.running(other):
            answering = asyncio.gather(
                *(h.reply(f"yes {codes[name]}", sender=f"+1415555{4000 + n}") for n, name in enumerate(names))
            )
            await h.move_clock(16 * MINUTE)
            await answering
            found = {await decided_once(h, name) for name in names}
            assert found <= {"confirmed", "silence"}


@pytest.mark.parametrize("place", ["reply.before_commit", "reply.after_commit"])
async def test_a_crash_between_a_reply_and_its_decision_loses_neither(notify_database_url: str, place: str) -> None:
    """The reply was stored and answered; the process that handles it dies. The next one decides, once."""
    async with house(notify_database_url, webhooks=False) as h:
        code = await h.ask()
        keys = {
            "NOTIFY_DATA_KEYS": h.configured.notify_data_keys.get_secret_value(),
            "NOTIFY_LOOKUP_KEYS": h.configured.notify_lookup_keys.get_secret_value(),
        }
        await h.running.loops.close(10)  # this one handles nothing more
        await post_reply(h, f"yes {code}")
        given = process.environment(notify_database_url, h.box.twilio_api_base, **keys, CRASH_AT=place)
        async with process.serving(given) as dying:
            returned, _ = await dying.ended(20)
            assert returned == -signal.SIGKILL
        state = await h.pool.fetchval("SELECT state FROM challenge")
        assert state == ("open" if place == "reply.before_commit" else "decided")
        async with process.serving(process.environment(notify_database_url, h.box.twilio_api_base, **keys)):
            assert await decided_once(h, "ch-1") == "confirmed"
        assert os.environ.get("CRASH_AT") is None


async def test_a_code_outlives_the_rotation_of_keys(notify_database_url: str) -> None:
    async with house(notify_database_url) as h:
        code = await h.ask()
        old = parse_keys(h.configured.notify_lookup_keys.get_secret_value())
        row = await h.pool.fetchrow("SELECT code_number, code_key_id FROM challenge")
        assert row is not None
        both = Codes({"l9": os.urandom(32), **old})
        assert code == both.code("main", "ch-1", row["code_number"], moves_money=True, key_id=row["code_key_id"])
