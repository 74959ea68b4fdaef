"""What the lifecycle looks at and what it answers with: values, no behaviour. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from .states import AttemptState, NotificationState

Witness = Literal["response", "callback", "listing"]
ReceiptSource = Literal["callback", "listing", "sweep"]
Route = Callable[[str], str | None]
"""From a channel to the name of the sender that serves it; None where none is configured."""


@dataclass(frozen=True, slots=True)
class Notification:
    """The part of a notification's row that delivery decides on. Times are business time."""

    account_id: str
    notification_id: UUID
    created_on: date
    caller: str
    request_id: str
    round: int
    concern: str
    state: NotificationState
    reason: str | None
    provider_code: int
    detail: str | None
    sender_scope: str
    sender: str
    message_class: str
    channels: tuple[str, ...]
    not_after: datetime
    truth_read_at: datetime
    due_at: datetime | None
    if_not_now: str
    if_unresolved: str
    attempts: int
    last_sid: str | None
    possible_duplicate: bool
    state_at: datetime
    challenge_id: str | None = None

    @staticmethod
    def of_row(account_id: str, row: Any) -> "Notification":
        """From a row that holds its columns, and perhaps others."""
        values = {name: row[name] for name in _COLUMNS if name != "channels"}
        return Notification(account_id=account_id, channels=tuple(row["channels"]), **values)


_COLUMNS: Final = tuple(field.name for field in fields(Notification) if field.name != "account_id")
NOTIFICATION_COLUMNS: Final = ", ".join(f"n.{name}" for name in _COLUMNS)
"""What a statement selects of ``notification n`` for ``Notification.of_row``."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The part of an attempt's row that delivery decides on. Times are the database's."""

    number: int
    channel: str
    sender: str
    address_id: UUID
    state: AttemptState
    not_after: datetime
    created_at: datetime
    sid: str | None = None
    witness: Witness | None = None
    status: str | None = None
    status_rank: int = -1
    provider_code: int = 0
    detail: str | None = None
    empty_listings: int = 0
    check_at: datetime | None = None
    possible_duplicate: bool = False
    accepted_late: bool = False
    resolved_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt with the notification it belongs to, both locked."""

    notification: Notification
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Now:
    """One moment on both clocks, and a draw in [0, 1) for spreading retries."""

    business: datetime
    database: datetime
    jitter: float = 0.5


@dataclass(frozen=True, slots=True)
class Times:
    """The provider's times. Twilio publishes none of the first four: they are bounds we chose, and they scale together.

    `timeout`: one create call. `lapse`: behind it, until an attempt nobody reported on counts as unknown.
    `settle`: from the attempt's not_after until an empty listing says something (timeout, slowest accept, list lag).
    `relist`: between the two empty listings. `first_look`, `longest_look`: the sweep for statuses no callback brought.
    `give_up`: after it a message without a final status stays unknown.
    """

    timeout: timedelta = timedelta(seconds=10)
    lapse: timedelta = timedelta(seconds=5)
    settle: timedelta = timedelta(seconds=130)
    relist: timedelta = timedelta(seconds=30)
    first_look: timedelta = timedelta(hours=1)
    longest_look: timedelta = timedelta(hours=12)
    give_up: timedelta = timedelta(days=3)

    @staticmethod
    def scaled(factor: float, *, polled: bool) -> "Times":
        """The times times `factor` (1 against the real provider); polled: no callback can reach us, so look early."""
        plain = Times()
        return Times(
            timeout=plain.timeout * factor,
            lapse=plain.lapse * factor,
            settle=plain.settle * factor,
            relist=plain.relist * factor,
            first_look=timedelta(seconds=2) if polled else plain.first_look * factor,
            longest_look=timedelta(hours=1) if polled else plain.longest_look * factor,
            give_up=plain.give_up,
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """The caller is to be told of the end; `corrects` where an end may have been told before."""

    corrects: bool = False


@dataclass(frozen=True, slots=True)
class HandedBack:
    """The caller is to be told that the next round may be submitted after `until`."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Receipt:
    """A status to keep, once."""

    status: str
    provider_code: int
    sid: str
    source: ReceiptSource


@dataclass(frozen=True, slots=True)
class OptedOutAtProvider:
    """The provider holds an opt-out that the ledger must hold too."""

    channel: str
    provider_code: int


@dataclass(frozen=True, slots=True)
class Counted:
    """Something that a person should be able to see in numbers."""

    what: Literal[
        "accepted_late",
        "possible_duplicate",
        "resent",
        "held",
        "unknown_code",
        "second_sid",
        "contradiction",
        "lapsed",
        "unresolved",
    ]


Effect = Ended | HandedBack | Receipt | OptedOutAtProvider | Counted


@dataclass(frozen=True, slots=True)
class Step:
    """What the rows become, and what must be written beside them in the same transaction."""

    case: Case
    effects: tuple[Effect, ...] = ()
