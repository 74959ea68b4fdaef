"""Who is asked, about what, once a payment; and what ends a question."""

import datetime
import itertools
from pathlib import Path
from typing import Any

import pytest

from ingest_service.database import shipped
from ingest_service.links import store as link_store
from ingest_service.links.link import LinkMaker, Standing, hash_of, standing
from ingest_service.planning import rules_store
from ingest_service.story.telling import Telling, guess
from ingest_service.submitting import stripe_look
from ingest_service.submitting.truth import Over, StillSo
from notify.v1.notification_pb2 import Lane, NotificationRequest, Reason
from notify.v1.recipient_pb2 import Channel
from notify.v1.service_pb2 import SubmitResult, Suppressed
from tests.integration.ingest.deciding.desk import DAY, Desk

HOUR = datetime.timedelta(hours=1)
SUSPICIONS = ("review.opened", "radar.early_fraud_warning.created", "charge.failed")


async def asked(desk: Desk, **given: Any) -> dict[str, str]:
    """A question about a captured payment is out."""
    ids = desk.play("purchase", **given) | desk.play("review_opened")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    return ids


async def test_a_question_tells_amount_and_card_and_carries_its_challenge(desk: Desk) -> None:
    ids = desk.play("purchase_authorised", amount=4200) | desk.play("review_opened")
    desk.known_since(ids["customer"])
    await desk.tell()
    reads = [one["path"] for one in desk.house.calls.found(method="GET")]
    assert reads == [f"/v1/charges/{ids['charge']}"]
    await desk.say()
    [request] = desk.standin.received
    assert (request.template, request.variant, request.lane) == ("fraud_question", "uncaptured", Lane.LANE_FRAUD)
    assert request.values["amount"].money.minor_units == 4200
    assert (
        request.values["last4"].text.text == desk.stripe.need(ids["charge"])["payment_method_details"]["card"]["last4"]
    )
    assert "code" not in request.values
    assert request.challenge.moves_money
    assert request.challenge.answer_within.ToTimedelta() == datetime.timedelta(hours=1)
    question = await desk.question()
    assert request.challenge.challenge_id == question["challenge_id"]
    assert request.challenge.answer_by.ToDatetime(datetime.UTC) == question["answer_by"]
    assert (question["amount"], question["currency"], question["standing"]) == (4200, "usd", "uncaptured")
    assert question["trust"] == "known_before"
    assert desk.stripe.need(ids["customer"])["phone"] not in str(dict(question))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("together", [True, False])
async def test_one_question_a_payment_whichever_events_come_and_in_whichever_order(
    desk: Desk, order: tuple[int, ...], together: bool
) -> None:
    ids = desk.play("purchase") | desk.play("review_opened") | desk.play("early_fraud_warning")
    desk.play("early_fraud_warning", charge=ids["charge"])
    desk.known_since(ids["customer"])
    events = [event.envelope("2026-10-28.endive", connected=False) for event in desk.stripe.events]
    told = [event for event in events if event["type"] in SUSPICIONS]
    assert len(told) == 3
    batches = [[told[place] for place in order]] if together else [[told[place]] for place in order]
    for batch in batches:
        await desk.house.arrive([*batch, *batch, *desk.events])
        desk.events = []
        await desk.house.fold(workers=2)
        await desk.house.look_up()
        await desk.say()
    assert [each.template for each in desk.standin.received] == ["fraud_question"]


@pytest.mark.parametrize(
    "reason", ["highest_risk_level", "elevated_risk_level", "rule", "low_probability_of_authorization"]
)
async def test_a_block_is_asked_about_where_fraud_is_its_reason_and_is_any_failed_payment_otherwise(
    desk: Desk, reason: str
) -> None:
    desk.play("charge_blocked", reason=reason)
    await desk.tell()
    await desk.say()
    wanted = (
        ("payment_failed", "one_off") if reason == "low_probability_of_authorization" else ("fraud_question", "blocked")
    )
    assert desk.texts() == [wanted]


