"""Played again, a concern says what it would have said, when it would have said it, and stops where it would have stopped."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.planning.rules import Rules
from ingest_service.rehearsing.simulation import End, Heard, Matter, rehearse
from tests.unit.ingest.planning.facts import AT, fact, rules

DAY = timedelta(days=1)
LADDER = """
flows:
  - flow: failed
    on: payment_failed
    on_repeat: {on_repeat}
    steps:
      - {{after: 0s, template: payment_failed, not_after: 24h}}
      - {{after: 3d, template: payment_failed, not_after: 24h}}
"""


def ladder(on_repeat: str = "continue") -> Rules:
    return rules(LADDER.format(on_repeat=on_repeat))


def heard(number: int = 1, *, after: timedelta = timedelta(0), late: timedelta = timedelta(seconds=1)) -> Heard:
    return Heard(fact(f"payment_failed:in_1:{number}", at=AT + after), AT + after + late)


def played(
    *facts: Heard, settled: timedelta | None = None, now: timedelta = 10 * DAY, by: Rules | None = None
) -> list[tuple[End, timedelta, str]]:
    matter = Matter("main", "invoice:in_1/unpaid", facts, AT + settled if settled is not None else None)
    messages = rehearse(matter, by or ladder(), AT + now).messages
    return [(one.end, one.at - AT, one.plan.fact_key.rpartition(":")[2]) for one in messages]


SECOND = timedelta(seconds=1)


def test_a_ladder_nobody_stops_is_said_to_its_end() -> None:
    assert played(heard()) == [(End.DUE, SECOND, "1"), (End.DUE, 3 * DAY, "1")]


def test_what_was_settled_is_not_said_any_more() -> None:
    assert played(heard(), settled=2 * DAY) == [(End.DUE, SECOND, "1"), (End.STOPPED, 3 * DAY, "1")]


def test_what_was_settled_before_it_was_known_is_never_said() -> None:
    assert played(heard(late=DAY), settled=DAY / 2) == []


def test_what_was_known_too_late_is_expired_and_what_is_of_the_future_is_to_come() -> None:
    assert played(heard(late=2 * DAY), now=2.5 * DAY) == [(End.EXPIRED, 2 * DAY, "1"), (End.TO_COME, 3 * DAY, "1")]


def test_a_further_failure_goes_on_with_its_own_words() -> None:
    assert played(heard(), heard(2, after=DAY)) == [(End.DUE, SECOND, "1"), (End.DUE, 3 * DAY, "2")]


def test_a_further_failure_says_it_again_where_the_rule_wants_it() -> None:
    ends = played(heard(), heard(2, after=DAY), by=ladder("say_again"))
    assert ends == [(End.DUE, SECOND, "1"), (End.DUE, DAY + SECOND, "2"), (End.DUE, 3 * DAY, "2")]


def test_a_further_failure_begins_anew_where_the_rule_wants_it() -> None:
    ends = played(heard(), heard(2, after=DAY), by=ladder("restart"))
    assert ends == [
        (End.DUE, SECOND, "1"),
        (End.DUE, DAY + SECOND, "2"),
        (End.STOPPED, 3 * DAY, "1"),
        (End.DUE, 4 * DAY, "2"),
    ]


def test_two_failures_that_become_known_together_are_one_message() -> None:
    both = [heard(late=DAY), replace(heard(2, after=DAY / 2), known_at=AT + DAY)]
    assert played(*both)[0] == (End.EXPIRED, DAY, "2")
    assert len(played(*both)) == 2


@pytest.mark.parametrize("on_repeat", ["continue", "say_again", "restart"])
@given(data=st.data())
def test_each_step_comes_to_exactly_one_end_whatever_happens_when(on_repeat: str, data: st.DataObject) -> None:
    days = st.integers(0, 20).map(lambda number: number * DAY / 2)
    facts = [
        heard(number, after=data.draw(days), late=data.draw(days))
        for number in range(1, data.draw(st.integers(1, 4)) + 1)
    ]
    settled = data.draw(st.none() | days)
    now = AT + 25 * DAY  # nothing is known later than now
    matter = Matter("main", "invoice:in_1/unpaid", facts, AT + settled if settled is not None else None)
    messages = rehearse(matter, ladder(on_repeat), now).messages
    names = [one.step.request_id for one in messages]
    assert len(names) == len(set(names))
    for one in messages:
        if one.end is End.DUE:
            assert one.step.due_at <= one.at < one.step.not_after
            assert one.at <= now
            assert settled is None or one.at < AT + settled
        if one.end is End.TO_COME:
            assert one.at > now
