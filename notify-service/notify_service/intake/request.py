"""A valid request, and how one is read from the wire. Pure: every wrong field is named with reason and remedy."""

import datetime
import hashlib
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notify.v1 import challenge_pb2, consent_pb2, notification_pb2, recipient_pb2, value_pb2
from notify_service.intake.number import Candidate
from notify_service.words.values import Count, Day, Instant, Link, Money, Text, TextList, Value

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
ROLES: Final = {recipient_pb2.RECIPIENT_ROLE_CUSTOMER: "customer", recipient_pb2.RECIPIENT_ROLE_TEAM: "team"}
IF_NOT_NOW: Final = {
    notification_pb2.IF_NOT_NOW_UNSPECIFIED: "hold",
    notification_pb2.IF_NOT_NOW_HAND_BACK: "hand_back",
    notification_pb2.IF_NOT_NOW_HOLD: "hold",
    notification_pb2.IF_NOT_NOW_DROP: "drop",
}
IF_UNRESOLVED: Final = {
    notification_pb2.IF_UNRESOLVED_UNSPECIFIED: "",
    notification_pb2.IF_UNRESOLVED_RESEND_ONCE: "resend_once",
    notification_pb2.IF_UNRESOLVED_HOLD: "hold",
}
VERDICTS: Final = {consent_pb2.CONSENT_VERDICT_GRANTED: True, consent_pb2.CONSENT_VERDICT_REVOKED: False}

REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
ACCOUNT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CONCERN = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
PERSON = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")
SOURCE = re.compile(r"[a-z0-9_.]{1,64}")
REGION = re.compile(r"[A-Za-z]{2}")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}")
CURRENCY = re.compile(r"[A-Z]{3}")
TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

FARTHEST = datetime.timedelta(days=35)


class RejectedError(ValueError):
    """A request that is wrong.

    Attributes:
        field: as a path.
        remedy: what to do.
    """

    def __init__(self, field: str, reason: str, remedy: str) -> None:
        """``reason`` says what is wrong with it; it never holds a value."""
        super().__init__(reason)
        self.field, self.reason, self.remedy = field, reason, remedy


@dataclass(frozen=True, slots=True)
class Address:
    """A candidate number with its provenance."""

    candidate: Candidate
    first_seen_at: datetime.datetime | None
    given_in_transaction: bool
    replaced_another: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the caller knows of consent."""

    address_index: int
    channels: tuple[str, ...]
    classes: tuple[str, ...]
    granted: bool
    source: str
    given_at: datetime.datetime
    content: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """A challenge that the message carries."""

    challenge_id: str
    answer_within: datetime.timedelta
    answer_by: datetime.datetime
    moves_money: bool


@dataclass(frozen=True, slots=True)
class Request:
    """A valid request. See the contract for every field's meaning."""

    caller: str
    notification_id: uuid.UUID
    content_hash: bytes
    request_id: str
    round: int
    account_id: str
    sender_scope: str
    concern: str
    kind: str
    labels: Mapping[str, str]
    person_id: str
    role: str
    addresses: tuple[Address, ...]
    languages: tuple[str, ...]
    time_zones: tuple[str, ...]
    message_class: str
    lane: int
    channels: tuple[str, ...]
    not_before: datetime.datetime | None
    not_after: datetime.datetime
    truth_read_at: datetime.datetime
    if_not_now: str
    if_unresolved: str
    template: str
    variant: str
    values: Mapping[str, Value]
    evidence: tuple[Evidence, ...]
    question: Question | None
    traceparent: str
    dry_run: bool


def notification_id(caller: str, account_id: str, request_id: str) -> uuid.UUID:
    """The id of a request's notification: the same for the same request, for ever."""
    digest = hashlib.sha256(f"{caller}\x00{account_id}\x00{request_id}".encode()).digest()
    return uuid.UUID(bytes=digest[:16])


