"""Reads a request from the wire: a valid one, or the first field that is wrong. Pure."""

import datetime
import hashlib
from collections.abc import Mapping
from typing import Any, Final

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, recipient_pb2
from notify_service.consent.number import Candidate
from notify_service.consent.verdicts import RESERVED_SOURCES
from notify_service.intake import fields
from notify_service.intake.fields import RejectedError
from notify_service.intake.request import Address, Evidence, Place, Question, Request, notification_id
from notify_service.intake.values import parse_values

CHANNELS: Final = {
    recipient_pb2.CHANNEL_SMS: "sms",
    recipient_pb2.CHANNEL_VOICE: "voice",
    recipient_pb2.CHANNEL_WHATSAPP: "whatsapp",
}
CLASSES: Final = {
    consent_pb2.MESSAGE_CLASS_TRANSACTIONAL: "transactional",
    consent_pb2.MESSAGE_CLASS_TRANSACTIONAL_URGENT: "transactional_urgent",
    consent_pb2.MESSAGE_CLASS_MARKETING: "marketing",
    consent_pb2.MESSAGE_CLASS_TEAM: "team",
}
LANES: Final = {
    notification_pb2.LANE_FRAUD: "fraud",
    notification_pb2.LANE_PAYMENT: "payment",
    notification_pb2.LANE_RECEIPT: "receipt",
    notification_pb2.LANE_MARKETING: "marketing",
}
ROLES: Final = {recipient_pb2.RECIPIENT_ROLE_CUSTOMER: "customer", recipient_pb2.RECIPIENT_ROLE_TEAM: "team"}
IF_NOT_NOW: Final = {
    notification_pb2.IF_NOT_NOW_UNSPECIFIED: "hold",
    notification_pb2.IF_NOT_NOW_HAND_BACK: "hand_back",
    notification_pb2.IF_NOT_NOW_HOLD: "hold",
    notification_pb2.IF_NOT_NOW_DROP: "drop",
}
IF_UNRESOLVED: Final = {
    notification_pb2.IF_UNRESOLVED_RESEND_ONCE: "resend_once",
    notification_pb2.IF_UNRESOLVED_HOLD: "hold",
}
VERDICTS: Final = {
    consent_pb2.CONSENT_VERDICT_GRANTED: "granted",
    consent_pb2.CONSENT_VERDICT_REVOKED: "revoked",
}

PLACE_FIELDS: Final = ("country", "subdivision", "postal_code")

FARTHEST: Final = datetime.timedelta(days=35)
SOON, WEEK = datetime.timedelta(minutes=1), datetime.timedelta(days=7)


def parse(message: notification_pb2.NotificationRequest, caller: str, now: datetime.datetime) -> Request:
    """A valid request.

    Args:
        message: as it came.
        caller: who submits it.
        now: business time.

    Raises:
        RejectedError: for the first field that is wrong.
    """
    request_id = fields.match("request_id", message.request_id, fields.REQUEST_ID)
    account_id = fields.match("account_id", message.account_id, fields.ACCOUNT_ID)
    if not 1 <= message.round <= 10_000:
        raise RejectedError("round", "is not from 1 to 10000", "use 1 for the first submission")
    not_before, not_after = _window(message, now)
    role, message_class = _audience(message)
    if message.traceparent:
        fields.match("traceparent", message.traceparent, fields.TRACEPARENT)
    addresses = _addresses(message.recipient)
    fields.choice("lane", message.lane, LANES)
    return Request(
        caller=caller,
        notification_id=notification_id(caller, account_id, request_id),
        content_hash=hashlib.sha256(message.SerializeToString(deterministic=True)).digest(),
        request_id=request_id,
        round=message.round,
        account_id=account_id,
        sender_scope=fields.match("sender_scope", message.sender_scope, fields.NAME) if message.sender_scope else "",
        concern=fields.match("concern", message.concern, fields.CONCERN),
        kind=fields.match("kind", message.kind, fields.NAME),
        labels=_labels(message),
        person_id=fields.match("recipient.person_id", message.recipient.person_id, fields.PERSON),
        role=role,
        addresses=addresses,
        languages=_languages(message.recipient),
        time_zones=_zones(message.recipient),
        places=_places(message.recipient),
        message_class=message_class,
        lane=message.lane,
        channels=_channels(message),
        not_before=not_before,
        not_after=not_after,
        truth_read_at=fields.moment("truth_read_at", message.truth_read_at, present=message.HasField("truth_read_at")),
        if_not_now=fields.choice("if_not_now", message.if_not_now, IF_NOT_NOW),
        if_unresolved=fields.choice("if_unresolved", message.if_unresolved, IF_UNRESOLVED)
        if message.if_unresolved
        else "",
        template=fields.match("template", message.template, fields.NAME),
        variant=fields.match("variant", message.variant, fields.NAME) if message.variant else "default",
        values=parse_values(message.values),
        evidence=tuple(
            _evidence(f"consent_evidence[{index}]", one, len(addresses))
            for index, one in enumerate(_several("consent_evidence", message.consent_evidence, 10))
        ),
        question=_question(message.challenge, now) if message.HasField("challenge") else None,
        traceparent=message.traceparent,
        dry_run=message.dry_run,
    )


def _several(field: str, repeated: Any, most: int) -> Any:
    fields.at_most(field, len(repeated), most)
    return repeated


def _labels(message: notification_pb2.NotificationRequest) -> dict[str, str]:
    labels = dict(_several("labels", message.labels, 16))
    for key, value in labels.items():
        fields.plain(f"labels.{fields.match('labels', key, fields.NAME)}", value, 200)
    return labels


