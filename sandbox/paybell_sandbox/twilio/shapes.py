"""Messages and calls as Twilio writes them in JSON (Twilio's OpenAPI description, API version 2010-04-01)."""

import asyncio
import datetime
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

from paybell_sandbox.twilio.twiml import Gather

API_VERSION = "2010-04-01"

PRICE_OF_A_SEGMENT = Decimal("0.0083")
"""US dollars; Twilio fills it in after the message was sent."""


def rfc2822(moment: datetime.datetime | None) -> str | None:
    """A date as this API writes it: ``Mon, 16 Aug 2010 03:45:01 +0000``."""
    return None if moment is None else format_datetime(moment)


@dataclass(frozen=True)
class Report:
    """A status callback: of which status, with which fields."""

    what: str
    form: dict[str, str]


def account_json(sid: str) -> dict[str, Any]:
    """The account itself; its auth token is not shown."""
    uri = f"/{API_VERSION}/Accounts/{sid}"
    return {
        "auth_token": None, "date_created": None, "date_updated": None, "friendly_name": "Sandbox", "owner_account_sid": sid,
        "sid": sid, "status": "active", "subresource_uris": {"messages": f"{uri}/Messages.json", "calls": f"{uri}/Calls.json"},
        "type": "Full", "uri": f"{uri}.json",
    }  # fmt: skip


@dataclass
class Message:
    """A message that Twilio has: outgoing or received.

    Attributes:
        body: the words as they reach the person, until they are redacted.
        business_at: when it was made, in business time, for the phone.
        said: the words for the judge, whatever was redacted.
        early: set when its first callback was answered, where that is to come before the answer to the create call.
        deleted: whether the API shows it no more.
        held: callbacks that wait to go behind the next one.
    """

    sid: str
    account_sid: str
    to: str
    from_: str | None
    body: str
    direction: str
    status: str
    created: datetime.datetime
    business_at: datetime.datetime
    num_segments: int = 1
    messaging_service_sid: str | None = None
    status_callback: str = ""
    error_code: int | None = None
    sent: datetime.datetime | None = None
    updated: datetime.datetime | None = None
    num_media: int = 0
    deleted: bool = False
    early: asyncio.Event | None = None
    said: str = ""
    history: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    held: list[Report] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Keeps the words for the judge."""
        self.said = self.body

    @property
    def words(self) -> str:
        """What was said, whatever was redacted."""
        return self.said

    @property
    def price(self) -> str | None:
        """What it cost, negative as Twilio writes it; None until it was sent."""
        return None if self.sent is None else f"-{PRICE_OF_A_SEGMENT * self.num_segments:.5f}"

    @property
    def channel(self) -> str:
        """``sms`` or ``whatsapp``."""
        return "whatsapp" if self.to.startswith("whatsapp:") or (self.from_ or "").startswith("whatsapp:") else "sms"

    def to_json(self) -> dict[str, Any]:
        """The resource."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        hidden = self.messaging_service_sid is not None and self.status in ("accepted", "scheduled")
        return {
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "body": self.body,
            "date_created": rfc2822(self.created),
            "date_sent": rfc2822(self.sent),
            "date_updated": rfc2822(self.updated or self.created),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": None if hidden else self.from_,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": str(self.num_media),
            "num_segments": "0" if hidden else str(self.num_segments),
            "price": self.price,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def judged(self) -> dict[str, Any]:
        """All that is known of it, for tests and for the page."""
        return {
            "sid": self.sid, "kind": self.channel, "direction": self.direction, "to": self.to, "from": self.from_,
            "messaging_service_sid": self.messaging_service_sid, "body": self.said, "status": self.status,
            "error_code": self.error_code, "segments": self.num_segments, "created": self.created.isoformat(),
            "business_at": self.business_at.isoformat(), "deleted": self.deleted,
            "history": [dict(step) for step in self.history], "deliveries": [dict(line) for line in self.deliveries],
        }  # fmt: skip


@dataclass
class Call:
    """A call that Twilio makes.

    Attributes:
        machine_detection: as asked for: empty, ``Enable`` or ``DetectMessageEnd``.
        detection_callback: where the finding goes if the call does not wait for it.
        ring_seconds: how long it rings.
        said: what was spoken so far.
        gather: what it listens for, while it listens; ``typed`` are the keys so far.
        keys: set when enough of them were pressed.
        talk: the task that speaks.
        held: callbacks that wait to go behind the next one.
    """

    sid: str
    account_sid: str
    to: str
    from_: str
    twiml: str
    url: str
    status: str
    created: datetime.datetime
    business_at: datetime.datetime
    status_callback: str = ""
    status_events: tuple[str, ...] = ("completed",)
    machine_detection: str = ""
    detection_callback: str = ""
    ring_seconds: float = 60.0
    answered_by: str | None = None
    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None
    said: list[str] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    gather: Gather | None = None
    typed: str = ""
    deleted: bool = False
    keys: asyncio.Event = field(default_factory=asyncio.Event)
    talk: asyncio.Task[None] | None = None
    sequence: int = 0
    direction: str = "outbound-api"
    history: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    held: list[Report] = field(default_factory=list)

    @property
    def channel(self) -> str:
        """``call``."""
        return "call"

    @property
    def words(self) -> str:
        """All that was spoken."""
        return " ".join(self.said)

    def to_json(self) -> dict[str, Any]:
        """The resource."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Calls/{self.sid}"
        seconds = (
            None if self.ended is None or self.started is None else int((self.ended - self.started).total_seconds())
        )
        return {
            "account_sid": self.account_sid, "answered_by": self.answered_by, "api_version": API_VERSION,
            "caller_name": None, "date_created": rfc2822(self.created), "date_updated": rfc2822(self.ended or self.created),
            "direction": "outbound-api", "duration": None if seconds is None else str(seconds), "end_time": rfc2822(self.ended),
            "forwarded_from": None, "from": self.from_, "from_formatted": self.from_, "group_sid": None, "parent_call_sid": None,
            "phone_number_sid": None, "price": None, "price_unit": "USD", "queue_time": "0", "sid": self.sid,
            "start_time": rfc2822(self.started), "status": self.status,
            "subresource_uris": {
                name: f"{uri}/{path}.json"
                for name, path in (
                    ("notifications", "Notifications"), ("recordings", "Recordings"), ("payments", "Payments"), ("events", "Events"),
                    ("siprec", "Siprec"), ("streams", "Streams"), ("transcriptions", "Transcriptions"),
                    ("user_defined_message_subscriptions", "UserDefinedMessageSubscriptions"),
                    ("user_defined_messages", "UserDefinedMessages"),
                )
            },
            "to": self.to, "to_formatted": self.to, "trunk_sid": None, "uri": f"{uri}.json",
        }  # fmt: skip

    def judged(self) -> dict[str, Any]:
        """All that is known of it, for tests and for the page."""
        return {
            "sid": self.sid, "kind": self.channel, "direction": self.direction, "to": self.to, "from": self.from_, "body": self.words,
            "status": self.status, "answered_by": self.answered_by, "said": list(self.said), "pressed": list(self.pressed),
            "listening": self.gather is not None, "created": self.created.isoformat(), "business_at": self.business_at.isoformat(),
            "history": [dict(step) for step in self.history], "deliveries": [dict(line) for line in self.deliveries],
        }  # fmt: skip
