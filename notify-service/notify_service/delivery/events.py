"""What can happen to an attempt, as values that are recorded in batches. Pure."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from .call_outcome import CallOutcome
from .case import Receipt


class AttemptKey(NamedTuple):
    """Names an attempt within an account."""

    created_on: date
    notification_id: UUID
    number: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Its call came to an outcome."""

    key: AttemptKey
    outcome: CallOutcome


@dataclass(frozen=True, slots=True)
class Told:
    """The provider told of a message that is this attempt's."""

    key: AttemptKey
    word: Receipt


@dataclass(frozen=True, slots=True)
class NotListed:
    """A listing succeeded and does not hold it. Counts only while the lease under which it was made still stands."""

    key: AttemptKey
    leased_until: datetime


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Its moment to be looked at came, and nobody knows more than the rows say."""

    key: AttemptKey


Event = Answered | Told | NotListed | TimePassed