@pytest.mark.parametrize("captured", [True, False])
async def test_only_money_that_is_still_held_shortens_the_time_to_answer(desk: Desk, captured: bool) -> None:
    ids = desk.play("purchase" if captured else "purchase_authorised") | desk.play("early_fraud_warning")
    desk.known_since(ids["customer"])
    until = datetime.datetime.now(datetime.UTC) + (-13 * DAY if captured else 2 * HOUR)
    desk.stripe.need(ids["charge"])["payment_method_details"]["card"]["capture_before"] = int(until.timestamp())
    await desk.tell()
    await desk.say()
    [request] = [each for each in desk.standin.received if each.template == "fraud_question"]
    by = (await desk.question())["answer_by"]
    assert request.challenge.answer_by.ToDatetime(datetime.UTC) == by
    assert by > desk.clock.now() + 23 * HOUR if captured else by == until.replace(microsecond=0)


@pytest.mark.parametrize("hours", [5, 25, 60])
async def test_a_question_that_comes_too_late_to_be_asked_is_for_a_person(
    desk: Desk, tmp_path: Path, hours: int
) -> None:
    await desk.with_team(tmp_path)
    ids = desk.play("purchase") | desk.play("review_opened")
    desk.known_since(ids["customer"])
    desk.clock.ahead = hours * HOUR
    await desk.tell()
    await desk.say()
    await desk.decide()
    row = await desk.decision()
    assert (row["answer"], row["state"]) == ("unreachable", "held")
    assert [each for each in desk.texts() if each[0].startswith("fraud")] == [("fraud_team", "default")]


async def test_nobody_is_asked_about_a_card_that_its_bank_calls_stolen(desk: Desk) -> None:
    desk.play("charge_blocked")
    [charge] = desk.stripe.kinds["charge"]
    for event in desk.stripe.events:
        event.subject.newest.setdefault("outcome", {})
    events = [event.envelope("2026-10-28.endive", connected=False) for event in desk.stripe.events]
    for event in events:
        if event["data"]["object"]["object"] == "charge":
            event["data"]["object"]["outcome"]["network_decline_code"] = "43"
    await desk.house.arrive(events)
    await desk.house.fold()
    await desk.say()
    assert desk.texts() == []
    assert charge["outcome"]["type"] == "blocked"


@pytest.mark.parametrize("before", ["dispute_opened", "refund_full"])
async def test_nobody_is_asked_about_what_is_over_before_it_is_heard_of(desk: Desk, before: str) -> None:
    ids = desk.play("purchase")
    desk.play("review_opened")
    desk.known_since(ids["customer"])
    desk.play(before)
    await desk.tell("review.opened", "customer.created")
    await desk.say()
    assert desk.texts() == []
    row = await desk.pool.fetchrow(
        "SELECT state, reason FROM fact WHERE account_id = 'main' AND kind = 'fraud_suspected'"
    )
    assert row["state"] == "dropped"
    assert "already" in row["reason"]


@pytest.mark.parametrize("end", ["review_closed", "dispute_opened", "refund_full"])
async def test_what_ends_a_matter_ends_its_question_and_cancels_its_messages(desk: Desk, end: str) -> None:
    ids = await asked(desk)
    desk.play(end)
    await desk.tell()
    await desk.cancels()
    concern = f"payment:{ids['payment_intent']}/fraud"
    assert concern in {each.concern for each in desk.standin.cancels}
    await desk.decide()
    assert (await desk.question())["state"] == "over"
    assert await desk.pool.fetchval("SELECT count(*) FROM decision WHERE account_id = 'main'") == 0


async def test_an_answer_ends_its_question_at_notify_and_the_result_is_no_part_of_it(desk: Desk) -> None:
    ids = await asked(desk)
    await desk.answer("yes")
    await desk.decide()
    await desk.cancels()
    assert {each.concern for each in desk.standin.cancels} == {f"payment:{ids['payment_intent']}/fraud"}
    assert desk.standin.received[-1].concern == f"payment:{ids['payment_intent']}/fraud_result"


async def test_a_question_goes_to_the_numbers_that_are_trusted_most_and_to_no_others(desk: Desk) -> None:
    ids = desk.play("purchase", phone="+14155550177") | desk.play("review_opened")
    desk.known_since(ids["customer"])
    charge = desk.stripe.need(ids["charge"])
    charge["billing_details"]["phone"] = "+14155550188"  # given with the payment by whoever paid
    await desk.tell()
    await desk.say()
    [request] = [each for each in desk.standin.received if each.template == "fraud_question"]
    assert [each.number for each in request.recipient.addresses] == ["+14155550177"]


