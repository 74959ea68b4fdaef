"""A request is built from the fact alone, the same bytes every time, within notify's limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from ingest_service.submitting.freezing import Freezable, freeze, request
from ingest_service.submitting.notify_client import MOST_BYTES, MOST_ITEMS, _framed, batches
from ingest_service.submitting.results import Sent, step_result
from ingest_service.submitting.truth import Over, grade, judge
from ingest_service.submitting.values import Told, values_for
from notify.v1.consent_pb2 import MessageClass
from notify.v1.notification_pb2 import IfNotNow, IfUnresolved, NotificationRequest, NotificationState, Reason
from notify.v1.recipient_pb2 import RecipientRole
from notify.v1.service_pb2 import SubmitNotificationsRequest, SubmitResult

AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BLUEPRINT: dict[str, Any] = {
    "rule": "failed", "channels": ["sms"], "template": "payment_failed", "class": "transactional", "if_not_now": "hand_back", "if_unresolved": "hold",
}  # fmt: skip
ADDRESS: dict[str, Any] = {
    "number": "+14155550100", "source": "customer.phone", "first_seen_at": 1_790_000_000, "region_hints": ["US"],
    "given_in_transaction": True, "replaced_another": False,
}  # fmt: skip
FACT: dict[str, Any] = {
    "key": "payment_failed:in_1:1", "kind": "payment_failed", "subject_id": "in_1", "customer_id": "cus_1", "amount": 4200, "exponent": 2,
    "currency": "usd", "event_id": "evt_1", "attributes": {"hosted_invoice_url": "https://invoice.stripe.com/i/1", "payment_intent": "pi_1"},
    "person": {"customer_id": "cus_1", "languages": ["de-AT"], "time_zones": [], "places": [], "addresses": [ADDRESS]},
}  # fmt: skip
STEP = Freezable(
    account_id="main", plan_id="p", request_id="a" * 64, round=1, concern="invoice:in_1/unpaid", flow="failed", lane=2, number=1,
    not_after=AT + timedelta(hours=24), truth_read_at=AT, fact=FACT, variant="default", blueprint=BLUEPRINT, default_zone=ZoneInfo("UTC"),
)  # fmt: skip


def told(**attributes: Any) -> Told:
    return Told({**FACT, "attributes": attributes}, AT, ZoneInfo("America/Los_Angeles"))


def test_equal_steps_freeze_to_equal_bytes_and_other_rounds_to_others() -> None:
    shuffled = {name: FACT[name] for name in reversed(FACT)}
    assert freeze(STEP) == freeze(replace(STEP, fact=shuffled))
    assert freeze(STEP) != freeze(replace(STEP, round=2))
    assert NotificationRequest.FromString(freeze(STEP)) == request(STEP)


def test_a_request_says_what_the_step_says() -> None:
    made = request(STEP)
    assert made.message_class == MessageClass.MESSAGE_CLASS_TRANSACTIONAL
    assert made.if_not_now == IfNotNow.IF_NOT_NOW_HAND_BACK
    assert made.if_unresolved == IfUnresolved.IF_UNRESOLVED_HOLD
    assert dict(made.labels) == {
        "flow": "failed", "rule": "failed", "step": "1", "event": "evt_1", "invoice": "in_1", "payment_intent": "pi_1", "customer": "cus_1",
    }  # fmt: skip
    assert set(made.values) == {"amount", "link"}
    assert list(made.recipient.languages) == ["de-AT"]


def test_a_message_to_a_team_goes_to_its_member_and_not_to_the_customer() -> None:
    member = {
        "person_id": "team:ops:ada",
        "number": "+436641234567",
        "languages": ["en"],
        "time_zones": ["Europe/Vienna"],
    }
    made = request(replace(STEP, blueprint={**BLUEPRINT, "class": "team", "member": member}))
    assert made.recipient.role == RecipientRole.RECIPIENT_ROLE_TEAM
    assert made.message_class == MessageClass.MESSAGE_CLASS_TEAM
    assert [address.number for address in made.recipient.addresses] == ["+436641234567"]
    assert made.recipient.person_id == "team:ops:ada"


def test_a_guest_is_named_by_the_payment() -> None:
    fact = {**FACT, "customer_id": None, "subject_id": "pi_9", "person": {"customer_id": "pi_9", "addresses": []}}
    made = request(replace(STEP, fact=fact))
    assert made.recipient.person_id == "pi_9"
    assert not made.recipient.addresses, "no number is no error: notify suppresses it, visibly"
    assert "customer" not in made.labels


def test_odd_records_stay_within_notifys_limits() -> None:
    addresses = [
        {**ADDRESS, "number": "9" * 65},
        *({**ADDRESS, "region_hints": ["US"] * 20} for _ in range(20)),
        {"number": None},
        {},
    ]
    person = {**FACT["person"], "addresses": addresses, "languages": ["en"] * 30, "places": [{"country": None}] * 20}
    made = request(replace(STEP, fact={**FACT, "person": person}, not_after=AT + timedelta(days=90)))
    assert len(made.recipient.addresses) == 10
    assert all(len(address.number) <= 64 and len(address.region_hints) <= 8 for address in made.recipient.addresses)
    assert (len(made.recipient.languages), len(made.recipient.places)) == (10, 10)
    assert made.not_after.ToDatetime(UTC) == AT + timedelta(days=35)


def test_a_step_may_name_its_own_values() -> None:
    made = request(replace(STEP, blueprint={**BLUEPRINT, "template": "mine", "values": ["amount"]}))
    assert set(made.values) == {"amount"}


def test_money_keeps_its_exponent() -> None:
    for amount, exponent, currency in ((500, 0, "jpy"), (5120, 3, "kwd"), (-4200, 2, "usd")):
        value = values_for(
            ("amount",),
            Told({**FACT, "amount": amount, "exponent": exponent, "currency": currency}, AT, ZoneInfo("UTC")),
        )["amount"]
        assert (value.money.minor_units, value.money.exponent, value.money.currency) == (
            amount,
            exponent,
            currency.upper(),
        )


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/x",
        "javascript:alert(1)",
        "https://" + "a" * 600,
        "",
        None,
        3,
        "https://",
        "http://[",
        "//invoice.stripe.com",
    ],
)
def test_a_link_that_is_none_is_left_out(url: object) -> None:
    assert values_for(("link",), told(hosted_invoice_url=url)) == {}


def test_a_link_to_this_machine_may_be_plain() -> None:
    assert (
        values_for(("link",), told(hosted_invoice_url="http://127.0.0.1:8070/i/1"))["link"].link.url
        == "http://127.0.0.1:8070/i/1"
    )


def test_the_day_of_the_next_try_is_counted_in_the_persons_zone_and_never_past() -> None:
    late_evening = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
    assert values_for(("retry_on",), told(next_payment_attempt=int(late_evening.timestamp())))["retry_on"].day.day == 25
    assert values_for(("retry_on",), told(next_payment_attempt=int(AT.timestamp()) - 1)) == {}
    assert values_for(("retry_on",), told(next_payment_attempt=10**18)) == {}


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Vienna", (2026, 12, 11)), ("UTC", (2026, 12, 11)), ("America/New_York", (2026, 12, 11))]
)
def test_evidence_is_asked_for_by_a_day_that_is_not_too_late_anywhere(zone: str, day: tuple[int, int, int]) -> None:
    due = int(datetime(2026, 12, 11, 23, 59, 59, tzinfo=UTC).timestamp())
    asked = values_for(("due_on",), replace(told(evidence_due=due), zone=ZoneInfo(zone)))["due_on"].day
    assert (asked.year, asked.month, asked.day) == day


def test_what_a_customer_may_have_typed_is_marked() -> None:
    value = values_for(("description",), told(product_names=["A", "B", "C", "D"], description="x"))["description"]
    assert (value.text.text, value.text.customer_typed) == ("A, B, C", True)
    assert values_for(("description",), told(description="\ud800")) != {}


def test_the_wire_form_of_a_batch_is_that_of_the_contract() -> None:
    items = [freeze(replace(STEP, round=number)) for number in (1, 2, 3)]
    assert b"".join(_framed(items)) == SubmitNotificationsRequest(
        requests=[NotificationRequest.FromString(each) for each in items]
    ).SerializeToString(deterministic=True)


def test_batches_keep_within_the_limits_and_in_order() -> None:
    assert batches([]) == []
    assert [len(each) for each in batches([10] * 1001)] == [MOST_ITEMS, MOST_ITEMS, 1]
    assert [len(each) for each in batches([MOST_BYTES // 2] * 3)] == [1, 1, 1]
    assert batches([5, MOST_BYTES * 2, 5]) == [range(1), range(1, 2), range(2, 3)]


def test_truth_is_known_by_its_grade() -> None:
    def graded(kind: str, due: timedelta, now: timedelta) -> str:
        return grade(kind=kind, fact_at=AT, due_at=AT + due, now=AT + now)

    second, hour = timedelta(seconds=1), timedelta(hours=1)
    assert graded("payment_failed", second, second) == "record"
    assert graded("payment_failed", timedelta(seconds=60), timedelta(minutes=15)) == "record"
    assert graded("payment_failed", second, hour) == "stripe", "after an outage our record is not trusted"
    assert graded("payment_failed", timedelta(seconds=61), timedelta(seconds=61)) == "stripe"
    assert graded("payment_succeeded", hour, hour) == "fact"
    assert graded("refund_issued", hour, hour) == "fact"


@pytest.mark.parametrize(
    ("subject", "over"),
    [
        ({"object": "invoice", "status": "open"}, False),
        ({"object": "invoice", "status": "paid"}, True),
        ({"object": "invoice", "status": "void"}, True),
        ({"object": "invoice", "status": "uncollectible"}, True),
        ({"object": "invoice", "status": "open", "subscription": {"status": "canceled"}}, True),
        (
            {
                "object": "invoice",
                "status": "open",
                "parent": {"subscription_details": {"subscription": {"status": "canceled"}}},
            },
            True,
        ),
        ({"object": "invoice", "status": "open", "parent": {"subscription_details": {"subscription": "sub_1"}}}, False),
        ({"object": "invoice", "status": "open", "parent": None, "subscription": "sub_1"}, False),
        ({"object": "payment_intent", "status": "requires_payment_method"}, False),
        ({"object": "payment_intent", "status": "succeeded"}, True),
        ({"object": "payment_intent", "status": "canceled"}, True),
    ],
)
def test_a_look_at_stripe_tells_whether_it_is_over(subject: dict[str, Any], over: bool) -> None:
    assert isinstance(judge(subject, {"kind": "payment_failed"}), Over) == over


def test_answers_become_states_with_reasons() -> None:
    step = Sent(UUID(int=1), 1, 1, AT + timedelta(hours=24))
    accepted, delivered, odd = SubmitResult(), SubmitResult(), SubmitResult()
    accepted.accepted.state = NotificationState.NOTIFICATION_STATE_QUEUED
    delivered.accepted.state = NotificationState.NOTIFICATION_STATE_DELIVERED
    odd.suppressed.reason = 99  # type: ignore[assignment]
    back = SubmitResult()
    back.handed_back.reason = Reason.REASON_BACKLOG
    back.handed_back.until.FromDatetime(AT + timedelta(minutes=1))
    assert step_result(step, accepted).state == "submitted"
    assert step_result(step, delivered).state == "sent", "the stored result of a request that has already ended"
    assert step_result(step, odd).reason == "reason_99", "a newer notify may know more reasons"
    assert (step_result(step, back).state, step_result(step, back).due_at) == ("waiting", AT + timedelta(minutes=1))
    assert step_result(step, SubmitResult()).state == "rejected"


def test_a_step_for_the_next_number_leaves_out_the_first_however_it_is_written() -> None:
    numbers = ["+14155550100", "(415) 555-0100", "+14155550199"]
    person = {**FACT["person"], "addresses": [{**ADDRESS, "number": number} for number in numbers]}
    step = replace(STEP, fact={**FACT, "person": person}, blueprint={**BLUEPRINT, "number": "next"})
    assert [one.number for one in request(step).recipient.addresses] == ["+14155550199"]
    assert len(request(replace(step, blueprint=BLUEPRINT)).recipient.addresses) == 3
