"""Made-up rows for the tests of delivery's pure parts."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from notify_service.delivery.case import Attempt, Case, Notification, Now, Times

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TIMES = Times()
SENDERS = {"sms": "main-sms", "voice": "main-voice"}


def route(channel: str) -> str | None:
    """Texts and calls have a sender here, WhatsApp has none."""
    return SENDERS.get(channel)


def notification(**changes: Any) -> Notification:
    """A text under way, for a caller that takes things back."""
    plain = Notification(
        account_id="main",
        notification_id=UUID(int=7),
        created_on=date(2026, 11, 23),
        caller="local",
        request_id="r-1",
        round=1,
        concern="invoice:in_1/unpaid",
        state="sending",
        reason=None,
        provider_code=0,
        detail=None,
        sender_scope="",
        sender="main-sms",
        message_class="transactional",
        channels=("sms",),
        not_after=START + timedelta(hours=4),
        truth_read_at=START,
        due_at=None,
        if_not_now="hand_back",
        if_unresolved="resend_once",
        attempts=1,
        last_sid=None,
        possible_duplicate=False,
        state_at=START,
    )
    return replace(plain, **changes)


def attempt(**changes: Any) -> Attempt:
    """Its first attempt, just committed."""
    plain = Attempt(
        number=1,
        channel="sms",
        sender="main-sms",
        address_id=UUID(int=9),
        state="intent",
        not_after=START + timedelta(seconds=10),
        created_at=START,
    )
    return replace(plain, **changes)


def case(n: dict[str, Any] | None = None, a: dict[str, Any] | None = None) -> Case:
    """Both."""
    return Case(notification(**(n or {})), attempt(**(a or {})))


def at(seconds: float) -> Now:
    """A moment after the start, on both clocks."""
    moment = START + timedelta(seconds=seconds)
    return Now(moment, moment)
