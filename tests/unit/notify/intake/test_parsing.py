"""A request is read whole, or its first wrong field is named with reason and remedy, and never with its value."""

import contextlib
import datetime
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, recipient_pb2, value_pb2
from notify_service.intake.fields import RejectedError
from notify_service.intake.parsing import parse
from notify_service.intake.request import notification_id
from tests.unit.notify.intake.people import NOW, address, evidence, message, parsed, recipient, stamp

SMS = recipient_pb2.CHANNEL_SMS
BROKEN = Timestamp(seconds=2**62)


def value(**kind: Any) -> dict[str, value_pb2.Value]:
    """One value."""
    return {"amount": value_pb2.Value(**kind)}


def challenge(**more: Any) -> challenge_pb2.Challenge:
    """A question."""
    given: dict[str, Any] = {
        "challenge_id": "q-1", "answer_within": Duration(seconds=900), "answer_by": stamp(NOW + datetime.timedelta(hours=1)),
    }  # fmt: skip
    return challenge_pb2.Challenge(**(given | more))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "a b"}, "request_id"),
        ({"request_id": "r" * 129}, "request_id"),
        ({"request_id": "r-1\n"}, "request_id"),
        ({"round": 0}, "round"),
        ({"account_id": "Main"}, "account_id"),
        ({"account_id": ""}, "account_id"),
        ({"sender_scope": "Brand"}, "sender_scope"),
        ({"concern": ""}, "concern"),
        ({"concern": "c" * 201}, "concern"),
        ({"kind": "Not A Kind"}, "kind"),
        ({"labels": {f"k{number}": "v" for number in range(17)}}, "labels"),
        ({"labels": {"+14155552671": "v"}}, "labels"),
        ({"labels": {"k": "v" * 201}}, "labels.k"),
        ({"labels": {"k": "a\x00b"}}, "labels.k"),
        ({"labels": {"k": "a\nb"}}, "labels.k"),
        ({"recipient": recipient(person_id="")}, "recipient.person_id"),
        ({"recipient": recipient(role=0)}, "recipient.role"),
        ({"recipient": recipient(role=9)}, "recipient.role"),
        ({"recipient": recipient(role=recipient_pb2.RECIPIENT_ROLE_TEAM)}, "message_class"),
        ({"recipient": recipient(*[address()] * 11)}, "recipient.addresses"),
        ({"recipient": recipient(address(number="1" * 65))}, "recipient.addresses[0].number"),
        ({"recipient": recipient(address(source=""))}, "recipient.addresses[0].source"),
        ({"recipient": recipient(address(region_hints=["USA"]))}, "recipient.addresses[0].region_hints[0]"),
        ({"recipient": recipient(address(region_hints=["US"] * 9))}, "recipient.addresses[0].region_hints"),
        ({"recipient": recipient(address(first_seen_at=BROKEN))}, "recipient.addresses[0].first_seen_at"),
        ({"recipient": recipient(languages=["english please"])}, "recipient.languages[0]"),
        ({"recipient": recipient(languages=["en"] * 11)}, "recipient.languages"),
        ({"recipient": recipient(time_zones=["Mars/Olympus"])}, "recipient.time_zones[0]"),
        ({"recipient": recipient(time_zones=["../../etc/passwd"])}, "recipient.time_zones[0]"),
        ({"recipient": recipient(time_zones=["UTC\x00"])}, "recipient.time_zones[0]"),
        ({"recipient": recipient(places=[recipient_pb2.Place()] * 11)}, "recipient.places"),
        ({"message_class": 0}, "message_class"),
        ({"message_class": consent_pb2.MESSAGE_CLASS_TEAM}, "message_class"),
        ({"lane": 0}, "lane"),
        ({"lane": 9}, "lane"),
        ({"channels": []}, "channels"),
        ({"channels": [SMS, SMS]}, "channels"),
        ({"channels": [0]}, "channels[0]"),
        ({"channels": [9]}, "channels[0]"),
        ({"channels": [SMS] * 4}, "channels"),
        ({"not_after": None}, "not_after"),
        ({"not_after": BROKEN}, "not_after"),
        ({"not_after": stamp(NOW + datetime.timedelta(days=36))}, "not_after"),
        ({"not_before": stamp(NOW + datetime.timedelta(hours=3))}, "not_before"),
        ({"truth_read_at": None}, "truth_read_at"),
        ({"if_not_now": 9}, "if_not_now"),
        ({"if_unresolved": 9}, "if_unresolved"),
        ({"template": ""}, "template"),
        ({"variant": "Default"}, "variant"),
        ({"values": {f"v{number}": value_pb2.Value(count=1) for number in range(33)}}, "values"),
        ({"values": {"+14155552671": value_pb2.Value(count=1)}}, "values"),
        ({"values": value()}, "values.amount"),
        ({"values": value(money=value_pb2.Money(currency="usd"))}, "values.amount.money.currency"),
        ({"values": value(money=value_pb2.Money(currency="USD", exponent=5))}, "values.amount.money.exponent"),
        ({"values": value(instant=value_pb2.Instant())}, "values.amount.instant.at"),
        ({"values": value(instant=value_pb2.Instant(at=stamp(NOW), zone="Nowhere"))}, "values.amount.instant.zone"),
        ({"values": value(instant=value_pb2.Instant(at=Timestamp(seconds=253402300799)))}, "values.amount.instant.at"),
        ({"values": value(day=value_pb2.Day(year=2026, month=2, day=30))}, "values.amount.day"),
        ({"values": value(day=value_pb2.Day(year=2**32 - 1, month=1, day=1))}, "values.amount.day"),
        ({"values": value(link=value_pb2.Link(url="h" * 513))}, "values.amount.link.url"),
        ({"values": value(text=value_pb2.Text(text="t" * 501))}, "values.amount.text"),
        ({"values": value(text=value_pb2.Text(text="a\x00"))}, "values.amount.text"),
        ({"values": value(texts=value_pb2.TextList(items=[value_pb2.Text()] * 51))}, "values.amount.texts"),
        ({"consent_evidence": [evidence()] * 11}, "consent_evidence"),
        ({"consent_evidence": [evidence(address_index=1)]}, "consent_evidence[0].address_index"),
        ({"consent_evidence": [evidence(verdict=0)]}, "consent_evidence[0].verdict"),
        ({"consent_evidence": [evidence(given_at=None)]}, "consent_evidence[0].given_at"),
        ({"consent_evidence": [evidence(wording="w" * 2001)]}, "consent_evidence[0].wording"),
        ({"consent_evidence": [evidence(channels=[SMS] * 4)]}, "consent_evidence[0].channels"),
        ({"consent_evidence": [evidence(classes=[1] * 5)]}, "consent_evidence[0].classes"),
        # nobody speaks in the recipient's own name, nor in the provider's or ours
        *(
            ({"consent_evidence": [evidence(source=source)]}, "consent_evidence[0].source")
            for source in ("keyword", "operator", "given_in_transaction", "21610", "")
        ),
        ({"challenge": challenge(challenge_id="")}, "challenge.challenge_id"),
        ({"challenge": challenge(answer_within=Duration(seconds=59))}, "challenge.answer_within"),
        ({"challenge": challenge(answer_within=Duration(seconds=2**62))}, "challenge.answer_within"),
        ({"challenge": challenge(answer_by=stamp(NOW))}, "challenge.answer_by"),
        ({"traceparent": "yes"}, "traceparent"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(change: dict[str, Any], field: str) -> None:
    with pytest.raises(RejectedError) as wrong:
        parsed(**change)
    error = wrong.value
    assert error.field == field
    assert error.reason
    assert error.remedy
    assert "4155552671" not in f"{error.field} {error.reason} {error.remedy}"


def test_a_place_is_read_as_it_is_typed_and_only_its_length_is_refused() -> None:
    typed = recipient_pb2.Place(country="the states", subdivision="Cal\tifornia", postal_code="9 \u202e 0")
    assert parsed(recipient=recipient(places=[typed])).places[0].country == "the states"
    for name in ("country", "subdivision", "postal_code"):
        with pytest.raises(RejectedError) as wrong:
            parsed(recipient=recipient(places=[recipient_pb2.Place(), recipient_pb2.Place(**{name: "x" * 201})]))
        assert wrong.value.field == f"recipient.places[1].{name}"
    with pytest.raises(RejectedError) as many:
        parsed(recipient=recipient(places=[recipient_pb2.Place()] * 11))
    assert many.value.field == "recipient.places"


def test_a_whole_request_is_read() -> None:
    request = parsed(
        variant="", challenge=challenge(), consent_evidence=[evidence(channels=[SMS], classes=[3])],
        recipient=recipient(address(region_hints=["us"]), languages=["de_AT"], time_zones=["Europe/Vienna"]),
    )  # fmt: skip
    assert (request.variant, request.if_not_now, request.if_unresolved) == ("default", "hold", "")
    assert request.languages == ("de-AT",)
    assert request.addresses[0].candidate.region_hints == ("US",)
    assert request.evidence[0].channels == ("sms",)
    assert request.evidence[0].classes == ("marketing",)
    assert request.question is not None
    assert request.question.answer_within == datetime.timedelta(minutes=15)


def test_the_id_is_the_same_for_the_same_request_and_no_other() -> None:
    assert notification_id("a", "main", "r") == notification_id("a", "main", "r")
    ids = {notification_id(*key) for key in [("a", "main", "r"), ("b", "main", "r"), ("a", "other", "r"), ("a", "main", "s"), ("a", "mainr", "")]}  # fmt: skip
    assert len(ids) == 5


def test_equal_bytes_are_equal_contents_and_any_difference_shows() -> None:
    labels = {f"k{number}": str(number) for number in range(16)}
    backwards = dict(reversed(labels.items()))
    assert parsed(labels=labels).content_hash == parsed(labels=backwards).content_hash
    assert parsed(labels=labels).content_hash != parsed(labels=labels | {"k1": "x"}).content_hash
    assert parsed().content_hash != parsed(round=2).content_hash


@given(st.binary(max_size=400))
def test_whatever_comes_as_a_request_is_read_or_named_and_breaks_nothing(raw: bytes) -> None:
    made = notification_pb2.NotificationRequest()
    try:
        made.MergeFromString(message().SerializeToString() + raw)
    except Exception:  # noqa: BLE001 - bytes that are no message at all are the server's affair
        return
    with contextlib.suppress(RejectedError):
        assert parse(made, "local", NOW).request_id
