"""Which listed message is an attempt's own."""

from datetime import timedelta
from typing import Any

import pytest

from notify_service.delivery.listed import From, Listed
from notify_service.delivery.matching import body_hash, find, sought
from tests.unit.notify.delivery.cases import START

TEXT = "Acme: your payment failed. Ref 7F3KQ"
US = From(number="+14155550100")


def listed(sid: str = "SM1", **changes: Any) -> Listed:
    plain: dict[str, Any] = {
        "sid": sid,
        "direction": "outbound-api",
        "to": "+14155551001",
        "sender": "+14155550100",
        "messaging_service_sid": "",
        "body": TEXT,
        "status": "sent",
        "code": 0,
        "created_at": START + timedelta(seconds=2),
    }
    return Listed(**(plain | changes))


def found(*messages: Listed, sender: From = US, taken: set[str] | None = None, call: bool = False) -> str | None:
    match = find(sought(sender, START, body_hash(TEXT), "7F3KQ"), messages, taken or set(), call=call)
    return match.sid if match else None


def test_the_same_words_or_the_same_reference_match() -> None:
    """The provider may put words before ours (a trial account), swap letters, or trim."""
    assert found(listed()) == "SM1"
    assert found(listed(body=TEXT + " \n")) == "SM1"
    assert found(listed(body="Sent from a trial account - " + TEXT)) == "SM1"


@pytest.mark.parametrize(
    "other",
    [
        {"body": "Acme: your payment failed. Ref 8F3KQ"},
        {"body": "Acme: Ref 7F3KQX"},
        {"body": ""},
        {"direction": "inbound"},
        {"direction": "outbound-reply"},
        {"sender": "+14155550199"},
        {"created_at": START - timedelta(seconds=61)},
        {"created_at": None},
    ],
)
def test_what_differs_in_anything_that_matters_does_not_match(other: dict[str, Any]) -> None:
    """Words, direction, sender, time."""
    assert found(listed(**other)) is None


def test_a_clock_that_lags_by_less_than_a_minute_is_forgiven() -> None:
    """The provider's dates are its own."""
    assert found(listed(created_at=START - timedelta(seconds=59))) == "SM1"


def test_what_another_attempt_holds_is_not_taken_again() -> None:
    """And of several free ones the oldest is taken."""
    young = listed("SM2", created_at=START + timedelta(seconds=9))
    assert found(young, listed()) == "SM1"
    assert found(young, listed(), taken={"SM1"}) == "SM2"
    assert found(young, listed(), taken={"SM1", "SM2"}) is None


def test_a_messaging_service_matches_by_itself_or_before_it_chose_a_number() -> None:
    """Not by a number that we do not know."""
    service = From(messaging_service_sid="MG1")
    assert found(listed(sender="+1999", messaging_service_sid="MG1"), sender=service) == "SM1"
    assert found(listed(sender="", messaging_service_sid=""), sender=service) == "SM1"
    assert found(listed(messaging_service_sid="MG2"), sender=service) is None


def test_a_call_matches_by_number_sender_and_time() -> None:
    """It carries no words."""
    assert found(listed(body=""), call=True) == "SM1"
    assert found(listed(body="", sender="+1999"), call=True) is None
