"""When a story has come to its end, and what that is."""

import sys

import pytest

from paybell_sandbox.smoke.following import End, end_of, follow
from paybell_sandbox.smoke.stack import Asking, NotDrivenError

AT = "2026-11-23 10:00:00"
EVENT = f"{AT}  ✓ event   Stripe's event charge.succeeded was received and read"
FACT = f"{AT}  ✓ fact    It means: a payment"
OPEN = f"{AT}  · step    Message 1 to the customer was given to notify"
SENT = f"{AT}  ✓ step    Message 1 to the customer was sent"
REFUSED = f"{AT}  ✗ step    Message 1 to the customer was not sent: opted out"
PUT_OFF = f"{AT}  … step    Message 1 to the customer is due (round 2): quiet hours"
HELD = f"{AT}  … fact    It means: a payment; it is held for a moment"
SETTLED = f"{AT}  ✗ cancel  The matter payment:ch_1/unpaid is settled"
IGNORED = f"{AT}  ✗ event   Stripe's event charge.succeeded was received and ignored: too old"


@pytest.mark.parametrize(
    "story",
    [
        [],
        ["Nothing is known of event evt_1."],
        [EVENT, FACT],
        [EVENT, HELD, SETTLED],
        [EVENT, FACT, OPEN],
        [EVENT, SENT, OPEN],
    ],
)
def test_a_story_goes_on_while_a_message_is_to_come(story: list[str]) -> None:
    assert end_of(story) is None


@pytest.mark.parametrize(
    ("story", "end"),
    [
        ([EVENT, FACT, SENT], End(True, ("Message 1 to the customer was sent",))),  # noqa: FBT003
        ([EVENT, FACT, REFUSED], End(False, ("Message 1 to the customer was not sent: opted out",))),  # noqa: FBT003
        ([EVENT, PUT_OFF], End(False, ("Message 1 to the customer is due (round 2): quiet hours",))),  # noqa: FBT003
        ([IGNORED], End(False, ("Stripe's event charge.succeeded was received and ignored: too old",))),  # noqa: FBT003
    ],
)
def test_a_message_ends_sent_or_not_or_put_off(story: list[str], end: End) -> None:
    assert end_of(story) == end


def telling(*lines: str) -> Asking:
    return Asking((sys.executable, "-c", f"print({chr(10).join(lines)!r})"), {}, "why")


def test_only_a_message_that_was_sent_is_a_success() -> None:
    assert follow("evt_1", telling(EVENT, SENT)) == "Message 1 to the customer was sent"
    with pytest.raises(NotDrivenError, match="no text went out:\nMessage 1 to the customer was not sent: opted out"):
        follow("evt_1", telling(EVENT, REFUSED))


def test_where_no_end_comes_it_tells_what_is_known_and_how_to_ask_again() -> None:
    with pytest.raises(NotDrivenError, match=r"(?s)no end.*given to notify\nAsk again: why evt_1"):
        follow("evt_1", telling(EVENT, OPEN), seconds=0)


def test_a_stack_that_cannot_be_asked_is_told() -> None:
    failing = Asking((sys.executable, "-c", "import sys; sys.exit('no database')"), {}, "why")
    with pytest.raises(NotDrivenError, match="cannot be asked:\nno database"):
        follow("evt_1", failing)
