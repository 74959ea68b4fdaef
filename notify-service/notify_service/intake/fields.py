"""What a field may hold, and how a wrong one is named: with what is wrong and what to do, never with its value. Pure."""

import datetime
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
ACCOUNT_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
CONCERN: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
PERSON: Final = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")
SOURCE: Final = re.compile(r"[a-z0-9_.]{1,64}")
REGION: Final = re.compile(r"[A-Za-z]{2}")
LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8}){0,3}")
CURRENCY: Final = re.compile(r"[A-Z]{3}")
TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
SID: Final = re.compile(r"[A-Za-z0-9]{1,64}")


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


def match(field: str, value: str, pattern: re.Pattern[str]) -> str:
    """A value that has the form of ``pattern``."""
    if not pattern.fullmatch(value):
        raise RejectedError(
            field,
            "is missing" if not value else "has characters or a length that are not allowed",
            f"use {pattern.pattern}",
        )
    return value


def choice(field: str, value: int, choices: Mapping[Any, str]) -> str:
    """Our word for an enum's number."""
    found = choices.get(value)
    if found is None:
        raise RejectedError(
            field, "is missing or unknown", f"use one of {', '.join(filter(None, dict.fromkeys(choices.values())))}"
        )
    return found


def at_most(field: str, length: int, most: int) -> None:
    """Refuses what is too long or too many."""
    if length > most:
        raise RejectedError(field, f"has {length}", f"at most {most} are allowed")


def plain(field: str, text: str, most: int) -> str:
    """Text without control characters, which no table, log or telephone takes well."""
    at_most(field, len(text), most)
    if not text.isprintable() and any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise RejectedError(field, "has a control character", "send plain text")
    return text


def moment(field: str, message: Any, *, present: bool = True) -> datetime.datetime:
    """A time, UTC."""
    if not present:
        raise RejectedError(field, "is missing", "give a time")
    try:
        given: datetime.datetime = message.ToDatetime(tzinfo=datetime.UTC)
    except (ValueError, OverflowError):
        raise RejectedError(field, "is no time between the years 1 and 9999", "give a time") from None
    return given


def duration(field: str, message: Any) -> datetime.timedelta:
    """A length of time."""
    try:
        given: datetime.timedelta = message.ToTimedelta()
    except (ValueError, OverflowError):
        raise RejectedError(field, "is no duration", "give seconds and nanos of the same sign") from None
    return given


@lru_cache(maxsize=1024)
def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def zone(field: str, name: str) -> str:
    """An IANA zone."""
    if len(name) > 64 or not _is_zone(name):
        raise RejectedError(field, "is no IANA zone", "use names such as Europe/Vienna")
    return name
