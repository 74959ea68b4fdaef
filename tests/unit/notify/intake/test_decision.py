"""What is to become of a request."""

import dataclasses
import datetime
from typing import Any

import pytest

from notify.v1 import consent_pb2, notification_pb2, recipient_pb2
from notify_service.accounts import Sender
from notify_service.consent.verdicts import Standing, Verdicts
from notify_service.gate_checks import Check
from notify_service.intake.decision import Go, Stop, decide
from notify_service.intake.preparing import Prepared, prepare, zone_of
from notify_service.intake.results import Rejected
from tests.unit.notify.intake.people import ACCOUNT, IN_FORCE, NOW, POLICY, address, parsed, recipient

SMS, VOICE, WHATSAPP = recipient_pb2.CHANNEL_SMS, recipient_pb2.CHANNEL_VOICE, recipient_pb2.CHANNEL_WHATSAPP
RESEND = notification_pb2.IF_UNRESOLVED_RESEND_ONCE
GIVEN = Standing("sms", "transactional", "", "cus_ana", granted=True, source="given_in_transaction", seq=1)
CALLS = Standing("voice", "transactional", "", "cus_ana", granted=True, source="checkout", seq=2)
STOP = Standing("all", "all", "", "", granted=False, source="keyword", seq=3)
START = Standing("sms", "transactional", "", "", granted=True, source="keyword", seq=4)


def decided(
    *standing: Standing, cancelled: datetime.datetime | None = None, **more: Any
) -> tuple[Go | Stop, list[Check]]:
    """The decision about Ana's receipt."""
    item = prepare(parsed(**more), IN_FORCE)
    assert isinstance(item, Prepared), item
    return decide(item.request, item.choice, Verdicts(standing), cancelled, ACCOUNT, POLICY, NOW)


@pytest.mark.parametrize(
    ("standing", "more", "reason"),
    [
        ([GIVEN], {}, None),
        ([], {}, "no_consent"),
        ([GIVEN, STOP], {}, "opted_out"),
        ([GIVEN, STOP, START], {}, None),
        ([GIVEN], {"recipient": recipient()}, "no_usable_number"),
        ([GIVEN], {"recipient": recipient(address("+442079460018"))}, "no_usable_number"),
        ([GIVEN], {"recipient": recipient(address("+8613123456789"))}, "country_not_allowed"),
        ([GIVEN], {"channels": [WHATSAPP]}, "sender_misconfigured"),
        ([GIVEN], {"not_after": None}, "expired"),
    ],
)  # fmt: skip
def test_the_reason_is_the_first_thing_that_stands_in_its_way(
    standing: list[Standing], more: dict[str, Any], reason: str | None
) -> None:
    if "not_after" in more:
        request = dataclasses.replace(parsed(), not_after=NOW - datetime.timedelta(seconds=1))
        item = prepare(request, IN_FORCE)
        assert isinstance(item, Prepared)
        outcome, checks = decide(request, item.choice, Verdicts(tuple(standing)), None, ACCOUNT, POLICY, NOW)
    else:
        outcome, checks = decided(*standing, **more)
    assert (outcome.reason if isinstance(outcome, Stop) else None) == reason
    assert checks[-1].passed == (reason is None)
    assert "+" not in "".join(check.sentence for check in checks)


def test_what_was_true_only_before_the_cancel_is_cancelled() -> None:
    later, _ = decided(GIVEN, cancelled=NOW + datetime.timedelta(seconds=1))
    assert later == Stop("cancelled", "concern_cancelled", "The concern was over before this message was last known to be true.")  # fmt: skip
    assert isinstance(decided(GIVEN, cancelled=NOW)[0], Go)


def test_channels_without_consent_or_sender_are_left_out_and_the_order_stays() -> None:
    both: dict[str, Any] = {"channels": [VOICE, WHATSAPP, SMS]}
    assert decided(GIVEN, **both)[0] == Go(("sms",), "sms", (1,))
    assert decided(GIVEN, CALLS, **both)[0] == Go(("voice", "sms"), "voice", (2,))


