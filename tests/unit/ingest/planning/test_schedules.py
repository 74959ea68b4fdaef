"""Schedules: one line each, every slip with its line and remedy, and a sentence for each."""

from datetime import time, timedelta

import pytest

from ingest_service.planning import sentences
from ingest_service.planning.rules import MessageClass, OnRepeat
from ingest_service.planning.schedules import Renewals, Who
from tests.unit.ingest.planning.facts import problems, rules

TEAM = "teams: {finance: {members: [{name: Ada, number: '+14155550100'}]}}\n"
EVERYTHING = f"""{TEAM}
schedules:
  renewal_reminders: {{days: [1, 7, 3], who: [expiring_card, annual, {{above: {{usd: 10000}}}}], at: 9:30}}
  trial_reminders: {{}}
  card_reminders: {{days: [30]}}
  digest: {{to: team:finance, at: "18:00", zone: Europe/Vienna, empty: say}}
flows: []
"""


def test_a_line_is_all_it_takes() -> None:
    read = rules(EVERYTHING)
    renewal, trial, digest = read.schedules.renewal_reminders, read.schedules.trial_reminders, read.schedules.digest
    assert renewal is not None
    assert (renewal.days, renewal.at) == ((7, 3, 1), time(9, 30))
    assert renewal.who == Who(frozenset({Renewals.EXPIRING_CARD, Renewals.ANNUAL}), {"usd": 10_000})
    assert trial is not None
    assert (trial.days, trial.at) == ((7, 3, 1), time(10))
    assert digest is not None
    assert (digest.empty, digest.zone and digest.zone.key) == ("say", "Europe/Vienna")
    assert [rule.on for rule in read.rules] == ["renewal_due", "trial_ending", "card_expiring", "digest"]
    first, last = read.rules[0], read.rules[-1]
    assert (first.on_repeat, first.steps[0].not_after) == (OnRepeat.SAY_AGAIN, timedelta(hours=13, minutes=30))
    assert (last.recipient, last.steps[0].message_class) == ("team:finance", MessageClass.TEAM)


def test_a_flow_of_ones_own_takes_the_place_of_what_a_line_stands_for() -> None:
    read = rules(
        "schedules: {renewal_reminders: {who: all}}\nflows: [{flow: mine, on: renewal_due, steps: [{template: x, channels: [voice]}]}]"
    )
    assert [rule.name for rule in read.rules] == ["mine"]
    told = sentences.explain(read)
    assert told[0] == "Every day at 10:00, for each subscription that renews in 7, 3 or 1 days: see the next line."


def test_each_schedule_is_explained_in_a_sentence() -> None:
    renewal, trial, card, digest = sentences.explain(rules(EVERYTHING))
    assert renewal == (
        "Every day at 09:30, for each subscription that renews in 7, 3 or 1 days, where its card expires before that or it renews by "
        "the year or it costs 10000 minor units of USD or more: text the customer at once (renewal_reminder; of use for 13 hours and "
        "30 minutes). Words: expiring_card where the card expires before, annual where the interval is year."
    )
    assert trial.startswith(
        "Every day at 10:00, for each trial that ends in 7, 3 or 1 days: text the customer at once (trial_ending;"
    )
    assert card.startswith("At 10:00, 30 days before a month ends, for each card that ends with it")
    assert digest == (
        "Every day at 18:00 in Europe/Vienna, with the day's figures: text the finance team (1 person) at once "
        "(digest; of use for 12 hours). Words: nothing where nothing happened. Where nothing happened, that is said."
    )
    assert not any("fact." in sentence for sentence in (renewal, trial, card, digest))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("renewal_reminders: {days: [0]}", 'cannot go "0" days before. Use whole days, 1 to 60.'),
        ("renewal_reminders: {days: [x]}", 'cannot go "x" days before'),
        ("renewal_reminders: {days: [3, 3]}", "3 stands twice"),
        ("renewal_reminders: {days: []}", "a reminder needs a day"),
        ("renewal_reminders: {days: 7}", '"days" must be a list'),
        (
            'renewal_reminders: {at: "25:00"}',
            '"at" cannot be "25:00". Write hours and minutes in quotes, such as "10:00".',
        ),
        ("renewal_reminders: {who: expring_card}", 'Did you mean "expiring_card"?'),
        ("renewal_reminders: {who: above}", '"above" needs amounts'),
        ("renewal_reminders: {who: []}", "nobody would be reminded"),
        ("renewal_reminders: {who: {above: {}}}", '"above" names no currency'),
        ("renewal_reminders: {who: {above: {dollars: 1}}}", '"dollars" is no currency'),
        ("renewal_reminders: {who: {above: {usd: 1.5}}}", '"1.5" is no amount'),
        ("renewal_reminder: {}", 'Did you mean "renewal_reminders"?'),
        ("trial_reminders: {who: all}", '"trial_reminders" knows no "who"'),
        ("digest: {}", '"digest" lacks "to"'),
        ("digest: {to: team:finanec}", 'Did you mean "team:finance"?'),
        ("digest: {to: team:finance, zone: Europe/Wien}", 'there is no time zone "Europe/Wien"'),
        ("digest: {to: team:finance, empty: maybe}", '"empty" cannot be "maybe"'),
    ],
)
def test_every_slip_is_told_with_its_line_and_remedy(line: str, says: str) -> None:
    told = problems(f"{TEAM}schedules:\n  {line}\nflows: []\n")
    assert any(says in one for one in told), told
    assert all(one.startswith("rules.yaml:3: ") for one in told)


def test_a_digest_to_nobody_and_a_flow_that_nothing_feeds_are_problems() -> None:
    assert any(
        'Add the team below "teams:"' in one for one in problems("schedules: {digest: {to: team:x}}\nflows: []\n")
    )
    empty = rules("teams: {x: {members: []}}\nschedules: {digest: {to: team:x}}\nflows: []\n")
    assert sentences.explain(empty) == (
        "Off, because nobody is in the team x: every day at 18:00, with the day's figures.",
    )
    told = problems("flows: [{flow: a, on: card_expiring, steps: [{template: x}]}]")
    assert told == ['rules.yaml:1: nothing makes "card_expiring". Add "card_reminders: …" below "schedules:".']
