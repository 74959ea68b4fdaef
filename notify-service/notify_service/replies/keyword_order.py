"""Which of a number's stops and starts stands: what was written later, and of equal dates the stop. Pure.

Consent is decided by when the recipient wrote, not by when it reached us. A stop needs no date to close a gate; only whether
a start may open it again is asked here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Keyword:
    """A stop or a start. `provider_at`: when the provider got it, to the second; None where it was not asked yet."""

    sid: str
    channel: str
    received_at: datetime
    provider_at: datetime | None


def undated(keywords: Iterable[Keyword]) -> list[str]:
    """Whose dates have to be asked for."""
    return [keyword.sid for keyword in keywords if keyword.provider_at is None]


def stands(start: Keyword, stops: Sequence[Keyword]) -> bool | None:
    """Whether a start was written after every stop; None where that needs dates that are not known."""
    if any(_not_after(start, stop) for stop in stops if start.provider_at and stop.provider_at):
        return False
    return None if stops and undated([start, *stops]) else True


def stands_by_arrival(start: Keyword, stops: Sequence[Keyword]) -> bool:
    """The same by the dates there are, and by the order of arrival where there are none and there will be none."""
    return not any(_not_after(start, stop) for stop in stops)


def _not_after(start: Keyword, stop: Keyword) -> bool:
    if start.provider_at is None or stop.provider_at is None:
        return start.received_at <= stop.received_at
    return start.provider_at <= stop.provider_at