async def test_a_refund_that_an_answer_caused_is_told_once(desk: Desk) -> None:
    await asked(desk)
    await desk.answer("no")
    await desk.decide()
    await desk.tell()  # refund.created, charge.refunded, refund.updated, review.closed
    await desk.decide()
    assert [each for each in desk.texts() if "refund" in each[0] or each[0] == "fraud_result"] == [
        ("fraud_result", "refunded")
    ]
    state = await desk.pool.fetchval("SELECT state FROM fact WHERE account_id = 'main' AND kind = 'refund_issued'")
    assert state == "planned"  # the day's figures count it, and the team may hear of it


async def test_a_refund_of_anybody_else_is_told_as_ever(desk: Desk) -> None:
    await asked(desk)
    desk.play("refund_full")
    await desk.tell()
    await desk.decide()
    assert ("refund_issued", "default") in desk.texts()


async def test_a_question_that_goes_nowhere_is_told_to_the_team(desk: Desk) -> None:
    desk.standin.answers.append(SubmitResult(suppressed=Suppressed(reason=Reason.REASON_OPTED_OUT)))
    await asked(desk)
    await desk.decide()
    row = await desk.decision()
    assert (row["answer"], row["state"], row["outcome"]) == ("unreachable", "held", "held")


async def test_silence_has_its_end_though_notify_never_says_so(desk: Desk) -> None:
    await asked(desk)
    desk.clock.ahead = DAY + datetime.timedelta(minutes=20)
    await desk.decide()
    row = await desk.decision()
    assert (row["answer"], row["state"]) == ("silence", "held")
    assert await desk.trail() == ["answered", "decided"]


async def blocked_bill(desk: Desk) -> dict[str, str]:
    """A question about the blocked payment of a bill is out, and so is the word that the bill was not paid."""
    ids = desk.play("charge_blocked")
    bill = desk.play("renewal_fails")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.pool.execute(
        "INSERT INTO alias (account_id, alias_id, target_kind, target_id, learned_from) VALUES ('main', $1, 'invoice', $2, 'test')"
        " ON CONFLICT (account_id, alias_id, target_kind) DO UPDATE SET target_id = EXCLUDED.target_id",
        ids["payment_intent"], bill["invoice"],
    )  # fmt: skip
    await desk.say()
    return {**ids, "invoice": bill["invoice"]}


async def answered(desk: Desk, answer: str) -> NotificationRequest:
    """The question is answered; what is said then."""
    question = next(each for each in desk.standin.received if each.template == "fraud_question")
    await desk.answer(answer, challenge_id=question.challenge.challenge_id)
    await desk.decide()
    return desk.standin.received[-1]


async def test_without_links_of_ours_a_blocked_bill_is_tried_again_by_its_own_page(desk: Desk) -> None:
    ids = await blocked_bill(desk)
    said = await answered(desk, "yes")
    assert (said.template, said.variant) == ("fraud_result", "try_again")
    assert said.values["link"].link.url == desk.stripe.need(ids["invoice"])["hosted_invoice_url"]


@pytest.mark.parametrize("of_bill", [True, False])
async def test_a_blocked_payment_is_tried_again_by_a_link_of_ours(desk: Desk, of_bill: bool) -> None:
    desk.links = LinkMaker("https://pay.example.com", b"k" * 32)
    if of_bill:
        ids = await blocked_bill(desk)
    else:
        ids = desk.play("charge_blocked")
        desk.known_since(ids["customer"])
        await desk.tell()
        await desk.say()
    said = await answered(desk, "yes")
    url = said.values["link"].link.url
    assert url.startswith("https://pay.example.com/l/")
    async with desk.pool.acquire() as conn:
        link = await link_store.find(conn, ["main"], hash_of(url.rpartition("/")[2]), desk.house.sealer)
    assert link is not None
    paid = ids["invoice"] if of_bill else ids["payment_intent"]
    assert (link.subject_id, link.concern) == (paid, f"{'invoice' if of_bill else 'payment'}:{paid}/unpaid")
    assert standing(link, desk.clock.now()) == Standing.PAYABLE


async def test_nobody_is_reminded_to_pay_a_bill_whose_payment_they_said_was_not_theirs(desk: Desk) -> None:
    ids = await blocked_bill(desk)
    said = await answered(desk, "no")
    assert (said.template, said.variant) == ("fraud_result", "blocked")
    states = await desk.pool.fetch(
        "SELECT state FROM step WHERE account_id = 'main' AND concern = $1 ORDER BY number",
        f"invoice:{ids['invoice']}/unpaid",
    )
    assert [row["state"] for row in states] == ["submitted", "cancelled", "cancelled"]
    assert f"invoice:{ids['invoice']}/unpaid" in await desk.house.settled()


