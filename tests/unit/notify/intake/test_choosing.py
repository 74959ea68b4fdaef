"""Which of several numbers a message goes to."""

import dataclasses
import datetime
from typing import Any

import pytest

from notify.v1 import challenge_pb2, recipient_pb2
from notify_service.consent.verdicts import Standing, Verdicts
from notify_service.intake.choosing import choose
from notify_service.intake.decision import decide
from notify_service.intake.preparing import Prepared, prepare
from tests.unit.notify.intake.people import ACCOUNT, IN_FORCE, NOW, POLICY, address, parsed, recipient, stamp

SMS, VOICE = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE
LANDLINE, MOBILE, OTHER = "+442079460018", "+447400123456", "+447400123457"
STOP = Standing("all", "all", "", "", granted=False, source="keyword", seq=1)


def item(*numbers: str, **more: Any) -> Prepared:
    """A message to somebody with these numbers, all given in the payment."""
    given: dict[str, Any] = {"recipient": recipient(*map(address, numbers)), "channels": [VOICE, SMS]}
    made = prepare(parsed(**(given | more)), dataclasses.replace(IN_FORCE, takes_keys=True))
    assert isinstance(made, Prepared), made
    return made


def taken(made: Prepared, *stopped: str) -> str:
    """The number it goes to, after a STOP from these."""
    found = choose(made, {number: Verdicts((STOP,)) for number in stopped}, IN_FORCE, NOW).choice.number
    return found.e164 if found is not None else ""


@pytest.mark.parametrize(
    ("numbers", "stopped", "number"),
    [
        ((LANDLINE, MOBILE), (), MOBILE),
        ((MOBILE, LANDLINE), (), MOBILE),
        ((LANDLINE, LANDLINE, MOBILE), (), MOBILE),
        ((LANDLINE, "+8613123456789", MOBILE), (), MOBILE),  # the policy leaves that country out
        ((MOBILE, OTHER), (MOBILE,), MOBILE),  # suppressed: another number would be a way around the opt-out
        ((LANDLINE, MOBILE, OTHER), (MOBILE,), LANDLINE),
        ((LANDLINE, MOBILE), (LANDLINE,), LANDLINE),
        ((LANDLINE,), (), LANDLINE),
        (("12",), (), ""),
    ],
)
def test_the_first_number_that_may_be_used_is_taken_and_nothing_behind_an_opt_out(
    numbers: tuple[str, ...], stopped: tuple[str, ...], number: str
) -> None:
    assert taken(item(*numbers), *stopped) == number


def test_a_question_is_asked_at_the_mobile_where_a_landline_may_not_be_called() -> None:
    asks = challenge_pb2.Challenge(
        challenge_id="ch-1", answer_by=stamp(NOW + datetime.timedelta(hours=2)), moves_money=False
    )
    asks.answer_within.FromTimedelta(datetime.timedelta(minutes=15))
    assert taken(item(LANDLINE, MOBILE, challenge=asks, channels=[SMS, VOICE])) == MOBILE


def test_the_story_says_why_the_number_before_was_left() -> None:
    made = choose(item(LANDLINE, MOBILE), {}, IN_FORCE, NOW)
    _, checks = decide(made.request, made.choice, Verdicts(), None, ACCOUNT, POLICY, NOW)
    [number] = [check.sentence for check in checks if check.name == "number"]
    assert number == (
        "The number ••••56 from customer.phone is a valid mobile number. "
        "Before it customer.phone may not be used on the channels that reach it."
    )