def test_an_opt_out_is_never_a_reason_to_try_another_channel() -> None:
    stop_texts = dataclasses.replace(STOP, channel="sms")
    outcome, _ = decided(GIVEN, CALLS, stop_texts, channels=[SMS, VOICE])
    assert isinstance(outcome, Stop)
    assert outcome.reason == "opted_out"


def test_a_channel_that_was_started_again_is_used_although_a_later_one_is_not() -> None:
    outcome, _ = decided(GIVEN, CALLS, STOP, START, channels=[SMS, VOICE])
    assert outcome == Go(("sms",), "sms", (1, 4))


def test_a_round_without_channels_left_is_not_sent() -> None:
    item = prepare(parsed(), IN_FORCE)
    assert isinstance(item, Prepared)
    outcome, _ = decide(
        dataclasses.replace(item.request, channels=()), item.choice, Verdicts((GIVEN,)), None, ACCOUNT, POLICY, NOW
    )
    assert outcome == Stop("suppressed", "channel_failed", "No channel is left that it may use.")


@pytest.mark.parametrize(
    ("channels", "wish", "said"),
    [
        ([SMS], RESEND, None),
        ([VOICE], RESEND, "A call of which nobody knows whether it went is held for a person, whatever the request wishes."),
        ([SMS, VOICE], RESEND, "A call of which nobody knows whether it went is held for a person, whatever the request wishes."),
        ([VOICE], notification_pb2.IF_UNRESOLVED_HOLD, None),
        ([VOICE], 0, None),
    ],
)  # fmt: skip
def test_a_wish_to_repeat_a_call_is_not_overridden_in_silence(channels: list[Any], wish: Any, said: str | None) -> None:
    _, checks = decided(GIVEN, CALLS, channels=channels, if_unresolved=wish)
    told = [check.sentence for check in checks if check.name == "if_unresolved"]
    assert told == ([] if said is None else [said])


def test_a_wish_to_repeat_an_advertisement_is_not_overridden_in_silence() -> None:
    yes = Standing("sms", "marketing", "", "cus_ana", granted=True, source="checkout", seq=3)
    advert: dict[str, Any] = {
        "message_class": consent_pb2.MESSAGE_CLASS_MARKETING,
        "lane": notification_pb2.LANE_MARKETING,
    }
    _, checks = decided(yes, if_unresolved=RESEND, **advert)
    assert [check.sentence for check in checks if check.name == "if_unresolved"] == [
        "An advertisement of which nobody knows whether it went is held for a person, whatever the request wishes."
    ]


@pytest.mark.parametrize(
    ("zones", "countries", "zone"),
    [
        ([], [], None),
        ([], ["AT"], "Europe/Vienna"),
        ([], ["US", "nowhere", "", "jp"], "Asia/Tokyo"),
        (["America/New_York"], ["AT"], "America/New_York"),
    ],
)
def test_times_are_told_in_the_zone_of_the_person_or_of_the_first_place_that_has_one(
    zones: list[str], countries: list[str], zone: str | None
) -> None:
    places = [recipient_pb2.Place(country=country) for country in countries]
    assert zone_of(parsed(recipient=recipient(address(), time_zones=zones, places=places))) == zone


@pytest.mark.parametrize(
    ("more", "field"),
    [({"template": "unknown_one"}, "template"), ({"values": {}}, "values.amount"), ({"sender_scope": "other"}, "sender_scope")],
)  # fmt: skip
def test_a_request_that_names_what_is_not_there_is_rejected(more: dict[str, Any], field: str) -> None:
    wrong = prepare(parsed(**more), IN_FORCE)
    assert isinstance(wrong, Rejected)
    assert wrong.field == field
    assert wrong.remedy


def test_a_scope_has_its_own_sender() -> None:
    own = Sender("brand_sms", "sms", scope="brand", number="+14155550101")
    account = dataclasses.replace(ACCOUNT, senders=(*ACCOUNT.senders, own))
    item = prepare(parsed(sender_scope="brand"), dataclasses.replace(IN_FORCE, account=account))
    assert isinstance(item, Prepared)
    outcome, _ = decide(item.request, item.choice, Verdicts((GIVEN,)), None, account, POLICY, NOW)
    assert outcome == Go(("sms",), "brand_sms", (1,))
