"""A second word about one question, a person's decision, and the trail of both."""

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from ingest_service.deciding import audit, commands, decision_store
from ingest_service.planning.answers import Action
from ingest_service.story.telling import Telling, guess
from tests.integration.ingest.deciding.desk import Desk


async def asked(desk: Desk) -> dict[str, str]:
    """A question about a captured payment is out."""
    ids = desk.play("purchase") | desk.play("review_opened")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    return ids


async def test_the_same_answer_twice_is_one_answer(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    await desk.answer("no", "bare")
    await desk.decide()
    await desk.answer("no")
    await desk.decide()
    assert [each[0] for each in desk.writes_made()] == ["refunds.create", "radar.value_list_items.create"]
    assert (await desk.trail()).count("answered") == 1


@pytest.mark.parametrize(
    ("answer", "act", "text"),
    [
        ("no", ["refunds.create", "radar.value_list_items.create"], "refunded"),
        ("yes", ["reviews.approve"], "default"),
    ],
)
async def test_the_same_answer_with_its_code_is_acted_on_after_the_word_alone_was_held(
    desk: Desk, answer: str, act: list[str], text: str
) -> None:
    await asked(desk)
    await desk.answer(answer, "bare")
    await desk.decide()
    assert (await desk.decision())["state"] == "held"
    await desk.answer(answer)
    await desk.answer(answer)
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["strength"]) == ("done", "coded")
    assert [each[0] for each in desk.writes_made()] == act
    assert [each for each in await desk.trail() if "answer" in each] == ["answered", "further_answer"]
    assert desk.texts()[-1] == ("fraud_result", text)


async def test_a_code_says_nothing_more_once_a_person_decided_or_another_answer_came(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no", "bare")
    await desk.answer("yes", "bare")
    await desk.answer("no")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["strength"], row["further"]) == ("held", "bare", "yes")
    assert desk.writes_made() == []


