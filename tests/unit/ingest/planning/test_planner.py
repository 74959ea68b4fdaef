"""The planner: the same facts and settlements end in the same plans, in whatever order they come."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.planning import planner
from ingest_service.planning.plan_store import PlanKey
from ingest_service.planning.planner import Fact, Nothing, Plan, plan_id_of, request_id_of
from ingest_service.planning.planning import decide
from ingest_service.planning.rules import Rules
from tests.unit.ingest.planning.facts import AT, fact, rules

LADDER = """
flows:
  - {flow: failed, on: payment_failed, on_repeat: %s, steps: [{template: payment_failed}, {template: payment_failed, after: 3d}]}
  - {flow: receipt, on: payment_succeeded, steps: [{template: payment_succeeded}]}
"""
CONTINUE, AGAIN, RESTART = (rules(LADDER % word) for word in ("continue", "say_again", "restart"))
CONCERN = "invoice:in_1/unpaid"


def run(batches: Sequence[Sequence[Fact]], in_force: Rules, settled_before: int | None = None) -> dict[PlanKey, Plan]:
    """Plans batch after batch as the loop does; the concern is settled before that batch, if any: its plans are closed."""
    standing: dict[PlanKey, Plan] = {}
    states = {each.concern: "open" for batch in batches for each in batch}
    for number, batch in enumerate(batches):
        if settled_before == number:
            states[CONCERN] = "settled"
            standing = {
                key: replace(plan, state="settled") if key[0] == CONCERN else plan for key, plan in standing.items()
            }
        writes, _ = decide(sorted(batch, key=lambda each: each.age_order), in_force, states, dict(standing))
        standing |= {
            (plan.concern, plan.recipient, plan.flow): plan
            for plan in writes.plans.values()
            if plan.state != "superseded"
        }
    return standing


def attempts(count: int) -> list[Fact]:
    return [
        fact(f"payment_failed:in_1:{number}", at=AT + timedelta(hours=number), amount=1000 + number)
        for number in range(1, count + 1)
    ]


def test_a_fact_opens_a_plan_with_the_steps_of_its_rule() -> None:
    (change,) = changes(planner.plan(fact(), CONTINUE, "open", {}))
    assert change.effect == "opened"
    assert [step.due_at for step in change.plan.steps] == [AT, AT + timedelta(days=3)]
    assert [step.not_after for step in change.plan.steps] == [AT + timedelta(days=1), AT + timedelta(days=4)]


def changes(decision: tuple[planner.Change, ...] | Nothing) -> tuple[planner.Change, ...]:
    assert not isinstance(decision, Nothing)
    return decision


def test_a_settled_concern_and_a_fact_without_a_rule_make_nothing() -> None:
    assert planner.plan(fact(), CONTINUE, "settled", {}) == Nothing("settled")
    assert planner.plan(fact("refund_failed:re_1"), CONTINUE, "open", {}) == Nothing("no_rule")


def test_every_order_of_retries_ends_in_one_plan_with_the_oldest_times_and_the_newest_words() -> None:
    facts = attempts(4)
    ends = [run([[each] for each in order], CONTINUE) for order in permutations(facts)]
    assert all(end == ends[0] for end in ends)
    (plan,) = ends[0].values()
    assert plan.fact["amount"] == 1004
    assert plan.steps[0].due_at == AT + timedelta(hours=1)


@given(data=st.data(), count=st.integers(1, 6), settle=st.integers(0, 6))
def test_every_order_cut_and_settlement_ends_in_the_same_plans(data: st.DataObject, count: int, settle: int) -> None:
    facts = [*attempts(count), fact("payment_succeeded:in_2", concern="invoice:in_2/receipt")]
    order = data.draw(st.permutations(facts))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1)))) if len(order) > 1 else []
    batches = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    assert run(batches, CONTINUE) == run([facts], CONTINUE)
    settled = run(batches, CONTINUE, settled_before=min(settle, len(batches) - 1))
    assert all(plan.state == "settled" for key, plan in settled.items() if key[0] == CONCERN), (
        "nothing stays open after the end"
    )
    assert ("invoice:in_2/receipt", "customer", "receipt") in settled, "another concern is none of its business"


@given(data=st.data(), count=st.integers(2, 5))
def test_restarting_ends_in_the_plan_of_the_newest_fact_in_every_order(data: st.DataObject, count: int) -> None:
    facts = attempts(count)
    order = data.draw(st.permutations(facts))
    (plan,) = run([[each] for each in order], RESTART).values()
    assert plan.fact_key == facts[-1].key
    assert [step.due_at for step in plan.steps] == [facts[-1].occurred_at, facts[-1].occurred_at + timedelta(days=3)]


def test_say_again_adds_one_message_for_each_newer_fact_and_none_for_an_older_one() -> None:
    first, second, third = attempts(3)
    (plan,) = run([[first], [third], [second]], AGAIN).values()
    assert [step.number for step in plan.steps] == [1, 2, 3]
    assert plan.steps[2].due_at == third.occurred_at


def test_a_plan_that_is_done_joins_a_retry_without_a_message_or_says_it_again() -> None:
    first, second = attempts(2)
    (standing,) = run([[first]], CONTINUE).values()
    done = replace(standing, state="done")
    joined = changes(planner.plan(second, CONTINUE, "open", {("customer", "failed"): done}))[0]
    assert (joined.effect, joined.plan.state, len(joined.plan.steps)) == ("joined", "done", 2)
    again = changes(planner.plan(second, AGAIN, "open", {("customer", "failed"): done}))[0]
    assert (again.effect, again.plan.state, len(again.plan.steps)) == ("said_again", "open", 3)


def test_an_older_fact_does_not_move_what_was_frozen() -> None:
    first, second = attempts(2)
    (plan,) = run([[second]], CONTINUE).values()
    frozen = replace(plan, steps=(replace(plan.steps[0], waiting=False), plan.steps[1]))
    joined = changes(planner.plan(first, CONTINUE, "open", {("customer", "failed"): frozen}))[0]
    assert joined.plan.steps[0].due_at == second.occurred_at
    assert joined.plan.steps[1].due_at == first.occurred_at + timedelta(days=3)


def test_each_member_of_a_team_gets_a_message_of_their_own_and_no_name_or_number_stands_in_the_open() -> None:
    team = rules(
        "teams: {ops: {members: [{name: Ada, number: '+14155550100'}, {name: Bob, number: '+14155550101', languages: [de]}]}}\n"
        "flows: [{flow: f, on: payment_failed, to: 'team:ops', steps: [{template: x}, {template: x, after: 1h, channels: [voice]}]}]"
    )
    (change,) = changes(planner.plan(fact(), team, "open", {}))
    assert [step.name for step in change.plan.steps] == [
        "step 1, member 1",
        "step 1, member 2",
        "step 2, member 1",
        "step 2, member 2",
    ]
    assert len({step.request_id for step in change.plan.steps}) == 4
    assert change.plan.steps[1].blueprint["member"]["person_id"] == "team:ops:bob"


def test_ids_are_the_same_everywhere_and_different_for_what_is_different() -> None:
    same = plan_id_of("main", CONCERN, "customer", "failed", 1)
    assert same == plan_id_of("main", CONCERN, "customer", "failed", 1)
    others = [
        plan_id_of("test", CONCERN, "customer", "failed", 1),
        plan_id_of("main", "invoice:in_2/unpaid", "customer", "failed", 1),
        plan_id_of("main", CONCERN, "team:ops", "failed", 1),
        plan_id_of("main", CONCERN, "customer", "failed", 2),
    ]
    assert len({same, *others}) == 5
    ids = {request_id_of("main", same, "customer", number) for number in (1, 2)}
    assert all(len(each) == 64 for each in ids)
    assert len(ids) == 2


def test_the_variant_is_chosen_from_the_newest_fact() -> None:
    table = rules(
        "flows: [{flow: f, on: payment_failed, variant: [{when: fact.will_retry, use: retry}, {use: last}], steps: [{template: x}]}]"
    )
    first = fact(attributes={"next_payment_attempt": 1})
    last = fact("payment_failed:in_1:2", at=AT + timedelta(days=3), attributes={"next_payment_attempt": None})
    for order in ([first, last], [last, first]):
        (plan,) = run([[each] for each in order], table).values()
        assert plan.variant == "last"


DISPUTED = """
flows:
  - flow: dispute
    on: dispute_opened
    steps:
      - {template: team_dispute}
      - {before: 2d, of: evidence_due, template: team_dispute_reminder}
"""


@pytest.mark.parametrize(("days", "due"), [(9, [0, 7]), (1, [0]), (None, [0])])
def test_a_step_before_a_day_is_due_then_and_left_out_where_that_is_past_or_unknown(
    days: int | None, due: list[int]
) -> None:
    attributes = {"evidence_due": int(AT.timestamp()) + days * 86_400} if days is not None else {}
    opened = fact("dispute_opened:du_1", concern="dispute:du_1/open", attributes=attributes)
    changes = planner.plan(replace(opened, kind="dispute_opened"), rules(DISPUTED), "open", {})
    assert isinstance(changes, tuple)
    assert [(step.due_at - AT).days for step in changes[0].plan.steps] == due
