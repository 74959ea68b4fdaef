"""Steps become requests at notify: once each, the same bytes on every retry, each answer applied to its own item."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import grpc
import pytest

from ingest_service.planning import plans
from ingest_service.submitting import step_queue
from ingest_service.submitting.notify_client import NotifyClient, TryLater
from ingest_service.submitting.step_changes import FrozenStep, StepResult
from ingest_service.submitting.truth import NotNow, Over
from notify.v1.notification_pb2 import NotificationState, Reason
from notify.v1.outcome_pb2 import Outcome, OutcomeKind
from notify.v1.recipient_pb2 import Channel
from notify.v1.service_pb2 import (
    CancelConcernResponse,
    CancelEffect,
    CancelledNotification,
    PullOutcomesRequest,
    SubmitResult,
)
from tests.integration.ingest.planning.rows import ACCOUNT, AT, PERSON, Side
from tests.integration.ingest.planning.standin import Standin

CONCERN = "invoice:in_1/unpaid"
Notify = tuple[Standin, NotifyClient]


async def planned(side: Side, **fact: object) -> None:
    await side.fact(**fact)  # type: ignore[arg-type]
    await side.planning().turn()


async def settle(side: Side, concern: str = CONCERN) -> None:
    async with side.pool.acquire() as conn, conn.transaction():
        await plans.settle(conn, ACCOUNT, concern, side.clock.now(), "evt_paid")


def handed_back(until: datetime, reason: Reason.ValueType = Reason.REASON_QUIET_HOURS) -> SubmitResult:
    answer = SubmitResult()
    answer.handed_back.reason = reason
    answer.handed_back.until.FromDatetime(until)
    return answer


def ended(
    side_step: asyncpg.Record,
    state: NotificationState.ValueType,
    *,
    kind: OutcomeKind.ValueType = OutcomeKind.OUTCOME_KIND_ENDED,
) -> Outcome:
    outcome = Outcome(
        outcome_id=str(uuid4()),
        account_id=ACCOUNT,
        request_id=side_step["request_id"],
        round=side_step["round"],
        kind=kind,
    )
    outcome.ended.state = state
    outcome.occurred_at.FromDatetime(AT)
    return outcome


async def test_a_due_step_is_submitted_with_everything_the_fact_knows(side: Side, notify: Notify) -> None:
    standin, client = notify
    card = {"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030}
    told = {
        "hosted_invoice_url": "https://invoice.stripe.com/i/1",
        "next_payment_attempt": int((AT + timedelta(days=3)).timestamp()),
        "card": card,
    }
    await planned(side, attributes=told)
    await side.submission(client).turn()
    (request,) = standin.received
    assert request.round == 1
    assert request.kind == "payment_failed"
    assert request.template == "payment_failed"
    assert request.variant == "subscription"
    assert request.concern == CONCERN
    assert list(request.channels) == [Channel.CHANNEL_SMS]
    assert (request.values["amount"].money.minor_units, request.values["amount"].money.currency) == (4200, "USD")
    assert request.values["link"].link.url == "https://invoice.stripe.com/i/1"
    assert request.values["retry_on"].day.day == 26
    assert request.values["last4"].text.text == "4242"
    assert request.recipient.person_id == "cus_1"
    assert request.recipient.addresses[0].number == "+14155550100"
    assert request.recipient.addresses[0].given_in_transaction
    assert request.labels["invoice"] == "in_1"
    assert request.labels["step"] == "1"
    assert request.not_after.ToDatetime(UTC) == AT + timedelta(hours=24)
    assert request.truth_read_at.ToDatetime(UTC) == AT
    step = await side.step()
    assert (step["state"], step["truth"], step["due_at"]) == ("submitted", "record", None)
    assert step["notification_id"] is not None
    assert b"14155550100" not in step["frozen"]
    assert side.looked_at == []


async def test_frozen_bytes_are_resent_unchanged_after_a_lost_answer(side: Side, notify: Notify) -> None:
    standin, client = notify
    standin.lose_answer = 1
    await planned(side)
    await side.submission(client).turn()
    step = await side.step()
    assert step["state"] == "frozen"
    side.clock.pass_(timedelta(minutes=1))
    await side.pool.execute("UPDATE step SET leased_until = '-infinity'")
    await side.submission(client).turn()
    assert len(standin.received) == 2  # the stand-in compares the bytes of equal rounds
    assert (await side.step())["state"] == "submitted"
    assert len(standin.stored) == 1


async def test_a_process_that_died_after_freezing_leaves_a_step_that_another_resends(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    standin.hold = asyncio.Event()
    await planned(side)
    dying = asyncio.create_task(side.submission(client).turn())
    async with asyncio.timeout(10):
        await standin.arrived.wait()
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    standin.hold.set()
    assert (await side.submission(client).turn()).claimed == 0, "while it is leased nobody else takes it"
    await side.pool.execute("UPDATE step SET leased_until = '-infinity'")
    await side.submission(client).turn()
    assert (await side.step())["state"] == "submitted"
    assert len(standin.stored) == 1


async def test_two_submitters_at_once_send_each_step_once(side: Side, notify: Notify) -> None:
    standin, client = notify
    for number in range(40):
        await side.fact(f"payment_failed:in_{number}:1", concern=f"invoice:in_{number}/unpaid")
    await side.planning().turn()
    await asyncio.gather(*(side.submission(client).turn() for _ in range(4)))
    assert len(standin.received) == 40
    assert len({request.request_id for request in standin.received}) == 40


async def test_a_handed_back_round_waits_reads_the_truth_again_and_goes_as_the_next_round(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    until = AT + timedelta(hours=10)
    standin.answers = [handed_back(until)]
    await planned(side)
    await side.submission(client).turn()
    step = await side.step()
    assert (step["state"], step["due_at"], step["round"], step["reason"]) == ("waiting", until, 2, "quiet_hours")
    assert (await side.submission(client).turn()).claimed == 0
    side.clock.at = until
    await side.look_up(client)
    assert side.looked_at == ["in_1"]
    assert [request.round for request in standin.received] == [1, 2]
    step = await side.step()
    assert (step["state"], step["truth"], step["round"]) == ("submitted", "stripe", 2)


async def test_a_step_that_may_not_go_before_its_use_ends_is_expired(side: Side, notify: Notify) -> None:
    standin, client = notify
    standin.answers = [handed_back(AT + timedelta(hours=30))]
    await planned(side)
    await side.submission(client).turn()
    step = await side.step()
    assert step["state"] == "expired"
    assert "quiet_hours" in step["reason"]


async def test_a_step_past_its_use_is_expired_and_never_sent(side: Side, notify: Notify) -> None:
    standin, client = notify
    await planned(side, at=AT - timedelta(hours=25))
    await side.submission(client).turn()
    assert standin.received == []
    assert (await side.step())["state"] == "expired"


async def test_a_later_step_asks_stripe_and_a_bill_that_is_over_there_is_settled_here(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    await planned(side)
    await side.submission(client).turn()
    side.clock.at = AT + timedelta(days=3)
    side.looks["in_1"] = Over("at Stripe the invoice is paid")
    await side.look_up(client)
    assert len(standin.received) == 1
    assert [step["state"] for step in await side.steps()] == ["submitted", "cancelled", "cancelled"]
    concern = await side.pool.fetchrow("SELECT * FROM concern")
    assert concern is not None
    assert concern["state"] == "settled"
    assert "the invoice is paid" in concern["settled_by"]


async def test_a_step_whose_truth_cannot_be_read_waits_and_says_why(side: Side, notify: Notify) -> None:
    standin, client = notify
    await planned(side)
    await side.submission(client).turn()
    side.clock.at = AT + timedelta(days=3)
    side.looks["in_1"] = NotNow("Stripe cannot be reached")
    await side.look_up(client)
    assert len(standin.received) == 1
    second = (await side.steps())[1]
    assert (second["state"], second["reason"]) == ("waiting", "Stripe cannot be reached")


async def test_what_settles_while_a_request_is_under_way_stays_cancelled_and_is_told_to_notify(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    standin.hold = asyncio.Event()
    await planned(side)
    sending = asyncio.create_task(side.submission(client).turn())
    async with asyncio.timeout(10):
        await standin.arrived.wait()
    await settle(side)
    standin.hold.set()
    await sending
    step = await side.step()
    assert step["state"] == "cancelled"
    assert step["notification_id"] is not None
    await side.cancels(client).turn()
    (cancel,) = standin.cancels
    assert cancel.as_of.ToDatetime(UTC) > standin.received[0].truth_read_at.ToDatetime(UTC)
    assert await side.pool.fetchval("SELECT state FROM cancel") == "answered"


async def test_a_cancel_is_retried_until_it_is_answered_and_its_answer_is_believed(side: Side, notify: Notify) -> None:
    standin, client = notify
    await planned(side)
    await side.submission(client).turn()
    await settle(side)
    standin.fail_before = [grpc.StatusCode.UNAVAILABLE]
    assert await side.cancels(client).turn() == 1
    assert await side.pool.fetchval("SELECT state FROM cancel") == "waiting"
    assert await side.cancels(client).turn() == 0, "not at once again"
    await side.pool.execute("UPDATE cancel SET due_at = '-infinity'")
    request_id = standin.received[0].request_id
    effect = CancelledNotification(request_id=request_id, effect=CancelEffect.CANCEL_EFFECT_CANCELLED)
    standin.cancel_answer = CancelConcernResponse(notifications=[effect])
    await side.cancels(client).turn()
    assert (await side.step())["state"] == "cancelled"
    assert await side.pool.fetchval("SELECT state FROM cancel") == "answered"


async def test_items_that_are_refused_do_not_stop_the_others(side: Side, notify: Notify) -> None:
    standin, client = notify
    for number in range(5):
        await side.fact(f"payment_failed:in_{number}:1", concern=f"invoice:in_{number}/unpaid")
    await side.planning().turn()
    rejected, suppressed = SubmitResult(), SubmitResult()
    rejected.rejected.field, rejected.rejected.reason, rejected.rejected.remedy = (
        "values.amount",
        "is missing",
        "Give it",
    )
    suppressed.suppressed.reason = Reason.REASON_NO_USABLE_NUMBER
    standin.answers = [rejected, suppressed]
    await side.submission(client).turn()
    steps = [step for step in await side.steps() if step["number"] == 1]
    assert sorted(step["state"] for step in steps) == ["rejected", "submitted", "submitted", "submitted", "suppressed"]
    reasons = {step["state"]: step["reason"] for step in steps}
    assert reasons["rejected"] == "notify rejected values.amount: is missing. Give it"
    assert reasons["suppressed"] == "no_usable_number"


async def test_a_batch_that_notify_refuses_whole_is_cut_until_the_wrong_one_stands_alone(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    for number in range(9):
        await side.fact(f"payment_failed:in_{number}:1", concern=f"invoice:in_{number}/unpaid")
    await side.planning().turn()
    standin.refuse_if = lambda request: request.concern == "invoice:in_4/unpaid"
    await side.submission(client).turn()
    states = {step["concern"]: step["state"] for step in await side.steps() if step["number"] == 1}
    assert states.pop("invoice:in_4/unpaid") == "rejected"
    assert set(states.values()) == {"submitted"}


async def test_large_requests_go_in_several_calls(side: Side, notify: Notify) -> None:
    standin, client = notify
    names = ["long name " * 49] * 3
    for number in range(20):
        person = {**PERSON, "languages": ["x" * 60_000]}
        await side.fact(
            f"payment_succeeded:in_{number}",
            concern=f"invoice:in_{number}/receipt",
            person=person,
            attributes={"product_names": names},
        )
    await side.planning().turn()
    await side.submission(client).turn()
    assert len(standin.calls) == 2
    assert sum(standin.calls) == 20


async def test_the_outcomes_of_more_accounts_than_notify_takes_at_once_are_asked_for_in_turn(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    asked: list[list[str]] = []

    async def note(request: PullOutcomesRequest, _context: object) -> None:
        asked.append(list(request.account_ids))

    standin.pull = note
    names = [f"account-{number:04d}" for number in range(1_201)]
    feed = replace(side.outcomes(client), account_ids=names)
    for _ in range(4):
        await feed.turn(timedelta(0))
    assert [len(each) for each in asked] == [500, 500, 201, 500]
    assert [name for each in asked[:3] for name in each] == names


async def test_what_is_said_of_a_request_that_cannot_be_made_quotes_nothing_of_it(side: Side, notify: Notify) -> None:
    _, client = notify
    await planned(side, person={**PERSON, "places": ["Zanzibar"]})
    await side.submission(client).turn()
    step = await side.step()
    assert step["state"] == "rejected"
    assert step["reason"] == "no request can be made of it (AttributeError); its fact or rule lacks something"


async def test_an_outcome_applied_twice_is_harmless(side: Side, notify: Notify) -> None:
    standin, client = notify
    await planned(side)
    await side.submission(client).turn()
    step = await side.step()
    standin.feed = [ended(step, NotificationState.NOTIFICATION_STATE_DELIVERED)]
    standin.fail_before = [grpc.StatusCode.UNAVAILABLE]  # the acknowledgement fails
    outcomes = side.outcomes(client)
    with pytest.raises(TryLater):
        await outcomes.turn(timedelta(0))
    assert await outcomes.turn(timedelta(0)) == 1
    assert await outcomes.turn(timedelta(0)) == 0
    assert (await side.step())["state"] == "sent"
    assert await side.pool.fetchval("SELECT count(*) FROM outcome_applied") == 1


async def test_an_outcome_that_hands_back_makes_the_next_round_and_a_repeat_of_it_does_nothing(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    await planned(side)
    await side.submission(client).turn()
    outcome = Outcome(
        outcome_id=str(uuid4()), account_id=ACCOUNT, request_id=(await side.step())["request_id"], round=1
    )
    outcome.kind = OutcomeKind.OUTCOME_KIND_HANDED_BACK
    outcome.handed_back.reason = Reason.REASON_CHANNEL_FAILED
    outcome.handed_back.until.FromDatetime(AT + timedelta(minutes=2))
    standin.feed = [outcome]
    await side.outcomes(client).turn(timedelta(0))
    step = await side.step()
    assert (step["state"], step["round"], step["reason"]) == ("waiting", 2, "channel_failed")
    again = Outcome()
    again.CopyFrom(outcome)
    again.outcome_id = str(uuid4())
    standin.feed = [again]
    await side.outcomes(client).turn(timedelta(0))
    assert (await side.step())["round"] == 2


async def test_a_plan_is_done_when_its_last_message_is_and_a_late_word_corrects_a_step(
    side: Side, notify: Notify
) -> None:
    standin, client = notify
    await planned(side, key="refund_issued:re_1", concern="refund:re_1/issued", lane=3)
    await side.submission(client).turn()
    step = await side.step()
    standin.feed = [ended(step, NotificationState.NOTIFICATION_STATE_DELIVERED)]
    await side.outcomes(client).turn(timedelta(0))
    assert [plan["state"] for plan in await side.plans()] == ["done"]
    corrected = ended(step, NotificationState.NOTIFICATION_STATE_UNDELIVERED, kind=OutcomeKind.OUTCOME_KIND_CORRECTED)
    standin.feed = [corrected]
    await side.outcomes(client).turn(timedelta(0))
    assert (await side.step())["state"] == "failed"


async def test_whoever_lost_the_lease_changes_nothing(side: Side) -> None:
    await planned(side)
    step = await side.step()
    slow, quick = uuid4(), uuid4()
    key = (step["plan_id"], 1)
    frozen = FrozenStep(*key, "k1", b"x", "record", AT)
    late = StepResult(*key, 1, "suppressed", "opted_out", None, None, "{}")
    async with side.pool.acquire() as conn:
        await step_queue.freeze(conn, ACCOUNT, [frozen], slow, leased=False)
        await step_queue.lease(conn, ACCOUNT, [key], quick)  # the first lease lapsed and another took the step
        await step_queue.record(conn, ACCOUNT, [late], slow)
        assert (await side.step())["state"] == "frozen"
        await step_queue.release(conn, ACCOUNT, [key], slow, "x")
        assert (await side.step())["lease"] == quick
        await step_queue.record(conn, ACCOUNT, [late._replace(state="submitted", reason=None)], quick)
        await step_queue.record(conn, ACCOUNT, [late], quick)
    assert (await side.step())["state"] == "submitted", "an answer is recorded once"


async def test_a_look_that_took_too_long_freezes_nothing(side: Side) -> None:
    await planned(side)
    step = await side.step()
    slow, quick = uuid4(), uuid4()
    key = (step["plan_id"], 1)
    async with side.pool.acquire() as conn:
        await step_queue.lease(conn, ACCOUNT, [key], slow)
        await step_queue.lease(conn, ACCOUNT, [key], quick)
        frozen = FrozenStep(*key, "k1", b"x", "stripe", AT)
        assert await step_queue.freeze(conn, ACCOUNT, [frozen], slow, leased=True) == set()
        assert await step_queue.freeze(conn, ACCOUNT, [frozen], quick, leased=True) == {key}


@pytest.mark.parametrize("asks", [False, True])
async def test_the_claim_of_steps_reads_its_index(ingest_pool: asyncpg.Pool, asks: bool) -> None:
    async with ingest_pool.acquire() as conn:
        await conn.execute("SET enable_seqscan = off")
        lines = await conn.fetch("EXPLAIN " + step_queue._CLAIM, [ACCOUNT] * 2, [1, 2], [10, 10], AT, asks)
    plan = "\n".join(line[0] for line in lines)
    assert "step_open" in plan
    assert "Seq Scan on step" not in plan