async def test_whoever_judges_the_word_alone_while_its_code_comes_ends_nothing(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no", "bare")
    holder = uuid4()
    async with desk.pool.acquire() as conn:
        [row] = await decision_store.claim(conn, ["main"], 1, holder)
        await desk.answer("no")
        assert not await decision_store.end(
            conn, "main", row["challenge_id"], holder, state="held", outcome="held", reason="", further=None, now=desk.clock.now()
        )  # fmt: skip
    await desk.decide()
    assert [each[0] for each in desk.writes_made()] == ["refunds.create", "radar.value_list_items.create"]


async def test_two_answers_that_contradict_each_other_act_on_nothing(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("yes")
    await desk.answer("no")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["outcome"]) == ("held", "held")
    assert desk.writes_made() == []
    assert desk.texts()[-1] == ("fraud_result", "held")


async def test_a_contradiction_after_the_act_undoes_nothing_and_a_person_hears_of_it(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("yes")
    await desk.decide()
    await desk.tell()  # our own approval closes the review, and with it the matter
    await desk.answer("no")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["further"]) == ("held", "no")
    assert [each[0] for each in desk.writes_made()] == ["reviews.approve"]
    assert desk.texts()[-2:] == [("fraud_result", "default"), ("fraud_result", "held")]


async def test_an_answer_that_comes_after_silence_is_for_a_person(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("silence", "none")
    await desk.decide()
    await desk.answer("no")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["reason"]) == ("held", "the answer was silence, and then no: one contradicts the other")
    assert desk.writes_made() == []


async def test_whoever_answers_after_silence_hears_that_a_person_looks_and_the_team_hears_it_again(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.with_team(tmp_path)
    await asked(desk)
    await desk.answer("silence", "none")
    await desk.decide()
    assert said(desk) == [("fraud_team", "default")]
    await desk.answer("no")
    await desk.decide()
    assert sorted(said(desk)[1:]) == [("fraud_result", "held"), ("fraud_team", "default")]
    await desk.answer("yes")
    await desk.decide()
    assert sorted(said(desk)[3:]) == [("fraud_result", "held"), ("fraud_team", "default")]


async def test_the_team_hears_again_where_a_bare_no_is_followed_by_a_yes(desk: Desk, tmp_path: Path) -> None:
    await desk.with_team(tmp_path)
    await asked(desk)
    await desk.answer("no", "bare")
    await desk.decide()
    await desk.answer("yes")
    await desk.decide()
    assert [each[0] for each in desk.texts()].count("fraud_team") == 2
    assert desk.texts().count(("fraud_result", "held")) == 2
    whys = [each.values["why"].text.text for each in desk.standin.received if each.template == "fraud_team"]
    assert whys == [
        "the answer was no, without the code, and a number can be forged",
        "the answer was no, and then yes: one contradicts the other",
    ]


async def test_the_team_hears_that_what_a_person_decided_could_not_be_done_and_the_customer_does_not(
    desk: Desk, tmp_path: Path
) -> None:
    await desk.with_team(tmp_path)
    await asked(desk)
    await desk.answer("no", "bare")
    await desk.decide()
    desk.play("dispute_opened")
    await person(desk, Action.REFUND_AS_FRAUD)
    await desk.decide()
    assert [each[0] for each in desk.texts()].count("fraud_team") == 2
    assert desk.texts().count(("fraud_result", "held")) == 1


async def test_an_answer_to_no_question_of_ours_is_left_out(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no", challenge_id="somebody-elses")
    await desk.decide()
    assert await desk.pool.fetchval("SELECT count(*) FROM decision WHERE account_id = 'main'") == 0
    assert desk.writes_made() == []


def said(desk: Desk) -> list[tuple[str, str]]:
    """What was handed to notify after the question, of this matter."""
    return [each for each in desk.texts()[1:] if each[0].startswith("fraud")]


async def person(desk: Desk, *actions: Action) -> bool:
    """A person decides."""
    challenge_id = (await desk.decision())["challenge_id"]
    async with desk.pool.acquire() as conn, conn.transaction():
        now = desk.clock.now()
        return await decision_store.decide_by_person(conn, "main", challenge_id, actions, "ada", now)


async def test_a_person_decides_what_is_held_with_keys_of_its_own(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no", "bare")
    await desk.decide()
    assert desk.writes_made() == []
    assert await person(desk, Action.REFUND_AS_FRAUD)
    await desk.decide()
    assert [each[:2] for each in desk.writes_made()] == [("refunds.create", "refund_as_fraud-2")]
    assert desk.texts()[-1] == ("fraud_result", "refunded")
    assert not await person(desk, Action.REFUND_AS_FRAUD), "nothing is held any more"
    assert await desk.trail() == ["answered", "decided", "person", "call", "stripe", "decided"]


async def test_not_even_a_person_refunds_what_is_disputed(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no", "bare")
    await desk.decide()
    desk.play("dispute_opened")
    await person(desk, Action.REFUND_AS_FRAUD)
    await desk.decide()
    assert desk.writes_made() == []
    assert (await desk.decision())["reason"] == "the payment is disputed, which is not what was asked about"


async def test_an_account_without_a_block_list_does_the_rest(desk: Desk) -> None:
    await asked(desk)
    desk.stripe.kinds["radar.value_list"] = []
    await desk.answer("no")
    await desk.decide()
    assert [each[0] for each in desk.writes_made()] == ["refunds.create"]
    assert (await desk.decision())["state"] == "done"


async def test_a_card_that_is_on_the_list_already_is_no_trouble(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    await desk.decide()
    ids = desk.play("purchase") | desk.play("review_opened")
    await desk.tell()
    await desk.say()
    del ids
    await desk.answer("no")
    await desk.decide()
    states = await desk.pool.fetch("SELECT state FROM decision WHERE account_id = 'main'")
    assert [row["state"] for row in states] == ["done", "done"]


async def test_the_trail_tells_who_and_how_and_shows_what_was_changed_in_it(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    await desk.decide()
    assert await desk.trail() == ["answered", "call", "call", "stripe", "stripe", "decided"]
    rows = await desk.pool.fetch("SELECT who, details FROM decision_audit WHERE account_id = 'main' ORDER BY seq")
    assert '"code_ok":true' in rows[0]["details"]
    assert '"sid":"SM' in rows[0]["details"]
    assert '"key":"paybell-' in rows[1]["details"]
    assert '"answer":"done"' in rows[3]["details"]
    async with desk.pool.acquire() as conn:
        assert await audit.broken(conn, "main") == []
        for statement in (
            "UPDATE decision_audit SET who = 'x'",
            "DELETE FROM decision_audit",
            "TRUNCATE decision_audit",
        ):
            with pytest.raises(asyncpg.RaiseError, match="append-only"):
                await conn.execute(
                    f"{statement} WHERE account_id = 'main'" if "TRUNCATE" not in statement else statement
                )
        await conn.execute("ALTER TABLE decision_audit DISABLE TRIGGER ALL")
        await conn.execute(
            "UPDATE decision_audit SET details = replace(details, 'true', 'false') WHERE account_id = 'main' AND seq = 1"
        )
        [(_, seq)] = await audit.broken(conn, "main")
        assert seq == 1


async def test_the_story_tells_question_answer_and_what_was_done_at_stripe(desk: Desk) -> None:
    ids = await asked(desk)
    await desk.answer("no")
    await desk.decide()
    telling = Telling(desk.pool, ["main"], None)
    for what in (
        ids["payment_intent"],
        f"payment:{ids['payment_intent']}/fraud_result",
        desk.standin.received[-1].request_id,
    ):
        told = await telling.story(guess(what))
        assert told is not None
        said = [line["sentence"] for line in told["lines"] if line["where"] in ("question", "answer")]
        assert said[0].startswith("Question ")
        assert "was put to a number that was known before the payment" in said[0]
        assert said[1] == "the answer was no, with the code by text"
        assert "Stripe did it: refund it as fraud (succeeded)" in said
        assert said[-1] == "It was decided that the payment is stopped: the answer was no"
        first = next(line for line in told["lines"] if line["name"] == "call")
        assert first["ids"]["key"].startswith("paybell-")


async def test_a_person_sees_what_waits_and_decides_by_the_command_line(desk: Desk) -> None:
    await asked(desk)
    assert await commands.held(desk.pool, ["main"]) == ["nothing waits for a person"]
    await desk.answer("no", "bare")
    await desk.decide()
    [line] = await commands.held(desk.pool, ["main"])
    challenge_id = (await desk.decision())["challenge_id"]
    assert line.endswith("captured: the answer was no, without the code, and a number can be forged")
    now = desk.clock.now()
    with pytest.raises(commands.CannotDecideError, match="is no action"):
        await commands.decide(desk.pool, "main", challenge_id, ["give_back"], "ada", now)
    with pytest.raises(commands.CannotDecideError, match="waits for a person"):
        await commands.decide(desk.pool, "main", "another", ["nothing"], "ada", now)
    said = await commands.decide(desk.pool, "main", challenge_id, ["refund_as_fraud", "block_card"], "ada", now)
    assert said == "it will be done: refund it as fraud and put the card on Stripe's block list"
    await desk.decide()
    assert [each[0] for each in desk.writes_made()] == ["refunds.create", "radar.value_list_items.create"]
    assert await commands.broken(desk.pool, ["main"]) == []
