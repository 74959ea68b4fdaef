"""A rules file becomes rules, or all of its problems with line and remedy."""

from datetime import timedelta
from pathlib import Path

import pytest

import ingest_service
from ingest_service.planning import rules_file, sentences
from ingest_service.planning.conditions import View
from ingest_service.planning.fact_kinds import FACT_KINDS
from ingest_service.planning.rules import IfUnresolved, MessageClass, OnRepeat, Rules, Team
from tests.unit.ingest.planning.facts import problems, rules

FILE = (Path(ingest_service.__file__).parents[1] / "rules.yaml").read_text()
SHIPPED = rules_file.filled_in(FILE, {"INGEST_TEAM_FINANCE": "+14155550111", "INGEST_TEAM_SALES": "+14155550112"})

TO_FINANCE = "flows: [{flow: a, on: refund_failed, to: 'team:finance', steps: [{template: x}]}]"
NOBODY = "\nteams: {finance: {members: []}}"

EVERYTHING_WRONG = """\
flows:
  - flow: a
    on: payment_faild
    wehn: x
    when: fact.attempt_counts > 1
    steps: []
  - flow: b
    on: payment_failed
    when: fact.amount > 'x'
    to: team:finance
    steps:
      - {after: 3, template: x, chanels: [sms]}
      - {after: 3d, template: X!, channels: [sms, fax]}
    steps: 3
  - flow: c
    on: refund_issued
    when: fact.amount
    on_repeat: somtimes
    steps: [{template: a, not_after: 99w, class: team}]
teams:
  ops: {members: [{name: A, number: 0699, zone: Europe/Wien}]}
"""


def test_the_shipped_file_is_good_short_and_covers_every_fact_of_the_first_flows() -> None:
    shipped = rules(SHIPPED)
    told_by_default = set(FACT_KINDS) - {"subscription_started", "subscription_ended", "card_expiring"}
    assert {rule.on for rule in shipped.rules} == told_by_default
    assert len(SHIPPED.splitlines()) <= 260
    first = shipped.rules[0]
    assert [step.after for step in first.steps] == [timedelta(0), timedelta(days=3), timedelta(days=7)]
    assert {step.channels for rule in shipped.rules for step in rule.steps} == {("sms",), ("voice", "sms")}


def test_every_problem_is_told_at_once_with_line_and_remedy() -> None:
    told = problems(EVERYTHING_WRONG)
    assert [line.split(":")[1] for line in told] == [
        "3",
        "4",
        "5",
        "6",
        "9",
        "10",
        "12",
        "12",
        "13",
        "13",
        "14",
        "17",
        "18",
        "19",
        "19",
        "21",
        "21",
    ]
    assert 'rules.yaml:3: "on" cannot be "payment_faild". Did you mean "payment_failed"?' in told
    assert 'rules.yaml:4: a flow knows no "wehn". Did you mean "when"?' in told
    assert 'rules.yaml:12: a step knows no "chanels". Did you mean "channels"?' in told
    assert any("which no fact has" in line and 'Did you mean "attempt_count"?' in line for line in told)
    assert all(line.endswith((".", "?")) for line in told)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file is empty"),
        ("flows: [", "this is not YAML"),
        ("- a", "must be a mapping"),
        ("teams: {}", 'lacks "flows"'),
        ("flows: 3", '"flows" must be a list'),
        ("flows: [{flow: a, on: payment_failed}]", 'lacks "steps"'),
        ("flows: [{flow: a, on: payment_failed, steps: [{template: x, channels: []}]}]", "a step needs a channel"),
        ("flows: [{flow: a, on: payment_failed, steps: [{template: x, channels: [sms, sms]}]}]", "stands twice"),
        ("flows: []\nteams: {finance: {members: []}}\nflows: []", '"flows" stands twice'),
        ("\x00", "this is not YAML"),
        ("flows: [{flow: a, on: payment_failed, steps: [{template: x, values: [amuont]}]}]", 'Did you mean "amount"?'),
        ("flows: [{flow: a, on: payment_failed, steps: [{template: x, number: next}]}]", "goes to the first number"),
        (TO_FINANCE.replace("}]}]", "}, {template: x, number: next}]}]") + NOBODY, "everybody has one number"),
    ],
)
def test_what_is_wrong_is_said(text: str, says: str) -> None:
    assert any(says in line for line in problems(text))


@pytest.mark.parametrize("members", ["[]", "[{name: Finance, number: ''}]"])
def test_a_flow_to_a_team_that_nobody_is_in_is_off_and_says_so(members: str) -> None:
    read = rules(f"teams: {{finance: {{members: {members}}}}}\n{TO_FINANCE}")
    assert read.matching("refund_failed", View.of({})) == ()
    assert sentences.explain(read) == ("Off, because nobody is in the team finance: when a refund fails.",)


def test_a_message_to_the_next_number_is_said_in_the_sentence() -> None:
    read = rules(
        "flows: [{flow: a, on: refund_failed, steps: [{template: x}, {template: x, after: 30m, number: next}]}]"
    )
    [said] = sentences.explain(read)
    assert "text the customer after 30 minutes (x; of use for 1 day; at their next number, if they gave one)" in said


