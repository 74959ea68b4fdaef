"""How a call that did not bring the message through ends or goes on: again later, another channel, handed back, the end. Pure."""

from dataclasses import replace
from datetime import timedelta
from typing import assert_never

from . import backoff, codes
from .call_outcome import NotSent, Refused
from .case import Attempt, Case, Counted, Effect, Ended, HandedBack, Notification, Now, OptedOutAtProvider, Route, Step
from .codes import CodeClass
from .states import ENDS, NotificationState

_HAND_BACK_FROM = timedelta(seconds=60)
"""A wait longer than this is the caller's to decide about."""


def not_sent(case: Case, outcome: NotSent, now: Now) -> Step:
    """Certainly not processed. The row waits and goes again; nothing is lost and nothing can be doubled by it."""
    attempt = replace(
        case.attempt,
        state="not_sent",
        witness="response",
        detail=outcome.cause,
        check_at=None,
        resolved_at=now.database,
    )
    if not under_way(case):
        return Step(Case(case.notification, attempt))
    wait = backoff.NOT_SENT.wait(case.notification.attempts, now.jitter, outcome.retry_after)
    if outcome.cause == "not_started":
        wait = 0.0
    return _put_off(Case(case.notification, attempt), timedelta(seconds=wait), 0, now)


def refused(case: Case, outcome: Refused, now: Now, route: Route) -> Step:
    judged = codes.of_refusal(outcome.code, outcome.http_status)
    meaning = judged.meaning
    effects: list[Effect] = [] if judged.known else [Counted("unknown_code")]
    attempt = replace(
        case.attempt,
        state="rejected",
        witness="response",
        provider_code=outcome.code,
        check_at=None,
        resolved_at=now.database,
    )
    case = Case(case.notification, attempt)
    if meaning.code_class is CodeClass.OPTED_OUT:
        effects.append(OptedOutAtProvider(attempt.channel, outcome.code))
    if not under_way(case):
        return Step(case, tuple(effects))
    step = _after_refusal(case, meaning, outcome.code, now, route)
    return Step(step.case, (*effects, *step.effects))


def failed_after_acceptance(case: Case, state: NotificationState, code: int, now: Now, route: Route) -> Step:
    notification, attempt = case.notification, case.attempt
    judged = codes.of_delivery(code)
    effects: list[Effect] = [] if judged.known else [Counted("unknown_code")]
    if judged.meaning.code_class is CodeClass.OPTED_OUT:
        effects.append(OptedOutAtProvider(attempt.channel, code))
    left = _channels_left(notification, attempt, route)
    if (
        notification.if_not_now == "hand_back"
        and judged.meaning.other_channel
        and left
        and notification.state in ("accepted", "sent")
        and now.business < notification.not_after
    ):
        back = replace(
            moved(notification, "handed_back", now),
            reason="channel_failed",
            provider_code=code,
            channels=left,
            due_at=now.business,
        )
        return Step(Case(back, attempt), (*effects, HandedBack(now.business)))
    reason = _reason(judged.meaning.code_class) if code else "carrier"
    step = ended(case, state, "carrier" if reason == "number_refused" else reason, code, now)
    return Step(step.case, (*effects, *step.effects))


def ended(
    case: Case, state: NotificationState, reason: str | None, code: int, now: Now, *, corrects: bool = False
) -> Step:
    corrects = corrects or case.notification.state in ENDS or case.attempt.accepted_late
    notification = replace(moved(case.notification, state, now), reason=reason, provider_code=code)
    return Step(Case(notification, case.attempt), (Ended(corrects),))


def moved(notification: Notification, state: NotificationState, now: Now) -> Notification:
    return replace(notification, state=state, due_at=None, detail=None, state_at=now.business)


def follows(case: Case) -> bool:
    """Whether this attempt is the notification's newest one."""
    return case.attempt.number == case.notification.attempts


def under_way(case: Case) -> bool:
    return follows(case) and case.notification.state in ("sending", "unresolved")


def join(first: Step, second: Step) -> Step:
    return Step(second.case, (*first.effects, *second.effects))


def _after_refusal(case: Case, meaning: codes.Meaning, code: int, now: Now, route: Route) -> Step:
    notification, attempt = case.notification, case.attempt
    if meaning.code_class is CodeClass.OPTED_OUT:
        return ended(case, "suppressed", "opted_out", code, now)
    left = _channels_left(notification, attempt, route) if meaning.other_channel else ()
    if left:
        sender = route(left[0])
        assert sender is not None
        queued = replace(
            moved(notification, "queued", now),
            channels=left,
            sender=sender,
            due_at=now.business,
            provider_code=code,
            reason=None,
        )
        return Step(Case(queued, attempt))
    if meaning.halts != "nothing":
        # The breaker keeps it from being tried at once; the row waits for the repair.
        queued = replace(
            moved(notification, "queued", now), due_at=now.business, provider_code=code, reason="sender_misconfigured"
        )
        return Step(Case(queued, attempt))
    if meaning.retry_seconds is not None:
        wait = timedelta(seconds=meaning.retry_seconds * (0.5 + now.jitter))
        return _put_off(case, wait, code, now)
    return ended(case, "failed", _reason(meaning.code_class), code, now)


def _put_off(case: Case, wait: timedelta, code: int, now: Now) -> Step:
    """Not now: a short wait is ours, a long one the caller's where it asked so."""
    notification = replace(case.notification, provider_code=code)
    until = now.business + wait
    if wait <= _HAND_BACK_FROM or notification.if_not_now == "hold":
        queued = replace(moved(notification, "queued", now), due_at=until, reason=None)
        return Step(Case(queued, case.attempt))
    if notification.if_not_now == "hand_back":
        back = replace(moved(notification, "handed_back", now), reason="backlog", due_at=until)
        return Step(Case(back, case.attempt), (HandedBack(until),))
    return ended(Case(notification, case.attempt), "suppressed", "backlog", code, now)


def _channels_left(notification: Notification, attempt: Attempt, route: Route) -> tuple[str, ...]:
    return tuple(c for c in notification.channels if c != attempt.channel and route(c) is not None)


def _reason(code_class: CodeClass) -> str:
    match code_class:
        case CodeClass.NUMBER:
            return "number_refused"
        case CodeClass.OPTED_OUT:
            return "opted_out"
        case CodeClass.CONFIGURATION:
            return "sender_misconfigured"
        case CodeClass.CONTENT:
            return "content_blocked"
        case CodeClass.REQUEST | CodeClass.WINDOW:
            return "request_refused"
        case CodeClass.BUSY | CodeClass.LATER | CodeClass.AMBIGUOUS | CodeClass.PREFERENCE:
            return "carrier"
        case _:
            assert_never(code_class)
