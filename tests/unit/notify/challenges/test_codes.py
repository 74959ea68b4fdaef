"""Codes are the same whenever they are derived, and never the same for two open questions of a number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify_service.challenges.codes import MOST, Codes, NoCodeError, stand_in

CODES = Codes({"l2": bytes(range(32)), "l1": bytes(32)})


@given(st.text(min_size=1, max_size=40), st.booleans(), st.integers(0, 50))
def test_a_code_has_its_digits_and_is_always_the_same(challenge_id: str, moves_money: bool, number: int) -> None:
    code = CODES.code("main", challenge_id, number, moves_money=moves_money, key_id="l1")
    assert code == Codes({"l1": bytes(32)}).code("main", challenge_id, number, moves_money=moves_money, key_id="l1")
    assert len(code) == len(stand_in(moves_money=moves_money)) == (6 if moves_money else 4)
    assert code.isdigit()
    assert code[0] != "0"


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=60))
def test_open_questions_of_a_number_never_share_a_code(ids: list[str]) -> None:
    taken: set[str] = set()
    for challenge_id in ids:
        _, code = CODES.first_free("main", challenge_id, moves_money=False, taken=taken)
        assert code not in taken
        taken.add(code)


def test_the_first_free_number_is_taken() -> None:
    first = CODES.code("main", "ch", 0, moves_money=True, key_id="l2")
    number, code = CODES.first_free("main", "ch", moves_money=True, taken={first})
    assert (number, code) == (1, CODES.code("main", "ch", 1, moves_money=True, key_id="l2"))


def test_accounts_questions_and_keys_have_codes_of_their_own() -> None:
    codes = {
        CODES.code(account, challenge, 0, moves_money=True, key_id=key)
        for account in ("main", "eu") for challenge in ("a", "b") for key in ("l1", "l2")
    }  # fmt: skip
    assert len(codes) == 8


def test_a_key_that_is_gone_and_codes_that_are_all_taken_are_said() -> None:
    with pytest.raises(NoCodeError, match="lookup key l9"):
        CODES.code("main", "ch", 0, moves_money=True, key_id="l9")
    every = {CODES.code("main", "ch", n, moves_money=False, key_id="l2") for n in range(MOST)}
    with pytest.raises(NoCodeError, match="in use"):
        CODES.first_free("main", "ch", moves_money=False, taken=every)