def test_a_flow_that_is_switched_off_speaks_to_nobody() -> None:
    read = rules("flows: [{flow: a, off: true, on: refund_failed, steps: [{template: x}]}]")
    assert read.matching("refund_failed", View.of({})) == ()
    assert sentences.explain(read) == ("Off, because it is switched off: when a refund fails.",)


def test_numbers_of_a_team_come_from_the_environment_where_it_has_them() -> None:
    text = "teams: {finance: {members: [{name: Finance, number: '${INGEST_TEAM_FINANCE}'}]}}\n" + TO_FINANCE
    team = rules(rules_file.filled_in(text, {"INGEST_TEAM_FINANCE": "+14155550111"})).teams["finance"]
    assert [member.number for member in team.members] == ["+14155550111"]
    assert rules(rules_file.filled_in(text, {})).teams["finance"].members == ()


@pytest.mark.parametrize(
    ("amount", "currency", "above"),
    [
        (500_000, "usd", True),
        (499_999, "usd", False),
        (750_000, "jpy", True),
        (5_000_000, "chf", False),
        (5_000_000, "kwd", True),
    ],
)
def test_a_limit_is_in_the_currency_of_the_payment_and_by_its_exponent(amount: int, currency: str, above: bool) -> None:
    read = rules(
        "limits: {high: {usd: 5000, jpy: 750000, kwd: 5000}}\n"
        "flows: [{flow: a, on: payment_succeeded, when: above.high, steps: [{template: x}]}]"
    )
    view = View.of({"amount": amount, "currency": currency}).measured(read.limits)
    assert bool(read.matching("payment_succeeded", view)) is above


def test_a_limit_is_of_what_was_charged_not_of_what_was_shown() -> None:
    read = rules(
        "limits: {high: {usd: 5000}}\nflows: [{flow: a, on: payment_succeeded, when: above.high, steps: [{template: x}]}]"
    )
    shown = {"amount": 750_000_00, "currency": "jpy", "charged_amount": 500_000, "charged_currency": "usd"}
    assert read.matching("payment_succeeded", View.of(shown).measured(read.limits))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("limits: {high: {usd: much}}\nflows: []", '1: "much" is no sum of money'),
        ("limits: {high: {jpy: 10.50}}\nflows: []", "1: jpy has no parts as small as 10.50"),
        ("limits: {high: {dollars: 1}}\nflows: []", '1: "dollars" is no currency'),
        (
            "flows:\n- {flow: a, on: refund_failed, when: above.high, steps: [{template: x}]}",
            "2: `above.high` asks for the limit `high`",
        ),
        (
            "flows:\n- {flow: a, on: dispute_opened, steps: [{before: 2d, template: x}]}",
            '2: a step has either "after", or "before"',
        ),
        ("flows:\n- {flow: a, on: dispute_opened, steps: [{before: 2d, of: noon, template: x}]}", "2: "),
    ],
)
def test_a_wrong_limit_or_anchor_names_line_and_remedy(text: str, said: str) -> None:
    assert any(said in line for line in problems(text)), problems(text)


def test_rules_of_one_flow_are_told_apart_and_the_first_that_fits_wins() -> None:
    read = rules(SHIPPED)
    names = [rule.name for rule in read.rules if rule.flow == "failed_payment"]
    assert names == ["failed_payment_last_try", "failed_payment", "failed_payment_of_bill", "failed_purchase"]


def test_what_is_left_out_has_a_sensible_meaning() -> None:
    read = rules("flows: [{flow: a, on: refund_issued, steps: [{template: x}, {template: y, after: 1d12h}]}]")
    rule = read.rules[0]
    assert (rule.recipient, rule.on_repeat, rule.when) == ("customer", OnRepeat.CONTINUE, None)
    first, second = rule.steps
    assert (first.after, first.channels, first.not_after) == (timedelta(0), ("sms",), timedelta(hours=24))
    assert (first.if_unresolved, second.if_unresolved) == (IfUnresolved.RESEND_ONCE, IfUnresolved.HOLD)
    assert second.after == timedelta(hours=36)


def test_a_team_and_its_members_are_read() -> None:
    read = rules(
        "teams:\n  finance:\n    members:\n      - {name: Ada L., number: '+1 (415) 555-0100', languages: [en], zone: Europe/Vienna}\n"
        "flows: [{flow: a, on: refund_failed, to: 'team:finance', steps: [{template: x}]}]"
    )
    team = read.rules[0].to
    assert isinstance(team, Team)
    assert (team.members[0].slug, team.members[0].number) == ("ada-l", "+14155550100")
    assert read.rules[0].steps[0].message_class == MessageClass.TEAM


def test_equal_files_have_equal_hashes_and_others_do_not() -> None:
    one, two, other = (rules_file.parse(text) for text in (SHIPPED, SHIPPED, SHIPPED + "\n"))
    assert isinstance(one, Rules)
    assert isinstance(two, Rules)
    assert isinstance(other, Rules)
    assert one.sha256 == two.sha256 != other.sha256
