"""The page about rules says what the code takes."""

import re
from pathlib import Path

from ingest_service.planning.conditions import ATTRIBUTES
from ingest_service.planning.fact_kinds import FACT_KINDS
from ingest_service.planning.rules import CHANNELS, VALUE_NAMES, IfNotNow, IfUnresolved, OnRepeat
from ingest_service.planning.rules_file import filled_in
from ingest_service.submitting.values import known_values
from tests.unit.ingest.planning.facts import rules

PAGE = (Path(__file__).parents[4] / "docs" / "rules.md").read_text()


def test_every_attribute_word_and_value_stands_on_the_page() -> None:
    words = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
    assert words >= set(ATTRIBUTES)
    assert words >= {*FACT_KINDS, *CHANNELS, *OnRepeat, *IfNotNow, *IfUnresolved, *known_values()}


def test_the_values_that_rules_may_name_are_those_that_can_be_made() -> None:
    assert set(known_values()) == set(VALUE_NAMES)


def test_the_examples_of_the_page_are_good() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    flow, schedules, team, limits, conditions, words = blocks
    assert {rule.on for rule in rules(schedules).rules} == {"renewal_due", "trial_ending", "card_expiring", "digest"}
    assert rules(words).rules[0].variant.lines
    team = filled_in(team, {"INGEST_TEAM_FINANCE": "+14155550111"})
    assert rules(flow).rules[0].name == "failed_payment"
    assert [member.name for member in rules(team + "flows: []").teams["finance"].members] == ["Ada", "On call"]
    assert rules(team.replace("finance", "sales") + limits).limits["high_value"]["jpy"] == 750_000
    for line in conditions.splitlines():
        rules(f"flows:\n  - flow: a\n    on: payment_failed\n    {line}\n    steps: [{{template: x}}]")