async def test_a_review_that_was_opened_after_the_question_and_approved_by_hand_is_not_undone_by_an_answer(
    desk: Desk,
) -> None:
    ids = desk.play("purchase") | desk.play("early_fraud_warning")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    desk.play("review_opened", charge=ids["charge"])
    desk.play("review_closed")  # its events are still on their way
    await desk.answer("no")
    await desk.decide()
    row = await desk.decision()
    assert desk.writes_made() == []
    assert (row["state"], row["reason"]) == (
        "held",
        "the review was closed (approved), which is not what was asked about",
    )


async def test_the_team_is_told_where_a_person_must_decide(desk: Desk, tmp_path: Path) -> None:
    await desk.with_team(tmp_path)
    ids = await asked(desk)
    await desk.answer("silence", "none")
    await desk.decide()
    said = desk.standin.received[-1]
    assert (said.template, said.recipient.addresses[0].number) == ("fraud_team", "+14155550111")
    assert said.values["payment"].text.text == ids["payment_intent"]
    assert said.values["why"].text.text == "nobody answered in time"


ALERT = """
teams: {sales: {members: [{name: Ada, number: "+14155550111"}]}}
flows:
  - flow: alert
    on: payment_succeeded
    to: team:sales
    asks: {answer_by: 24h}
    answers:
      - {answer: "yes", do: nothing}
      - {answer: ["no", unclear, silence, unreachable], do: ask_team}
    steps:
      - {after: 0s, template: alert}
      - {after: 30m, template: alert}
"""


async def test_a_question_may_be_about_anything_and_go_to_a_team_and_its_answer_ends_the_ladder(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(ALERT)
    async with desk.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, desk.house.sealer, by="test")
    desk.play("purchase", presentment_currency="eur", presentment_amount=3900)
    await desk.tell()
    await desk.say()
    [request] = desk.standin.received
    assert (request.challenge.moves_money, request.recipient.addresses[0].number) == (False, "+14155550111")
    question = await desk.question()
    assert (question["trust"], question["charge_id"], question["amount"]) == ("team", "", None)
    await desk.answer("yes", "bare")
    await desk.decide()
    row = await desk.decision()
    assert (row["state"], row["outcome"], row["reason"]) == ("done", "nothing", "the rules say so")
    states = await desk.pool.fetch("SELECT state FROM step WHERE account_id = 'main' ORDER BY number")
    assert [step["state"] for step in states] == ["submitted", "cancelled"]
    assert desk.writes_made() == []


@pytest.mark.parametrize("end", [None, "review_closed", "dispute_opened", "refund_full"])
async def test_a_later_message_of_a_question_looks_whether_there_is_still_something_to_ask(
    desk: Desk, end: str | None
) -> None:
    ids = desk.play("purchase") | desk.play("review_opened")
    if end is not None:
        desk.play(end)
    suspicion, failure = {"kind": "fraud_suspected"}, {"kind": "payment_failed"}
    for subject in (ids["payment_intent"], ids["charge"]):
        seen = await stripe_look.look(desk.house.reads, "main", subject, suspicion)
        assert isinstance(seen, StillSo if end is None else Over)
        # that a payment succeeded ends the matter of its failure, and no suspicion
        assert isinstance(await stripe_look.look(desk.house.reads, "main", subject, failure), Over)


async def blocked_and_tried_again(desk: Desk) -> dict[str, str]:
    """A block was asked about, and then the buyer paid all the same: the same payment, another charge."""
    ids = desk.play("charge_blocked")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    return desk.play("buyer_succeeds")