def _channels(message: notification_pb2.NotificationRequest) -> tuple[str, ...]:
    channels = tuple(
        fields.choice(f"channels[{index}]", channel, CHANNELS)
        for index, channel in enumerate(_several("channels", message.channels, len(CHANNELS)))
    )
    if not channels or len(set(channels)) != len(channels):
        raise RejectedError(
            "channels", "are missing or name one twice", "give 1 to 3 different channels in the order to try them"
        )
    return channels


def _window(
    message: notification_pb2.NotificationRequest, now: datetime.datetime
) -> tuple[datetime.datetime | None, datetime.datetime]:
    not_after = fields.moment("not_after", message.not_after, present=message.HasField("not_after"))
    if not_after > now + FARTHEST:
        raise RejectedError("not_after", "is more than 35 days ahead", "submit it nearer to its time")
    if not message.HasField("not_before"):
        return None, not_after
    not_before = fields.moment("not_before", message.not_before)
    if not_before > not_after:
        raise RejectedError(
            "not_before", "is later than not_after", "give it an earlier time, or not_after a later one"
        )
    return not_before, not_after


def _audience(message: notification_pb2.NotificationRequest) -> tuple[str, str]:
    role = fields.choice("recipient.role", message.recipient.role, ROLES)
    message_class = fields.choice("message_class", message.message_class, CLASSES)
    if (role == "team") != (message_class == "team"):
        raise RejectedError(
            "message_class",
            f"does not fit a recipient of role {role}",
            "team messages go to the team, and nothing else does",
        )
    return role, message_class


def _addresses(recipient: recipient_pb2.Recipient) -> tuple[Address, ...]:
    parsed = []
    for index, address in enumerate(_several("recipient.addresses", recipient.addresses, 10)):
        where = f"recipient.addresses[{index}]"
        fields.at_most(f"{where}.number", len(address.number), 64)
        hints = tuple(
            fields.match(f"{where}.region_hints[{number}]", hint, fields.REGION).upper()
            for number, hint in enumerate(_several(f"{where}.region_hints", address.region_hints, 8))
        )
        first_seen_at = (
            fields.moment(f"{where}.first_seen_at", address.first_seen_at)
            if address.HasField("first_seen_at")
            else None
        )
        source = fields.match(f"{where}.source", address.source, fields.SOURCE)
        candidate = Candidate(address.number, source, hints)
        parsed.append(Address(candidate, first_seen_at, address.given_in_transaction, address.replaced_another))
    return tuple(parsed)


def _languages(recipient: recipient_pb2.Recipient) -> tuple[str, ...]:
    return tuple(
        fields.match(f"recipient.languages[{index}]", language, fields.LANGUAGE).replace("_", "-")
        for index, language in enumerate(_several("recipient.languages", recipient.languages, 10))
    )


def _zones(recipient: recipient_pb2.Recipient) -> tuple[str, ...]:
    return tuple(
        fields.zone(f"recipient.time_zones[{index}]", zone)
        for index, zone in enumerate(_several("recipient.time_zones", recipient.time_zones, 10))
    )


def _places(recipient: recipient_pb2.Recipient) -> tuple[Place, ...]:
    # customers type them: what cannot be read is not used, and no reason to leave them without their message
    return tuple(
        Place(*(_bounded(f"recipient.places[{index}].{name}", getattr(place, name), 200) for name in PLACE_FIELDS))
        for index, place in enumerate(_several("recipient.places", recipient.places, 10))
    )


def _evidence(where: str, message: consent_pb2.ConsentEvidence, addresses: int) -> Evidence:
    if message.address_index >= addresses:
        raise RejectedError(f"{where}.address_index", "names no address", "use an index of recipient.addresses")
    return Evidence(
        address_index=message.address_index,
        channels=_choices(f"{where}.channels", message.channels, CHANNELS),
        classes=_choices(f"{where}.classes", message.classes, CLASSES),
        granted=fields.choice(f"{where}.verdict", message.verdict, VERDICTS) == "granted",
        source=_evidence_source(f"{where}.source", message.source),
        given_at=fields.moment(f"{where}.given_at", message.given_at, present=message.HasField("given_at")),
        content={
            "wording": _bounded(f"{where}.wording", message.wording, 2_000),
            "wording_version": _bounded(f"{where}.wording_version", message.wording_version, 64),
            "language": _bounded(f"{where}.language", message.language, 35),
            "reference": _bounded(f"{where}.reference", message.reference, 256),
        },
    )


def _choices(field: str, given: Any, choices: Mapping[Any, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fields.choice(field, one, choices) for one in _several(field, given, len(choices))))


def _evidence_source(field: str, source: str) -> str:
    if source in RESERVED_SOURCES or source.isdigit():  # else a caller could lift an opt-out in the recipient's name
        raise RejectedError(field, "is a name that notify uses itself", "name the place where the person said it")
    return fields.match(field, source, fields.SOURCE)


def _bounded(field: str, text: str, most: int) -> str:
    fields.at_most(field, len(text), most)
    return text


def _question(challenge: challenge_pb2.Challenge, now: datetime.datetime) -> Question:
    within = fields.duration("challenge.answer_within", challenge.answer_within)
    if not SOON <= within <= WEEK:
        raise RejectedError("challenge.answer_within", "is not from 1 minute to 7 days", "give the time to answer")
    answer_by = fields.moment("challenge.answer_by", challenge.answer_by, present=challenge.HasField("answer_by"))
    if answer_by <= now:
        raise RejectedError("challenge.answer_by", "has passed", "give a later time")
    identity = fields.match("challenge.challenge_id", challenge.challenge_id, fields.REQUEST_ID)
    return Question(identity, within, answer_by, challenge.moves_money)
