"""A step becomes a request: built once after the truth was read, as bytes that every retry resends. Pure and deterministic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from google.protobuf.timestamp_pb2 import Timestamp

from ingest_service.deciding.asking import answer_by, asks_of, step_numbers
from ingest_service.planning.answers import Asks
from ingest_service.planning.planner import challenge_id_of
from ingest_service.submitting.values import TEMPLATE_VALUES, Told, values_for
from notify.v1.challenge_pb2 import Challenge
from notify.v1.consent_pb2 import MessageClass
from notify.v1.notification_pb2 import IfNotNow, IfUnresolved, Lane, NotificationRequest
from notify.v1.recipient_pb2 import CandidateAddress, Channel, Place, Recipient, RecipientRole

_CHANNELS: Final = {"sms": Channel.CHANNEL_SMS, "voice": Channel.CHANNEL_VOICE, "whatsapp": Channel.CHANNEL_WHATSAPP}
_CLASSES: Final = {
    "transactional": MessageClass.MESSAGE_CLASS_TRANSACTIONAL,
    "urgent": MessageClass.MESSAGE_CLASS_TRANSACTIONAL_URGENT,
    "marketing": MessageClass.MESSAGE_CLASS_MARKETING,
    "team": MessageClass.MESSAGE_CLASS_TEAM,
}
_NOT_NOW: Final = {
    "hand_back": IfNotNow.IF_NOT_NOW_HAND_BACK,
    "hold": IfNotNow.IF_NOT_NOW_HOLD,
    "drop": IfNotNow.IF_NOT_NOW_DROP,
}
_UNRESOLVED: Final = {"resend_once": IfUnresolved.IF_UNRESOLVED_RESEND_ONCE, "hold": IfUnresolved.IF_UNRESOLVED_HOLD}
_LANES: Final = {1: Lane.LANE_FRAUD, 2: Lane.LANE_PAYMENT, 3: Lane.LANE_RECEIPT, 4: Lane.LANE_MARKETING}
_LABEL_PREFIXES: Final = {
    "in": "invoice",
    "pi": "payment_intent",
    "ch": "charge",
    "py": "charge",
    "re": "refund",
    "pyr": "refund",
    "du": "dispute",
    "dp": "dispute",
    "sub": "subscription",
    "pm": "payment_method",
}

# notify's limits, kept here so that a customer's odd record cannot make a request that is refused
_MOST_ADDRESSES: Final = 10
_LONGEST_NUMBER: Final = 64
_MOST_HINTS: Final = 8
_MOST_LANGUAGES: Final = 10
_FURTHEST_END: Final = timedelta(days=35)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Freezable:
    """Everything a request is made of. Times are business time."""

    account_id: str
    plan_id: str
    request_id: str
    round: int
    concern: str
    flow: str
    lane: int
    number: int
    not_after: datetime
    truth_read_at: datetime
    fact: Json  # the plan's newest fact
    variant: str
    blueprint: Json  # the step as the rule had it
    default_zone: ZoneInfo
    traceparent: str = ""
    link: str = ""


def freeze(step: Freezable) -> bytes:
    """The bytes of the NotificationRequest; equal for equal steps, on every machine."""
    return request(step).SerializeToString(deterministic=True)


def request(step: Freezable) -> NotificationRequest:
    """The request itself."""
    blueprint, template = step.blueprint, str(step.blueprint["template"])
    asks = asks_of(blueprint)
    last = answer_by(step.fact, asks) if asks is not None else step.not_after
    names = tuple(blueprint["values"]) if "values" in blueprint else TEMPLATE_VALUES.get(template, ("amount",))
    return NotificationRequest(
        request_id=step.request_id,
        round=step.round,
        account_id=step.account_id,
        concern=step.concern,
        kind=str(step.fact["kind"]),
        labels=_labels(step),
        recipient=_recipient(step),
        message_class=_CLASSES[blueprint["class"]],
        lane=_LANES[step.lane],
        channels=[_CHANNELS[name] for name in blueprint["channels"]],
        not_after=_timestamp(min(step.not_after, last, step.truth_read_at + _FURTHEST_END)),
        truth_read_at=_timestamp(step.truth_read_at),
        if_not_now=_NOT_NOW[blueprint["if_not_now"]],
        if_unresolved=_UNRESOLVED[blueprint["if_unresolved"]],
        template=template,
        variant=str(blueprint.get("variant", step.variant)),
        values=values_for(
            names, Told(step.fact, step.truth_read_at, _zone(step), step.link, to_team="member" in blueprint)
        ),
        challenge=_challenge(step, asks, last) if asks is not None else None,
        traceparent=step.traceparent,
    )


def _challenge(step: Freezable, asks: Asks, last: datetime) -> Challenge:
    challenge_id = challenge_id_of(step.account_id, step.plan_id, step.number if asks.each else None)
    challenge = Challenge(challenge_id=challenge_id, answer_by=_timestamp(last), moves_money=asks.moves_money)
    challenge.answer_within.FromTimedelta(asks.answer_within)
    return challenge


def _timestamp(at: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(at.astimezone(UTC))
    return stamp


def _zone(step: Freezable) -> ZoneInfo:
    for name in step.fact["person"].get("time_zones") or ():
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            continue
    return step.default_zone


def _labels(step: Freezable) -> dict[str, str]:
    fact, attributes = step.fact, step.fact["attributes"]
    labels = {"flow": step.flow, "rule": step.blueprint["rule"], "step": str(step.number), "event": fact["event_id"]}
    for subject in (fact["subject_id"], step.concern.partition(":")[2].partition("/")[0], fact["customer_id"]):
        name = _LABEL_PREFIXES.get(str(subject or "").partition("_")[0])
        if name:
            labels.setdefault(name, str(subject))
    for name in ("invoice", "payment_intent", "charge", "refund", "dispute"):
        if isinstance(attributes.get(name), str) and attributes[name]:
            labels.setdefault(name, attributes[name])
    if fact["customer_id"]:
        labels["customer"] = fact["customer_id"]
    return {name: str(value)[:200] for name, value in labels.items()}


def _recipient(step: Freezable) -> Recipient:
    member = step.blueprint.get("member")
    if member is not None:
        return Recipient(
            person_id=member["person_id"],
            role=RecipientRole.RECIPIENT_ROLE_TEAM,
            addresses=[CandidateAddress(number=member["number"], source="rules.team")],
            languages=list(member["languages"])[:_MOST_LANGUAGES],
            time_zones=list(member["time_zones"]),
        )
    person = step.fact["person"]
    addresses = step_numbers(step.fact, step.blueprint, step.truth_read_at)
    return Recipient(
        person_id=str(person.get("customer_id") or step.fact["customer_id"] or step.fact["subject_id"])[:128],
        role=RecipientRole.RECIPIENT_ROLE_CUSTOMER,
        addresses=list(_addresses(addresses)),
        languages=[str(tag) for tag in person.get("languages") or ()][:_MOST_LANGUAGES],
        time_zones=[str(zone) for zone in person.get("time_zones") or ()][:10],
        places=[_place(place) for place in (person.get("places") or ())[:10]],
    )


def _addresses(candidates: Iterable[Json]) -> Iterable[CandidateAddress]:
    usable = [
        each
        for each in candidates
        if isinstance(each.get("number"), str) and 0 < len(each["number"]) <= _LONGEST_NUMBER
    ]
    for each in usable[:_MOST_ADDRESSES]:
        address = CandidateAddress(
            number=each["number"].encode("utf-8", "replace").decode(),
            source=str(each.get("source") or "customer.phone"),
            region_hints=[str(hint) for hint in each.get("region_hints") or ()][:_MOST_HINTS],
            given_in_transaction=bool(each.get("given_in_transaction")),
            replaced_another=bool(each.get("replaced_another")),
        )
        if isinstance(each.get("first_seen_at"), int | float):
            address.first_seen_at.FromNanoseconds(int(each["first_seen_at"] * 1_000_000_000))
        yield address


def _place(place: Json) -> Place:
    return Place(
        country=str(place.get("country") or ""),
        subdivision=str(place.get("subdivision") or ""),
        postal_code=str(place.get("postal_code") or ""),
    )
