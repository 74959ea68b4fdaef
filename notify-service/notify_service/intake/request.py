"""A valid request. Pure."""

import datetime
import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notify_service.consent.number import Candidate
from notify_service.words.values import Value

OWN: Final = "~"
"""What the id of a request of notify's own begins with; no caller can give such a one, and none is told of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A candidate number with its provenance."""

    candidate: Candidate
    first_seen_at: datetime.datetime | None
    given_in_transaction: bool
    replaced_another: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person is known to be, as an address names it; what is not known is empty."""

    country: str
    subdivision: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the caller knows of consent; no channels or classes: all."""

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
    """A valid request. See the contract for every field's meaning.

    Attributes:
        content_hash: of the bytes as they came: equal round with another hash is another request.
        if_unresolved: ``""`` where the policy decides.
    """

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
    places: tuple[Place, ...]
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
