"""Who is asked, about what, once a payment; and what ends a question."""

import datetime
import itertools
from pathlib import Path
from typing import Any

import pytest

from ingest_service.database import shipped
from ingest_service.planning import rules_store
from ingest_service.submitting import stripe_look
from ingest_service.submitting.truth import Over, StillSo
from notify.v1.notification_pb2 import Lane, Reason
from notify.v1.service_pb2 import SubmitResult, Suppressed
from tests.integration.ingest.deciding.desk import DAY, Desk

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
async def test_a_block_is_asked_about_only_where_fraud_is_its_reason(desk: Desk, reason: str) -> None:
    desk.play("charge_blocked", reason=reason)
    await desk.tell()
    await desk.say()
    wanted = [] if reason == "low_probability_of_authorization" else [("fraud_question", "blocked")]
    assert desk.texts() == wanted


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


async def test_a_blocked_bill_is_tried_again_by_its_own_page(desk: Desk) -> None:
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
    question = next(each for each in desk.standin.received if each.template == "fraud_question")
    await desk.answer("yes", challenge_id=question.challenge.challenge_id)
    await desk.decide()
    said = desk.standin.received[-1]
    assert (said.template, said.variant) == ("fraud_result", "try_again")
    assert said.values["link"].link.url == desk.stripe.need(bill["invoice"])["hosted_invoice_url"]


async def test_the_team_is_told_where_a_person_must_decide(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    text = shipped("rules.yaml").read_text().replace("${INGEST_TEAM_FINANCE}", "+14155550111")
    file.write_text(text)
    async with desk.pool.acquire() as conn:
        await rules_store.apply(conn, "main", file, desk.house.sealer, by="test")
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
