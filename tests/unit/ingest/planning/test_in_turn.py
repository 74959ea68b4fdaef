"""A team that is asked one after the other, by value."""

from datetime import timedelta
from typing import Any

import pytest

from ingest_service.planning import planner, sentences
from ingest_service.planning.answers import Asks
from ingest_service.planning.planner import Change, Plan, matters
from tests.unit.ingest.planning.facts import fact, problems, rules

MINUTES = 60.0
TEAMS = """
teams:
  sales: {members: [{name: Ada, number: "+14155550101"}, {name: Bob B., number: "+14155550102"}, {name: Cy, number: "+14155550103"}]}
  finance: {members: [{name: Fi, number: "+14155550104"}]}
  nobody_yet: {members: []}
webhooks:
  fulfilment: {url: "https://hooks.example.com/x", secret_env: INGEST_WEBHOOK_FULFILMENT_SECRET}
  slack: {url: "https://hooks.example.com/y"}
  unset: {url: ""}
"""


def flow(
    more: str = "one_after_the_other: 15m", steps: str = "[{template: team_high_value}]", to: str = "sales"
) -> str:
    """A file with one flow to a team."""
    return f"{TEAMS}\nflows:\n  - flow: alert\n    on: payment_succeeded\n    to: team:{to}\n    {more}\n    steps: {steps}\n"


def planned(text: str, attributes: dict[str, Any] | None = None) -> Plan:
    """The one plan that a payment makes."""
    told = fact("payment_succeeded:pi_1", concern="payment:pi_1/receipt", attributes=attributes or {})
    changes = planner.plan(told, rules(text), "open", {})
    assert isinstance(changes, tuple)
    [change] = changes
    assert isinstance(change, Change)
    return change.plan


def asked(plan: Plan) -> list[tuple[float, str]]:
    """Who is asked, after how many minutes."""
    return [
        ((step.due_at - plan.opened_at).total_seconds() / MINUTES, step.blueprint["member"]["person_id"])
        for step in plan.steps
    ]


def test_members_are_asked_in_their_order_each_after_that_time() -> None:
    plan = planned(flow())
    assert asked(plan) == [(0, "team:sales:ada"), (15, "team:sales:bob-b"), (30, "team:sales:cy")]
    assert [step.not_after - step.due_at for step in plan.steps] == [timedelta(hours=24)] * 3


def test_without_it_all_are_told_at_once_and_nothing_is_asked() -> None:
    plan = planned(flow("on_repeat: continue"))
    assert asked(plan) == [(0, "team:sales:ada"), (0, "team:sales:bob-b"), (0, "team:sales:cy")]
    assert not any("asks" in step.blueprint for step in plan.steps)
    assert plan.concern == "payment:pi_1/receipt"


@pytest.mark.parametrize("named", ["Bob B.", "bob b.", " BOB B. ", "bob-b"])
def test_whom_the_metadata_names_is_asked_first_by_name_or_slug(named: str) -> None:
    plan = planned(
        flow("first: customer_metadata.owner\n    one_after_the_other: 15m"), {"customer_metadata": {"owner": named}}
    )
    assert asked(plan) == [(0, "team:sales:bob-b"), (15, "team:sales:ada"), (30, "team:sales:cy")]
    assert plan.note == "customer_metadata.owner names who is asked first"


@pytest.mark.parametrize(
    ("attributes", "note"),
    [
        ({"customer_metadata": {"owner": "Zoe Private"}}, "whom customer_metadata.owner names is not in the team"),
        ({"customer_metadata": {"owner": ""}}, "customer_metadata.owner names nobody"),
        ({"customer_metadata": {"owner": 5}}, "customer_metadata.owner names nobody"),
        ({"customer_metadata": None}, "customer_metadata.owner names nobody"),
        ({}, "customer_metadata.owner names nobody"),
    ],
)
def test_an_unknown_name_leaves_the_teams_order_and_is_noted_without_the_name(
    attributes: dict[str, Any], note: str
) -> None:
    plan = planned(flow("first: customer_metadata.owner\n    one_after_the_other: 15m"), attributes)
    assert [who for _, who in asked(plan)] == ["team:sales:ada", "team:sales:bob-b", "team:sales:cy"]
    assert plan.note.startswith(note)
    assert "Zoe" not in plan.note


def test_another_team_is_asked_last_where_nobody_took_it() -> None:
    plan = planned(flow("one_after_the_other: 10m\n    nobody: team:finance"))
    assert asked(plan)[-1] == (30, "team:finance:fi")
    assert [step.blueprint.get("variant") for step in plan.steps] == [None, None, None, "nobody"]


