"""A rules file that binds an action to an answer too weak for it is refused, with line and remedy."""

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_service.planning import rules_file
from ingest_service.planning.answers import ACTIONS, Action, Answer, Asks, Situation, Standing, Strength, choose
from ingest_service.planning.rules import Rules
from tests.unit.ingest.planning.facts import problems, rules

FLOW = """\
limits: {small: {usd: 5}, tiny: {usd: 1}}
flows:
  - flow: fraud
    on: fraud_suspected
    asks: {ASKS}
    answers:
      - {LINE}
    steps: [{template: fraud_question, after: AFTER}]
"""


def text(line: str, asks: str = "{answer_by: 24h, moves_money: true}", after: str = "0s") -> str:
    """A file with one question and one line of answers, which stands in line 7."""
    return FLOW.replace("{ASKS}", asks).replace("{LINE}", line).replace("AFTER", after)


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ('{answer: "no", strength: bare, state: captured, do: refund_as_fraud}', "without the code", "strength: [coded, keypress]"),
        ('{answer: "no", state: captured, do: refund_as_fraud}', "without the code", "strength: [coded, keypress]"),
        ('{answer: "no", strength: [coded, bare], state: captured, do: refund_as_fraud}', "without the code", "Add strength"),
        ('{answer: "yes", strength: bare, state: captured, do: approve_review}', "without the code", "Add strength"),
        ('{answer: "yes", strength: coded, state: captured, do: refund_as_fraud}', "cannot follow from yes", "Bind it to: no"),
        ("{answer: silence, strength: coded, state: captured, do: refund_as_fraud}", "cannot follow from silence", "Bind it to: no"),
        ('{answer: ["no", "yes"], strength: coded, state: captured, do: refund_as_fraud}', "cannot follow from yes", "no"),
        ('{answer: "no", strength: coded, do: refund_as_fraud}', "needs a payment that is captured", "state: [captured]"),
        ('{answer: "no", strength: coded, state: blocked, do: refund_as_fraud}', "needs a payment that is captured", "state"),
        ('{answer: "no", strength: bare, state: captured, do: cancel_payment}', "needs a payment that is uncaptured", "state"),
        ('{answer: "no", strength: bare, state: blocked, do: block_card}', "without the code", "Add strength"),
        ('{answer: "no", strength: coded, state: captured, do: [refund_as_fraud, ask_team]}', "stands beside", "stand alone"),
        ('{answer: "yes", strength: coded, state: uncaptured, do: capture}', 'without "approve_review"', "[approve_review, capture]"),
        ("{answer: maybe, do: ask_team}", 'cannot be "maybe"', "Use one of"),
        ('{answer: "no", do: refund}', 'cannot be "refund"', "refund_as_fraud"),
        ('{answer: "no", state: disputed, do: ask_team}', 'cannot be "disputed"', "Use one of"),
        ('{answer: "no", up_to: smal, do: ask_team}', "is not in the limits", 'Did you mean "small"?'),
        ('{answer: "no", up_to: {usd: 5}, do: ask_team}', "must be text", "Write it"),
    ],
)  # fmt: skip
def test_a_line_that_is_too_weak_is_refused(line: str, what: str, remedy: str) -> None:
    told = problems(text(line))
    assert any(each.startswith("rules.yaml:7: ") and what in each and remedy in each for each in told), told


@pytest.mark.parametrize(
    ("asks", "what"),
    [
        ("{answer_by: 24h}", "moves money, and the flow does not say so"),
        ("{answer_within: 2d, answer_by: 24h, moves_money: true}", "is longer than"),
        ("{answer_by: 20s, moves_money: true}", "out of bounds"),
        ("{answer_by: 90d, moves_money: true}", "out of bounds"),
        ("{answer_within: 8d, answer_by: 20d, moves_money: true}", "out of bounds"),
        ("{answer_by: soon, moves_money: true}", 'cannot be "soon"'),
        ("{answer_by: 24h, moves_money: perhaps}", 'cannot be "perhaps"'),
        ("{answer_within: 1h, moves_money: true}", 'lacks "answer_by"'),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused(asks: str, what: str) -> None:
    line = '{answer: "no", strength: coded, state: captured, do: refund_as_fraud}'
    assert any(what in each for each in problems(text(line, asks)))


def test_questions_and_answers_come_together_and_messages_in_time() -> None:
    assert any("lacks" in each for each in problems(text("x").replace("    answers:\n      - x\n", "")))
    alone = text("{answer: silence, do: ask_team}").replace("    asks: {answer_by: 24h, moves_money: true}\n", "")
    assert any("stand without a question" in each for each in problems(alone))
    late = problems(text("{answer: silence, do: ask_team}", after="24h"))
    assert late == [
        "rules.yaml:5: a message after 1 day asks what may be answered for 1 day only. Send it earlier, or make answer_by longer."
    ]


def test_what_is_read_is_what_is_kept_in_a_plan() -> None:
    line = (
        '{answer: "no", strength: [coded, keypress], state: captured, up_to: small, do: [refund_as_fraud, block_card]}'
    )
    asks = rules(text(line, "{answer_within: 1h, answer_by: 24h, moves_money: true, up_to: tiny}")).rules[0].asks
    assert asks is not None
    assert (asks.answer_within, asks.answer_by) == (datetime.timedelta(hours=1), datetime.timedelta(days=1))
    assert (asks.up_to, asks.answers[0].up_to) == ({"usd": 100}, {"usd": 500})
    kept = Asks.of_json(asks.json())
    assert kept.json() == asks.json()
    assert kept.answers[0].actions == (Action.REFUND_AS_FRAUD, Action.BLOCK_CARD)


words = st.lists(st.sampled_from([str(one) for one in Answer]), min_size=1, max_size=3, unique=True)
lines = st.fixed_dictionaries(
    {
        "answer": words,
        "do": st.lists(st.sampled_from([str(one) for one in Action]), min_size=1, max_size=2, unique=True),
    },
    optional={
        "strength": st.lists(st.sampled_from(["bare", "coded", "keypress"]), min_size=1, unique=True),
        "state": st.lists(st.sampled_from(["captured", "uncaptured", "blocked"]), min_size=1, unique=True),
    },
)


@given(
    st.lists(lines, min_size=1, max_size=5),
    st.sampled_from(Answer),
    st.sampled_from(Strength),
    st.sampled_from(Standing),
)
def test_no_file_that_is_taken_moves_money_on_an_answer_without_the_code(
    made: list[dict[str, Any]], answer: Answer, strength: Strength, standing: Standing
) -> None:
    written = "\n      - ".join(
        "{" + ", ".join(f"{key}: [{', '.join(f'{word!r}' for word in value)}]" for key, value in line.items()) + "}"
        for line in made
    )
    parsed = rules_file.parse(text(written))
    if not isinstance(parsed, Rules):
        return
    asks = parsed.rules[0].asks
    assert asks is not None
    for action in choose(asks.answers, Situation(answer, strength, standing, 1, "usd")):
        if ACTIONS[action].moves_money:
            assert strength in (Strength.CODED, Strength.KEYPRESS)
            assert answer in (Answer.YES, Answer.NO)
