"""Judging by property: whatever is asked, answered and stands, some things are never done."""

import datetime
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.database import shipped
from ingest_service.deciding.asking import Question
from ingest_service.deciding.judging import Given, judge
from ingest_service.deciding.trust import Trust, most_trusted, trust_of
from ingest_service.folding import parse
from ingest_service.folding.parse import Suspect
from ingest_service.planning.answers import ACTIONS, Action, Answer, Strength
from ingest_service.planning.rules_file import filled_in
from tests.unit.ingest.planning.facts import rules

AT = datetime.datetime(2026, 11, 25, 10, 0, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
[SHIPPED] = [
    rule.asks
    for rule in rules(filled_in(shipped("rules.yaml").read_text(), {})).rules
    if rule.asks is not None and rule.flow == "fraud"
]

QUESTION = Question(
    challenge_id="c" * 40, plan_id=UUID(int=1), concern="payment:pi_1/fraud", flow="fraud", rule="fraud", kind="fraud_suspected",
    recipient="customer", customer_id="cus_1", payment_intent="pi_1", charge_id="ch_1", review_id="prv_1", amount=4200, currency="usd",
    standing="captured", paid_at=AT.timestamp(), asks=SHIPPED, trust=Trust.KNOWN_BEFORE, sources=(), asked_at=AT,
    answer_by=AT + 24 * HOUR,
)  # fmt: skip


def seen(**changed: object) -> Suspect:
    """A captured payment under an open review, but for what is changed."""
    charge = {
        "id": "ch_1", "status": "succeeded", "captured": True, "amount": 4200, "amount_captured": 4200, "currency": "usd",
        "payment_intent": {"id": "pi_1", "status": "succeeded"}, "review": {"id": "prv_1", "open": True}, "created": int(AT.timestamp()),
        "payment_method_details": {"card": {"last4": "4242", "fingerprint": "f1"}},
    }  # fmt: skip
    return parse.suspect({**charge, **changed})


answers = st.builds(
    Given,
    answer=st.sampled_from(Answer),
    strength=st.sampled_from(Strength),
    answered_at=st.datetimes(datetime.datetime(2026, 11, 25), datetime.datetime(2026, 11, 28)).map(  # noqa: DTZ001 - made aware
        lambda at: at.replace(tzinfo=datetime.UTC)
    ),
    further=st.none() | st.sampled_from(["yes", "no"]),
    number_changed=st.booleans(),
    chosen=st.just(()) | st.lists(st.sampled_from(Action), min_size=1, max_size=3, unique=True).map(tuple),
)
charges = st.builds(
    lambda captured, status, disputed, refunded, amount, currency, is_open, blocked: seen(
        captured=captured and status == "succeeded", status=status, disputed=disputed, amount_refunded=refunded,
        refunded=refunded >= 4200, amount=amount, amount_captured=amount if captured else 0, currency=currency,
        review={"id": "prv_1", "open": is_open, "closed_reason": None if is_open else "approved"},
        outcome={"type": "blocked" if blocked else "authorized"},
    ),
    st.booleans(), st.sampled_from(["succeeded", "failed", "pending"]), st.booleans(), st.sampled_from([0, 100, 4200]),
    st.sampled_from([4200, 4300]), st.sampled_from(["usd", "eur"]), st.booleans(), st.booleans(),
)  # fmt: skip
questions = st.builds(
    lambda trust, amount, currency, review: replace(QUESTION, trust=trust, amount=amount, currency=currency, review_id=review),
    st.sampled_from([Trust.KNOWN_BEFORE, Trust.GIVEN_WITH, Trust.CHANGED]), st.sampled_from([4200, 4300, 90_000]),
    st.sampled_from(["usd", "eur"]), st.sampled_from(["", "prv_1"]),
)  # fmt: skip


@settings(max_examples=600)
@given(questions, answers, charges)
def test_what_is_never_done(asked: Question, said: Given, charge: Suspect) -> None:
    verdict = judge(asked, said, charge)
    actions = {call.action for call in verdict.calls}
    assert verdict.why
    if not actions:
        return
    assert not charge.disputed, "nothing is done about what is disputed"
    assert not charge.given_back, "nothing is done about what was refunded, even in part"
    assert (charge.amount, charge.charge.currency) == (asked.amount, asked.currency), "only what was asked about"
    assert said.further is None, "nothing is done on a contradiction"
    for action in actions:
        standings = ACTIONS[action].standings
        assert standings is not None
        assert charge.standing in standings
    if said.chosen:
        return
    assert said.answered_at <= asked.answer_by + datetime.timedelta(minutes=5)
    assert said.answer in (Answer.YES, Answer.NO)
    assert asked.trust != Trust.CHANGED
    assert not said.number_changed
    assert asked.asks.up_to is not None
    assert asked.amount is not None
    assert asked.amount <= asked.asks.up_to[asked.currency]
    if said.strength in (Strength.BARE, Strength.NONE):
        assert actions == {Action.CANCEL_PAYMENT}, "an answer without the code only cancels what is uncaptured"
        assert charge.standing == "uncaptured"
    if asked.trust == Trust.GIVEN_WITH:
        assert said.answer == Answer.NO


@given(questions, answers, charges)
def test_calls_are_the_same_however_often_they_are_made(asked: Question, said: Given, charge: Suspect) -> None:
    first = judge(asked, said, charge)
    assert judge(asked, said, charge) == first
    again = judge(asked, replace(said, calls=first.calls), charge)
    assert again.calls in (first.calls, ())
    assert len({call.key for call in first.calls}) == len(first.calls)


def test_what_was_begun_and_took_effect_is_repeated_and_what_changed_meanwhile_is_not() -> None:
    no = Given(Answer.NO, Strength.CODED, AT)
    begun = replace(no, calls=judge(QUESTION, no, seen()).calls)
    refunded = seen(amount_refunded=4200, refunded=True, review={"id": "prv_1", "open": False})
    assert judge(QUESTION, begun, refunded).calls == begun.calls
    assert judge(QUESTION, begun, replace(refunded, disputed=True)).calls == begun.calls
    assert judge(QUESTION, begun, seen(disputed=True)).calls == ()
    assert judge(QUESTION, begun, seen(amount_refunded=100)).calls == ()


def test_a_question_about_no_payment_acts_on_nothing_at_stripe() -> None:
    asked = replace(QUESTION, charge_id="", payment_intent="", amount=None)
    verdict = judge(asked, Given(Answer.YES, Strength.CODED, AT), None)
    assert (verdict.outcome, verdict.calls) == ("held", ())


@pytest.mark.parametrize(
    ("seen_before", "replaced", "trust"),
    [
        (30 * 24 * HOUR, False, Trust.KNOWN_BEFORE),
        (HOUR, False, Trust.KNOWN_BEFORE),
        (HOUR - datetime.timedelta(seconds=1), False, Trust.GIVEN_WITH),
        (datetime.timedelta(0), False, Trust.GIVEN_WITH),
        (-HOUR, False, Trust.CHANGED),
        (71 * HOUR, True, Trust.CHANGED),
        (73 * HOUR, True, Trust.KNOWN_BEFORE),
    ],
)
def test_a_number_is_trusted_by_how_long_it_was_known_before_the_payment(
    seen_before: datetime.timedelta, replaced: bool, trust: Trust
) -> None:
    address = {"first_seen_at": (AT - seen_before).timestamp(), "replaced_another": replaced}
    assert trust_of(address, paid_at=AT.timestamp(), now=AT) == trust


def test_of_several_numbers_the_most_trusted_are_asked_in_their_order() -> None:
    def known(name: str, hours: int) -> dict[str, object]:
        return {"source": name, "first_seen_at": (AT - hours * HOUR).timestamp()}

    best, chosen = most_trusted([known("a", 0), known("b", 120), known("c", 96)], paid_at=AT.timestamp(), now=AT)
    assert (best, [one["source"] for one in chosen]) == (Trust.KNOWN_BEFORE, ["b", "c"])
    assert most_trusted([], paid_at=None, now=AT) == (Trust.CHANGED, [])
    assert trust_of({"first_seen_at": None}, paid_at=None, now=AT) == Trust.CHANGED


ANAS: dict[str, object] = {"source": "customer.phone", "first_seen_at": (AT - 30 * 24 * HOUR).timestamp()}


@pytest.mark.parametrize("hours", [2, 71])
def test_a_number_that_is_put_beside_an_older_one_shortly_before_a_payment_is_not_asked(hours: int) -> None:
    added = {"source": "customer.metadata.notify_phone", "first_seen_at": (AT - hours * HOUR).timestamp()}
    best, chosen = most_trusted([added, ANAS], paid_at=AT.timestamp(), now=AT)
    assert (best, chosen) == (Trust.KNOWN_BEFORE, [ANAS])


def test_a_number_that_was_put_beside_an_older_one_long_ago_is_as_good() -> None:
    added = {"source": "customer.metadata.notify_phone", "first_seen_at": (AT - 73 * HOUR).timestamp()}
    best, chosen = most_trusted([added, ANAS], paid_at=AT.timestamp(), now=AT)
    assert (best, chosen) == (Trust.KNOWN_BEFORE, [added, ANAS])


def test_numbers_that_are_given_in_one_go_are_trusted_alike() -> None:
    both = [
        {"source": "customer.phone", "first_seen_at": (AT - datetime.timedelta(minutes=4)).timestamp()},
        {"source": "charge.billing_details.phone", "first_seen_at": AT.timestamp()},
    ]
    assert most_trusted(both, paid_at=AT.timestamp(), now=AT) == (Trust.GIVEN_WITH, both)


def test_beside_a_number_that_was_replaced_lately_a_newer_one_is_no_better() -> None:
    replaced = {"source": "customer.phone", "first_seen_at": (AT - 5 * HOUR).timestamp(), "replaced_another": True}
    payers = {"source": "charge.billing_details.phone", "first_seen_at": AT.timestamp()}
    assert most_trusted([replaced, payers], paid_at=AT.timestamp(), now=AT)[0] == Trust.CHANGED