def _match(field: str, value: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(value):
        raise RejectedError(
            field,
            "is missing" if not value else "has characters or a length that are not allowed",
            f"use {pattern.pattern}",
        )
    return value


def _choice(field: str, value: int, choices: Mapping[Any, str]) -> str:
    found = choices.get(value)
    if found is None:
        raise RejectedError(
            field, "is missing or unknown", f"use one of {', '.join(filter(None, dict.fromkeys(choices.values())))}"
        )
    return found


def _at_most(field: str, length: int, most: int) -> None:
    if length > most:
        raise RejectedError(field, f"has {length}", f"at most {most} are allowed")


def _moment(field: str, message: Any, present: bool = True) -> datetime.datetime:
    if not present:
        raise RejectedError(field, "is missing", "give a time")
    try:
        moment: datetime.datetime = message.ToDatetime(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        raise RejectedError(field, "is no time between the years 1 and 9999", "give a time") from None
    return moment


def parse(message: notification_pb2.NotificationRequest, caller: str, now: datetime.datetime) -> Request:
    """A valid request.

    Args:
        message: as it came.
        caller: who submits it.
        now: business time.

    Raises:
        RejectedError: for the first field that is wrong.
    """
    request_id = _match("request_id", message.request_id, REQUEST_ID)
    account_id = _match("account_id", message.account_id, ACCOUNT_ID)
    if message.round < 1 or message.round > 10_000:
        raise RejectedError("round", "is not from 1 to 10000", "use 1 for the first submission")
    _at_most("labels", len(message.labels), 16)
    for key, value in message.labels.items():
        _match(f"labels.{key[:64]}", key, NAME)
        _at_most(f"labels.{key}", len(value), 200)
    channels = tuple(_choice(f"channels[{index}]", channel, CHANNELS) for index, channel in enumerate(message.channels))
    if not channels or len(set(channels)) != len(channels):
        raise RejectedError(
            "channels", "are missing or name one twice", "give 1 to 3 different channels in the order to try them"
        )
    not_after = _moment("not_after", message.not_after, message.HasField("not_after"))
    if not_after > now + FARTHEST:
        raise RejectedError("not_after", "is more than 35 days ahead", "submit it nearer to its time")
    if message.lane not in (1, 2, 3, 4):
        raise RejectedError("lane", "is missing or unknown", "use one of fraud, payment, receipt, marketing")
    not_before = _moment("not_before", message.not_before) if message.HasField("not_before") else None
    if not_before is not None and not_before > not_after:
        raise RejectedError(
            "not_before", "is later than not_after", "give it an earlier time, or not_after a later one"
        )
    role, message_class = (
        _choice("recipient.role", message.recipient.role, ROLES),
        _choice("message_class", message.message_class, CLASSES),
    )
    if (role == "team") != (message_class == "team"):
        raise RejectedError(
            "message_class",
            f"does not fit a recipient of role {role}",
            "team messages go to the team, and nothing else does",
        )
    if message.traceparent and not TRACEPARENT.fullmatch(message.traceparent):
        raise RejectedError(
            "traceparent", "is not a W3C trace context", "leave it empty or give version-trace-span-flags"
        )
    addresses = _addresses(message.recipient)
    return Request(
        caller=caller,
        notification_id=notification_id(caller, account_id, request_id),
        content_hash=hashlib.sha256(message.SerializeToString(deterministic=True)).digest(),
        request_id=request_id,
        round=message.round,
        account_id=account_id,
        sender_scope=_match("sender_scope", message.sender_scope, NAME) if message.sender_scope else "",
        concern=_match("concern", message.concern, CONCERN),
        kind=_match("kind", message.kind, NAME),
        labels=dict(message.labels),
        person_id=_match("recipient.person_id", message.recipient.person_id, PERSON),
        role=role,
        addresses=addresses,
        languages=_languages(message.recipient),
        time_zones=_zones(message.recipient),
        message_class=message_class,
        lane=message.lane,
        channels=channels,
        not_before=not_before,
        not_after=not_after,
        truth_read_at=_moment("truth_read_at", message.truth_read_at, message.HasField("truth_read_at")),
        if_not_now=_choice("if_not_now", message.if_not_now, IF_NOT_NOW),
        if_unresolved=_if_unresolved(message.if_unresolved),
        template=_match("template", message.template, NAME),
        variant=_match("variant", message.variant, NAME) if message.variant else "default",
        values=_values(message.values),
        evidence=_evidence(message.consent_evidence, len(addresses)),
        question=_question(message.challenge, now) if message.HasField("challenge") else None,
        traceparent=message.traceparent,
        dry_run=message.dry_run,
    )


def _if_unresolved(value: int) -> str:
    if value not in IF_UNRESOLVED:
        raise RejectedError("if_unresolved", "is unknown", "use resend_once, hold or leave it out")
    return IF_UNRESOLVED[value]  # type: ignore[index]


def _addresses(recipient: recipient_pb2.Recipient) -> tuple[Address, ...]:
    _at_most("recipient.addresses", len(recipient.addresses), 10)
    _at_most("recipient.places", len(recipient.places), 10)
    parsed = []
    for index, address in enumerate(recipient.addresses):
        where = f"recipient.addresses[{index}]"
        _at_most(f"{where}.number", len(address.number), 64)
        _at_most(f"{where}.region_hints", len(address.region_hints), 8)
        hints = tuple(
            _match(f"{where}.region_hints[{number}]", hint, REGION).upper()
            for number, hint in enumerate(address.region_hints)
        )
        parsed.append(
            Address(
                Candidate(address.number, _match(f"{where}.source", address.source, SOURCE), hints),
                _moment(f"{where}.first_seen_at", address.first_seen_at) if address.HasField("first_seen_at") else None,
                address.given_in_transaction,
                address.replaced_another,
            )
        )
    return tuple(parsed)


def _languages(recipient: recipient_pb2.Recipient) -> tuple[str, ...]:
    _at_most("recipient.languages", len(recipient.languages), 10)
    return tuple(
        _match(f"recipient.languages[{index}]", language, LANGUAGE).replace("_", "-")
        for index, language in enumerate(recipient.languages)
    )


def _zones(recipient: recipient_pb2.Recipient) -> tuple[str, ...]:
    _at_most("recipient.time_zones", len(recipient.time_zones), 10)
    for index, zone in enumerate(recipient.time_zones):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise RejectedError(
                f"recipient.time_zones[{index}]", "is no IANA zone", "use names such as Europe/Vienna"
            ) from None
    return tuple(recipient.time_zones)


def _money(field: str, money: value_pb2.Money) -> Value:
    _match(f"{field}.money.currency", money.currency, CURRENCY)
    if money.exponent > 4:
        raise RejectedError(
            f"{field}.money.exponent", "is more than 4", "give the digits behind the decimal point of minor_units"
        )
    return Money(money.minor_units, money.exponent, money.currency)


def _instant(field: str, instant: value_pb2.Instant) -> Value:
    if instant.zone:
        try:
            ZoneInfo(instant.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise RejectedError(f"{field}.instant.zone", "is no IANA zone", "use names such as Europe/Vienna") from None
    return Instant(_moment(f"{field}.instant.at", instant.at, instant.HasField("at")), instant.zone)


def _day(field: str, day: value_pb2.Day) -> Value:
    try:
        return Day(datetime.date(day.year, day.month, day.day))
    except ValueError:
        raise RejectedError(f"{field}.day", "is no day of the calendar", "give year, month and day") from None


def _link(field: str, link: value_pb2.Link) -> Value:
    _at_most(f"{field}.link.url", len(link.url), 512)
    return Link(link.url)


def _text(field: str, text: value_pb2.Text) -> Text:
    _at_most(f"{field}.text", len(text.text), 500)
    return Text(text.text, text.customer_typed)


def _texts(field: str, texts: value_pb2.TextList) -> Value:
    _at_most(f"{field}.texts", len(texts.items), 50)
    return TextList(tuple(_text(f"{field}.texts[{index}]", text) for index, text in enumerate(texts.items)))


_READERS: Final[Mapping[str, Callable[[str, Any], Value]]] = {
    "money": _money, "instant": _instant, "day": _day, "link": _link, "text": _text, "texts": _texts,
    "count": lambda _field, number: Count(number),
}  # fmt: skip


def _values(values: Mapping[str, value_pb2.Value]) -> dict[str, Value]:
    _at_most("values", len(values), 32)
    parsed = {}
    for name, value in values.items():
        field = f"values.{_match(f'values.{name[:64]}', name, NAME)}"
        kind = value.WhichOneof("value")
        if kind is None:
            raise RejectedError(field, "is empty", "set one of money, instant, day, link, text, texts, count")
        parsed[name] = _READERS[kind](field, getattr(value, kind))
    return parsed


def _evidence(messages: Any, addresses: int) -> tuple[Evidence, ...]:
    _at_most("consent_evidence", len(messages), 10)
    parsed = []
    for index, message in enumerate(messages):
        where = f"consent_evidence[{index}]"
        if message.address_index >= addresses:
            raise RejectedError(f"{where}.address_index", "names no address", "use an index of recipient.addresses")
        if message.verdict not in VERDICTS:
            raise RejectedError(f"{where}.verdict", "is missing or unknown", "use granted or revoked")
        _at_most(f"{where}.wording", len(message.wording), 2_000)
        _at_most(f"{where}.reference", len(message.reference), 256)
        _at_most(f"{where}.wording_version", len(message.wording_version), 64)
        parsed.append(
            Evidence(
                message.address_index,
                tuple(_choice(f"{where}.channels", channel, CHANNELS) for channel in message.channels),
                tuple(_choice(f"{where}.classes", one, CLASSES) for one in message.classes),
                VERDICTS[message.verdict],
                _match(f"{where}.source", message.source, SOURCE),
                _moment(f"{where}.given_at", message.given_at, message.HasField("given_at")),
                {
                    "wording": message.wording, "wording_version": message.wording_version, "language": message.language[:35],
                    "reference": message.reference,
                },
            )
        )  # fmt: skip
    return tuple(parsed)


def _question(challenge: challenge_pb2.Challenge, now: datetime.datetime) -> Question:
    within = challenge.answer_within.ToTimedelta() if challenge.HasField("answer_within") else datetime.timedelta()
    if not datetime.timedelta(minutes=1) <= within <= datetime.timedelta(days=7):
        raise RejectedError("challenge.answer_within", "is not from 1 minute to 7 days", "give the time to answer")
    answer_by = _moment("challenge.answer_by", challenge.answer_by, challenge.HasField("answer_by"))
    if answer_by <= now:
        raise RejectedError("challenge.answer_by", "has passed", "give a later time")
    return Question(
        _match("challenge.challenge_id", challenge.challenge_id, REQUEST_ID), within, answer_by, challenge.moves_money
    )