@pytest.mark.parametrize("suspicion", ["review_opened", "early_fraud_warning"])
@pytest.mark.parametrize("answered", [True, False])
async def test_what_is_suspected_of_the_next_try_of_a_blocked_payment_is_asked_too(
    desk: Desk, suspicion: str, answered: bool
) -> None:
    ids = await blocked_and_tried_again(desk)
    if answered:
        await desk.answer("yes")
        await desk.decide()
    desk.play(suspicion, charge=ids["charge"])
    await desk.tell()
    await desk.say()
    questions = [each for each in desk.standin.received if each.template == "fraud_question"]
    assert [each.variant for each in questions] == ["blocked", "captured" if "review" in suspicion else "warning"]
    await desk.answer("no", challenge_id=questions[1].challenge.challenge_id)
    await desk.decide()
    assert [each[0] for each in desk.writes_made()] == ["refunds.create", "radar.value_list_items.create"]
    told = await Telling(desk.pool, ["main"], None).story(guess(ids["payment_intent"]))
    assert told is not None
    assert len([line for line in told["lines"] if line["where"] == "question"]) == 2


async def test_a_payment_that_is_cancelled_ends_the_question_about_its_blocked_try(desk: Desk) -> None:
    ids = desk.play("charge_blocked")
    desk.known_since(ids["customer"])
    await desk.tell()
    await desk.say()
    payment = desk.stripe.need(ids["payment_intent"])
    payment["status"] = "canceled"
    desk.stripe.emit("payment_intent.canceled", payment)
    await desk.tell()
    await desk.decide()
    assert (await desk.question())["state"] == "over"


async def test_a_warning_of_the_bank_after_the_answer_is_for_a_person(desk: Desk, tmp_path: Path) -> None:
    await desk.with_team(tmp_path)
    ids = await asked(desk)
    await desk.answer("yes")
    await desk.decide()
    await desk.tell()  # our own approval closes the review
    desk.play("early_fraud_warning", charge=ids["charge"])
    await desk.tell()
    await desk.say()
    said = desk.standin.received[-1]
    assert (said.template, said.values["payment"].text.text) == ("fraud_team", ids["payment_intent"])
    assert said.values["why"].text.text == "the bank warns of it, and the matter had been closed before"
    assert desk.texts().count(("fraud_result", "held")) == 0
    assert [each[0] for each in desk.texts()].count("fraud_question") == 1


async def test_a_later_look_about_a_blocked_try_reads_that_charge_and_not_the_next_one(desk: Desk) -> None:
    ids = desk.play("charge_blocked")
    desk.known_since(ids["customer"])
    await desk.tell()
    desk.play("buyer_succeeds")
    desk.clock.ahead = datetime.timedelta(minutes=30)  # the record is not trusted any more
    await desk.say()
    await desk.look()
    assert desk.texts() == []
    state = await desk.pool.fetchval("SELECT state FROM step WHERE account_id = 'main' AND concern LIKE '%/fraud'")
    assert state == "cancelled"


def with_commented_steps(text: str) -> str:
    """The shipped rules with the steps that stand in them commented out."""
    for step in ("      # - {after: 15m", "      # - {after: 30m"):
        assert step in text
        text = text.replace(step, step.replace("# ", "", 1))
    return text


@pytest.mark.parametrize("second", ["+14155550188", None])
async def test_who_does_not_answer_is_called_and_then_asked_at_the_next_number_that_is_trusted_as_much(
    desk: Desk, tmp_path: Path, second: str | None
) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(with_commented_steps(shipped("rules.yaml").read_text()))
    async with desk.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, desk.house.sealer, by="test")
    ids = desk.play("purchase", phone="+14155550177") | desk.play("review_opened")
    if second is not None:
        desk.stripe.need(ids["customer"])["shipping"] = {"phone": second, "address": {"country": "US"}}
    desk.stripe.need(ids["charge"])["billing_details"]["phone"] = "+14155550166"  # given by whoever paid
    desk.known_since(ids["customer"])
    await desk.tell()
    for _ in range(3):
        await desk.say()
        await desk.look()
        desk.clock.ahead += datetime.timedelta(minutes=16)
    asked_at = [
        (list(each.channels), [one.number for one in each.recipient.addresses])
        for each in desk.standin.received
        if each.template == "fraud_question"
    ]
    known = ["+14155550177", *([second] if second else [])]
    expected = [([Channel.CHANNEL_SMS], known), ([Channel.CHANNEL_VOICE], known)]
    assert asked_at == expected + ([([Channel.CHANNEL_SMS], [second])] if second else [])
    assert len({each.challenge.challenge_id for each in desk.standin.received if each.HasField("challenge")}) == 1
    if second is None:
        reason = await desk.pool.fetchval("SELECT reason FROM step WHERE account_id = 'main' AND state = 'skipped'")
        assert reason == "no further number is known of them"
