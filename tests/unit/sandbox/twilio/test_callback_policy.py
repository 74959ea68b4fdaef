"""What the fragment of a webhook's address asks for."""

import pytest

from paybell_sandbox.twilio.callbacks import Policy


@pytest.mark.parametrize(
    ("fragment", "policy"),
    [
        ("", Policy(1, frozenset({"ct"}), 5, 15, 15)),
        ("#rc=5&rp=all", Policy(5, frozenset({"all"}), 5, 15, 15)),
        ("#rc=0", Policy(0, frozenset({"ct"}), 5, 15, 15)),
        ("#rc=9", Policy(5, frozenset({"ct"}), 5, 15, 15)),
        ("#rp=ct,rt,5xx", Policy(1, frozenset({"ct", "rt", "5xx"}), 5, 15, 15)),
        ("#ct=20000&rt=50&tt=100", Policy(1, frozenset({"ct"}), 10, 0.1, 0.1)),
        ("#rc=-1&ct=soon", Policy(1, frozenset({"ct"}), 5, 15, 15)),
    ],
)
def test_limits_are_twilios(fragment: str, policy: Policy) -> None:
    assert Policy.of(f"https://example.com/x?rc=3{fragment}") == policy


@pytest.mark.parametrize(
    ("asked", "failure", "again"), [("all", "4xx", True), ("ct,5xx", "5xx", True), ("ct,5xx", "rt", False)]
)
def test_what_is_tried_again(asked: str, failure: str, again: bool) -> None:
    assert Policy.of(f"https://example.com/#rp={asked}").again(failure) == again
