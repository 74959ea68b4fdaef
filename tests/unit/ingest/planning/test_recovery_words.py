"""Which words the shipped rules choose for a failed payment, and that notify has them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest_service.planning import planner
from ingest_service.planning.planner import Change
from ingest_service.submitting.preparing import DueStep, End, next_for
from tests.unit.ingest.planning.facts import AT, fact, problems, rules
from tests.unit.ingest.planning.test_rules_file import SHIPPED

TEXTS = Path(__file__).parents[4] / "notify-service/texts/payment_failed"
SHIPPED_RULES = rules(SHIPPED)
RETRY = {"next_payment_attempt": int(AT.timestamp()) + 3 * 86_400}


def words(concern: str = "invoice:in_1/unpaid", **attributes: Any) -> str:
    """The variant for a fact with these attributes."""
    told = fact(concern=concern, attributes={"is_subscription": True, "last_attempt": False, **attributes})
    (change,) = changes(planner.plan(told, SHIPPED_RULES, "open", {}))
    return change.plan.variant


def changes(decision: object) -> tuple[Change, ...]:
    """A decision that changes something."""
    assert isinstance(decision, tuple)
    return decision


@pytest.mark.parametrize(
    ("attributes", "variant"),
    [
        ({"decline_kind": "confirm", **RETRY}, "confirm"),
        ({"decline_kind": "new_card", **RETRY}, "new_card"),
        ({"decline_kind": "no_funds", **RETRY}, "will_retry"),
        ({"decline_kind": "try_again", **RETRY}, "will_retry"),
        ({"decline_kind": "no_funds"}, "subscription"),
        ({"decline_kind": "refused", **RETRY}, "subscription"),
        ({"decline_kind": "unknown", **RETRY}, "subscription"),
        ({"decline_kind": "no_funds", "billing_reason": "subscription_create", **RETRY}, "default"),
        ({"decline_kind": "no_funds", "last_attempt": True}, "last_attempt"),
        ({"decline_kind": "confirm", "last_attempt": True}, "confirm"),
        ({"decline_kind": "no_funds", "customer_metadata": {"segment": "enterprise"}, **RETRY}, "enterprise"),
        ({"decline_kind": "no_funds", "last_attempt": True, "customer_metadata": {"segment": "enterprise"}}, "enterprise"),
        ({"decline_kind": "no_funds", "customer_metadata": {"segment": "smb"}, **RETRY}, "will_retry"),
        ({"decline_kind": "unknown", "is_subscription": False}, "default"),
        ({"decline_kind": "confirm", "is_subscription": False}, "confirm"),
        ({"decline_kind": "new_card", "is_subscription": False}, "new_card"),
        ({"decline_kind": "no_funds", "is_subscription": False, "last_attempt": True}, "last_attempt"),
        ({"decline_kind": "no_funds", "is_subscription": False, "concern": "payment:pi_1/unpaid"}, "one_off"),
    ],
)  # fmt: skip
def test_the_words_fit_why_it_failed_what_comes_next_and_whom_it_concerns(
    attributes: dict[str, Any], variant: str
) -> None:
    assert words(**attributes) == variant
    assert (TEXTS / f"{variant}.en.txt").exists()


def test_every_variant_that_the_rules_name_stands_in_notify() -> None:
    named = {str(use) for rule in SHIPPED_RULES.rules if rule.on == "payment_failed" for _, use in rule.variant.lines}
    assert named
    assert {path.name.split(".")[0] for path in TEXTS.glob("*.en.txt")} >= named


def test_no_text_says_that_a_card_was_stolen_and_each_can_be_stopped() -> None:
    for path in TEXTS.glob("*.en.txt"):
        text = path.read_text().lower()
        assert not any(word in text for word in ("stolen", "lost", "fraud", "pick up"))
        assert text.startswith("{{ brand }}: ")
        assert "reply stop to opt out." in text


def test_the_last_try_of_a_bill_is_said_once_more_and_a_retry_before_it_is_not() -> None:
    first = fact(attributes={"is_subscription": True, "last_attempt": False, "decline_kind": "no_funds", **RETRY})
    (opened,) = changes(planner.plan(first, SHIPPED_RULES, "open", {}))
    plans = {(opened.plan.recipient, opened.plan.flow): opened.plan}
    retry = fact("payment_failed:in_1:2", at=AT.replace(day=26), attributes=dict(first.attributes))
    (joined,) = changes(planner.plan(retry, SHIPPED_RULES, "open", plans))
    assert (joined.effect, len(joined.plan.steps)) == ("joined", 3)
    last = fact(
        "payment_failed:in_1:3", at=AT.replace(day=28), attributes={"is_subscription": True, "last_attempt": True}
    )
    (again,) = changes(
        planner.plan(last, SHIPPED_RULES, "open", {(joined.plan.recipient, joined.plan.flow): joined.plan})
    )
    assert (again.effect, len(again.plan.steps), again.plan.plan_id) == ("said_again", 4, opened.plan.plan_id)


@pytest.mark.parametrize(
    ("hours", "second"), [(71, 4 * 24 - 1), (72, 4 * 24), (73, 3 * 24), (47, 3 * 24), (60, 3.5 * 24)]
)
def test_between_the_word_of_the_last_try_and_the_next_reminder_lies_a_day(hours: int, second: float) -> None:
    (opened,) = changes(planner.plan(fact(), SHIPPED_RULES, "open", {}))
    (opened_again,) = changes(
        planner.plan(
            fact("payment_failed:in_1:4", at=AT + timedelta(hours=hours), attributes={"last_attempt": True}),
            SHIPPED_RULES,
            "open",
            {(opened.plan.recipient, opened.plan.flow): opened.plan},
        )
    )
    steps = {step.number: step for step in opened_again.plan.steps}
    assert [(steps[number].due_at - AT).total_seconds() / 3600 for number in (1, 2, 3, 4)] == [0, second, 7 * 24, hours]
    assert {step.not_after - step.due_at for step in steps.values()} == {timedelta(hours=24)}


@pytest.mark.parametrize(
    ("attributes", "days", "skipped"),
    [
        ({"decline_kind": "no_funds", "next_payment_attempt": int(AT.timestamp()) + 9 * 86_400}, 7, True),
        ({"decline_kind": "no_funds", "next_payment_attempt": int(AT.timestamp()) + 5 * 86_400}, 7, False),
        ({"decline_kind": "new_card", "next_payment_attempt": int(AT.timestamp()) + 9 * 86_400}, 7, False),
        ({"decline_kind": "no_funds", "next_payment_attempt": int(AT.timestamp()) + 5 * 86_400}, 3, True),
        ({"decline_kind": "try_again", "next_payment_attempt": int(AT.timestamp()) + 5 * 86_400}, 3, True),
        ({"decline_kind": "no_funds", "next_payment_attempt": int(AT.timestamp()) + 3 * 86_400}, 3, False),
        ({"decline_kind": "new_card", "next_payment_attempt": int(AT.timestamp()) + 5 * 86_400}, 3, False),
        ({"decline_kind": "no_funds"}, 3, False),
        ({"next_payment_attempt": int(AT.timestamp()) + 5 * 86_400}, 3, False),
    ],
    ids=["a try in the second week", "a try that has passed", "the card will not do in the second week", "a try to come",
         "the bank could not", "its time has come", "the card will not do", "no further try", "nobody knows why"],
)  # fmt: skip
def test_a_reminder_is_left_out_only_while_stripe_surely_goes_on_trying_a_good_card(
    attributes: dict[str, Any], days: int, skipped: bool
) -> None:
    told = fact(attributes={"is_subscription": True, "last_attempt": False, **attributes})
    (change,) = changes(planner.plan(told, SHIPPED_RULES, "open", {}))
    plan, now = change.plan, AT + timedelta(days=days)
    due = DueStep(
        account_id="main", plan_id=plan.plan_id, number={3: 2, 7: 3}[days], lane=2, concern=plan.concern, state="waiting", due_at=now,
        not_after=now + timedelta(hours=24), request_id="r", round=1, flow=plan.flow, settled=False, fact_at=AT,
        fact_kind="payment_failed", subject_id="in_1", frozen=None,
        variables={"fact": plan.fact, "variant": plan.variant, "steps": {str(step.number): step.blueprint for step in plan.steps}},
    )  # fmt: skip
    decided = next_for(due, now)
    assert (isinstance(decided, End) and decided.state == "skipped") is skipped
    assert not isinstance(next_for(replace(due, number=1), now), End)


def test_a_slip_in_unless_is_a_problem_with_its_line() -> None:
    [problem] = problems(
        "flows:\n  - flow: f\n    on: payment_failed\n    steps:\n      - {template: x, unless: fact.wil_retry}\n"
    )
    assert problem.startswith("rules.yaml:5: ")
    assert 'Did you mean "will_retry"?' in problem