def test_a_single_member_is_asked_once_and_a_team_of_nobody_hands_on_at_once() -> None:
    assert asked(planned(flow(to="finance"))) == [(0, "team:finance:fi")]
    plan = planned(flow("one_after_the_other: 10m\n    nobody: team:finance", to="nobody_yet"))
    assert asked(plan) == [(0, "team:finance:fi")]
    assert rules(flow(to="nobody_yet")).rules[0].off == "nobody is in the team nobody_yet"


def test_each_has_a_question_of_their_own_in_a_matter_of_its_own() -> None:
    plan = planned(flow())
    asks = [Asks.of_json(step.blueprint["asks"]) for step in plan.steps]
    assert all(each.each for each in asks)
    ids = {planner.challenge_id_of("main", plan.plan_id, step.number) for step in plan.steps}
    assert len(ids) == 3
    assert plan.concern == "payment:pi_1/receipt_alert"
    told = fact("payment_succeeded:pi_1", concern="payment:pi_1/receipt")
    assert matters(told, rules(flow())) == ("payment:pi_1/receipt_alert",)
    assert matters(told, rules(flow("on_repeat: continue"))) == ()


def test_a_matter_that_was_acknowledged_is_not_asked_about_again() -> None:
    told = fact("payment_succeeded:pi_1", concern="payment:pi_1/receipt")
    nothing = planner.plan(told, rules(flow()), "open", {}, {"payment:pi_1/receipt_alert"})
    assert nothing == planner.Nothing("settled")


def test_a_webhook_step_is_one_however_many_are_in_the_team_and_asks_nothing() -> None:
    plan = planned(flow(steps="[{template: team_high_value}, {webhook: slack}]"))
    assert [step.name for step in plan.steps][-1] == "step 2, webhook slack"
    assert "asks" not in plan.steps[-1].blueprint
    assert len(plan.steps) == 4
    alone = planned(flow("on_repeat: continue", "[{webhook: slack}]", "nobody_yet"))
    assert [step.blueprint["webhook"] for step in alone.steps] == ["slack"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (flow("first: customer_metadata.owner"), '"first" stands without "one_after_the_other"'),
        (flow("nobody: team:finance"), '"nobody" stands without "one_after_the_other"'),
        (flow("one_after_the_other: 15m\n    first: fact.owner"), '"first" cannot be "fact.owner"'),
        (flow("one_after_the_other: 10s"), '"one_after_the_other" of 10 seconds is out of bounds'),
        (flow("one_after_the_other: soon"), '"one_after_the_other" cannot be "soon"'),
        (flow("one_after_the_other: 15m\n    nobody: team:sale"), '"nobody" cannot be "team:sale"'),
        (flow("one_after_the_other: 13h"), "the last one is asked after 1 day and 2 hours"),
        (flow(steps="[{template: a}, {template: b, after: 1h}]"), "gets one message each"),
        (flow().replace("to: team:sales", "to: customer"), "a customer cannot be asked one after the other"),
        (flow("on_repeat: continue", "[{webhook: slak}]"), '"slak" is none of the webhooks'),
        (
            flow("on_repeat: continue", "[{webhook: slack}]").replace("to: team:sales", "to: customer"),
            "a webhook tells a team",
        ),
        (flow('one_after_the_other: 15m\n    answers: [{answer: "yes", do: call_webhook}]'), "does not say which"),
        (
            flow('one_after_the_other: 15m\n    answers: [{answer: "yes", do: {call_webhook: slack}}]'),
            "is called on an answer and has no secret",
        ),
        (
            flow().replace("https://hooks.example.com/y", "http://hooks.example.com/y"),
            'the address of webhook "slack" is not https',
        ),
        (flow().replace("INGEST_WEBHOOK_FULFILMENT_SECRET", "STRIPE_API_KEY"), "is no name of a variable for webhooks"),
    ],
)
def test_a_slip_is_a_problem_of_the_file(text: str, what: str) -> None:
    [problem] = problems(text)
    assert what in problem


def test_it_is_explained_in_sentences() -> None:
    text = flow(
        "first: customer_metadata.owner\n    one_after_the_other: 15m\n    nobody: team:finance\n"
        '    answers: [{answer: "yes", do: [acknowledge, {call_webhook: fulfilment}]}, {answer: ["no", silence], do: nothing}]',
        "[{template: team_high_value}, {webhook: slack}]",
    )
    told, unset = sentences.explain(rules(text))
    assert unset.startswith("The webhook unset has no address")
    assert "then call the webhook slack at once." in told
    assert (
        "They are asked one after the other, first whom customer_metadata.owner names, then the others in their order, each 15 minutes"
        in told
    )
    assert "where nobody does, the finance team (1 person) after the last of them." in told
    assert "On yes: ask nobody else and call the webhook fulfilment." in told
