"""What is read of an event before it is stored: only what decides where it belongs. Pure."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from ingest_service.accounts import Account
from ingest_service.inbox.lanes import HANDLED, lane_of

DEEPEST: Final = 64
LONGEST_ID: Final = 255


class UnreadableError(ValueError):
    """Signed, but no event that can be read; the message says why and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event as it is stored.

    Attributes:
        state: ``received``, or ``ignored`` and ``set_aside`` with a reason.
        created_at: Stripe's time.
        raw: the bytes as they were signed.
    """

    account_id: str
    event_id: str
    type: str
    api_version: str
    lane: int
    source: str
    created_at: datetime.datetime
    state: str
    reason: str | None
    raw: bytes


_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"{}[]")


def too_deep(raw: bytes, deepest: int = DEEPEST) -> bool:
    """Whether the brackets of a JSON text nest deeper than allowed.

    Brackets inside strings count too, which is quick and good enough: the parser has a limit of its own that cannot be fooled,
    and only what Stripe signed comes here.
    """
    depth = 0
    for byte in raw.translate(None, _NOT_BRACKETS):
        if byte in b"{[":
            depth += 1
            if depth > deepest:
                return True
        else:
            depth -= 1
    return False


def read(raw: bytes) -> Mapping[str, Any]:
    """The event as plain JSON.

    Raises:
        UnreadableError: where it is none.
    """
    if too_deep(raw):
        raise UnreadableError(f"its JSON nests deeper than {DEEPEST} levels")
    try:
        event = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise UnreadableError("it is not JSON") from None
    if not isinstance(event, dict):
        raise UnreadableError("it is not a JSON object")
    return event


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    return value if isinstance(value, str) and len(value) <= LONGEST_ID and "\x00" not in value else ""


def _created(event: Mapping[str, Any], now: datetime.datetime) -> datetime.datetime:
    created = event.get("created")
    try:
        if isinstance(created, int) and not isinstance(created, bool):
            return datetime.datetime.fromtimestamp(created, datetime.UTC)
        if isinstance(created, str):
            moment = datetime.datetime.fromisoformat(created)
            return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return now


def arrival(account: Account, event: Mapping[str, Any], raw: bytes, source: str, now: datetime.datetime) -> Arrival:
    """Where an event of this account belongs.

    Raises:
        UnreadableError: where it has no id.
    """
    event_id, event_type = _text(event, "id"), _text(event, "type")
    if not event_id:
        raise UnreadableError("it has no id")
    state, reason = _state(account, event, event_type, source)
    return Arrival(
        account.account_id,
        event_id,
        event_type,
        _text(event, "api_version"),
        lane_of(event_type),
        source,
        _created(event, now),
        state,
        reason,
        raw,
    )


def _whose(account: Account, event: Mapping[str, Any], source: str) -> str | None:
    """The Stripe account an event is of. What we listed ourselves does not name it: the key and the header of the question do."""
    named = event.get("account") or None
    return account.stripe_account if named is None and source == "poll" else named


def _state(account: Account, event: Mapping[str, Any], event_type: str, source: str) -> tuple[str, str | None]:
    if event.get("object") == "v2.core.event":
        return "set_aside", "it is a thin event: create the endpoint with snapshot payloads"
    if event.get("object") != "event" or not event_type:
        return "set_aside", "it is not an event of Stripe's"
    if _whose(account, event, source) != account.stripe_account:
        return (
            "set_aside",
            f"it is of another Stripe account than {account.account_id}: point that account's endpoint at its own path",
        )
    if bool(event.get("livemode")) != account.livemode:
        ours, theirs = ("live", "test") if account.livemode else ("test", "live")
        return (
            "set_aside",
            f"it is from {theirs} mode and {account.account_id} is in {ours} mode: use an account of its own for each",
        )
    if event_type not in HANDLED:
        return "ignored", f"no flow uses {event_type}"
    return "received", None
