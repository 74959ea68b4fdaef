"""What a reply does to open questions: a table, and what holds for every reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.challenges.agreeing import agreement
from notify_service.challenges.reading import read
from notify_service.challenges.weighing import Answered, AskBack, Candidate, Weighed, WrongCode, limited, weigh

NEW = Candidate("new", "482913", 0, clarified=False)
OLD = Candidate("old", "1234", 0, clarified=False)
ASKED_BACK = Candidate("new", "482913", 0, clarified=True)
TAKES = Candidate("takes", "1234", 0, clarified=False, moves_money=False)
GUESSED = Candidate("new", "482913", 3, clarified=True)

TABLE: list[tuple[str, list[Candidate], Weighed]] = [
    ("yes 482913", [NEW], Answered("new", "confirmed", "coded")),
    ("no 482913", [NEW], Answered("new", "denied", "coded")),
    ("yes", [NEW], Answered("new", "confirmed", "bare")),
    ("no", [NEW], Answered("new", "denied", "bare")),
    ("yes 1234", [NEW, OLD], Answered("old", "confirmed", "coded")),
    ("482913 nein", [NEW, OLD], Answered("new", "denied", "coded")),
    ("yes", [NEW, OLD], AskBack("new", "bare")),
    ("yes", [ASKED_BACK, OLD], AskBack("old", "bare")),
    ("yes 482913 and no 1234", [NEW, OLD], AskBack("new", "coded")),
    ("call me", [NEW], AskBack("new", "bare")),
    ("call me", [ASKED_BACK], Answered("new", "unclear", "bare")),
    ("please stop texting me", [NEW], Answered("new", "unclear", "bare")),
    ("cancel 999999", [NEW], WrongCode(("new",), None)),
    ("482913", [NEW], AskBack("new", "coded")),
    ("482913 but call me", [ASKED_BACK], Answered("new", "unclear", "coded")),
    ("yes 999999", [NEW], WrongCode(("new",), "new")),
    ("no 48291", [NEW], WrongCode(("new",), "new")),
    ("yes 999999", [ASKED_BACK], WrongCode(("new",), None)),
    ("yes 9999", [ASKED_BACK, OLD], WrongCode(("new", "old"), "old")),
    ("yes 49", [NEW], Answered("new", "confirmed", "bare")),
    ("yes 482913", [GUESSED], Answered("new", "unclear", "bare")),
    ("no 482913", [GUESSED], Answered("new", "denied", "bare")),
    ("yes", [GUESSED], Answered("new", "unclear", "bare")),
    ("no", [GUESSED], Answered("new", "denied", "bare")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "open_ones", "wanted"), TABLE)
def test_the_table_of_replies(text: str, open_ones: list[Candidate], wanted: Weighed) -> None:
    assert weigh(read(text), open_ones) == wanted


@st.composite
def questions(draw: st.DrawFn) -> list[Candidate]:
    codes = draw(
        st.lists(st.from_regex(r"[1-9][0-9]{3}|[1-9][0-9]{5}", fullmatch=True), unique=True, min_size=1, max_size=4)
    )
    return [Candidate(f"q{n}", code, draw(st.integers(0, 5)), draw(st.booleans())) for n, code in enumerate(codes)]


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("OK", "bare"), ("ok 1234", "coded"), ("1234", "coded"), ("Got it!", "bare"), ("yes taking it", "bare"), ("I'll take it", "bare"),
        ("\U0001f44d\U0001f3fd", "bare"), ("On it", "bare"), ("alles klar", "bare"),
    ],
)  # fmt: skip
def test_agreement_is_a_yes_to_who_takes_it_and_no_answer_where_money_moves(text: str, strength: str) -> None:
    takes, pays = TAKES, Candidate("pays", "1234", 0, clarified=False)
    assert weigh(read(text), [takes], agreement(text)) == Answered("takes", "confirmed", strength)  # type: ignore[arg-type]
    assert isinstance(weigh(read(text), [pays], agreement(text)), AskBack)


@pytest.mark.parametrize(
    "text", ["7", "ok?", "not ok for me today", "you take it", "who has got it", "stop ok", "1234?"]
)
def test_what_may_be_no_agreement_takes_nothing(text: str) -> None:
    weighed = weigh(read(text), [TAKES], agreement(text))
    assert not (isinstance(weighed, Answered) and weighed.answer == "confirmed")


@given(
    questions(),
    st.sampled_from(["yes", "no", "oui", "nein", "call me", "", "はい", "maybe not"]),
    st.text(alphabet="0123456789 -", max_size=12),
)
def test_a_strong_answer_has_the_code_and_money_is_never_released_without(
    open_ones: list[Candidate], words: str, digits: str
) -> None:
    reading = read(f"{words} {digits}")
    weighed = weigh(reading, open_ones)
    if isinstance(weighed, Answered):
        question = next(one for one in open_ones if one.challenge_id == weighed.challenge_id)
        if weighed.strength == "coded":
            assert question.code in reading.numbers
            assert question.wrong_codes < 3
        if weighed.answer == "confirmed":
            assert question.wrong_codes < 3
        if weighed.strength == "bare" and weighed.answer in ("confirmed", "denied") and question.wrong_codes < 3:
            assert len(open_ones) == 1
        if weighed.answer == "unclear" and question.wrong_codes < 3:
            assert question.clarified, "it is asked back about once before"


def test_a_key_press_is_limited_too_but_stays_a_persons() -> None:
    assert limited("confirmed", "keypress_human", 3) == ("unclear", "keypress_human")
    assert limited("denied", "keypress_human", 3) == ("denied", "keypress_human")
    assert limited("confirmed", "coded", 2) == ("confirmed", "coded")
