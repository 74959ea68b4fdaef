"""What an answer, a callback, a listing or the passing of time makes of an attempt and its notification. Pure.

Each function takes both rows as they are under lock and gives what they become. Whatever witness comes first binds the
provider's id; a witness that comes late binds too, because that is how a double is noticed at all.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from . import backoff, ranks
from .call_outcome import Accepted, CallOutcome, NotSent, Refused, Unknown
from .case import Attempt, Case, Counted, Effect, Notification, Now, Receipt, Route, Step, Times, Witness
from .endings import ended, failed_after_acceptance, follows, join, moved, not_sent, refused
from .states import ALIVE

_OPEN = ("intent", "unknown")


def answered(case: Case, outcome: CallOutcome, now: Now, times: Times, route: Route) -> Step:
    """The create call came to `outcome`. An answer that comes after another witness changes nothing it contradicts."""
    attempt = case.attempt
    match outcome:
        case Accepted(sid, status):
            step = bound(case, sid, "response", now, times)
            if step.case.attempt.sid != sid:
                return step
            return join(step, _progressed(step.case, status, 0, now, route)) if status else step
        case Unknown(cause, http_status):
            if attempt.state != "intent":
                return Step(case)
            return unknown(case, f"{cause} {http_status}" if http_status else cause, now, times)
        case NotSent() | Refused():
            if attempt.state not in _OPEN:
                return Step(case, (Counted("contradiction"),) if attempt.state == "accepted" else ())
            if isinstance(outcome, NotSent):
                return not_sent(case, outcome, now)
            return refused(case, outcome, now, route)
        case _:
            assert_never(outcome)


def unknown(case: Case, detail: str, now: Now, times: Times) -> Step:
    """Nobody can say whether the provider took it: the resolver will look when a listing can prove something."""
    attempt = replace(case.attempt, state="unknown", detail=detail, check_at=case.attempt.not_after + times.settle)
    notification = case.notification
    if follows(case) and notification.state == "sending":
        notification = replace(notification, state="unresolved", detail=detail, state_at=now.business)
    return Step(Case(notification, attempt), (Counted("unresolved"),))


def lapsed(case: Case, now: Now, times: Times) -> Step:
    """The attempt is still an intent long after its call must have ended: whoever made it is gone."""
    if case.attempt.state != "intent" or now.database < case.attempt.not_after + times.timeout + times.lapse:
        return Step(case)
    step = unknown(case, "lapsed", now, times)
    return Step(step.case, (*step.effects, Counted("lapsed")))


def bound(case: Case, sid: str, witness: Witness, now: Now, times: Times) -> Step:
    """A witness names the provider's id. From any state: the earliest one wins, a late one still binds."""
    notification, attempt = case.notification, case.attempt
    if attempt.state == "accepted":
        if attempt.sid == sid:
            return Step(case)
        marked = replace(notification, possible_duplicate=True)
        return Step(Case(marked, replace(attempt, possible_duplicate=True)), (Counted("second_sid"),))
    late = attempt.state not in _OPEN
    effects: list[Effect] = [Counted("accepted_late")] if late else []
    attempt = replace(
        attempt,
        state="accepted",
        sid=sid,
        witness=witness,
        accepted_late=late,
        detail=None,
        check_at=now.database + times.first_look,
        resolved_at=now.database,
    )
    if attempt.number < notification.attempts and notification.state in ALIVE:
        # A later attempt took its place: the recipient may have it twice.
        effects.append(Counted("possible_duplicate"))
        return Step(
            Case(replace(notification, possible_duplicate=True), replace(attempt, possible_duplicate=True)),
            tuple(effects),
        )
    notification = replace(
        notification,
        state="accepted",
        reason=None,
        provider_code=0,
        detail=None,
        due_at=None,
        last_sid=sid,
        possible_duplicate=attempt.possible_duplicate,
        state_at=now.business,
    )
    return Step(Case(notification, attempt), tuple(effects))


def told(case: Case, word: Receipt, now: Now, times: Times, route: Route) -> Step:
    """A status of a message, from a callback, a listing or a look by id. It binds first, then moves forward."""
    step = bound(case, word.sid, "callback" if word.source == "callback" else "listing", now, times)
    step = Step(step.case, (*step.effects, word))
    if step.case.attempt.sid != word.sid:
        return step
    return join(step, _progressed(step.case, word.status, word.provider_code, now, route))


def not_listed(case: Case, now: Now, times: Times, *, concern_over: bool) -> Step:
    """A listing that succeeded does not show it. Two of them, late enough and apart, give the verdict."""
    notification, attempt = case.notification, case.attempt
    if attempt.state != "unknown":
        return Step(case)
    if now.database < attempt.not_after + times.settle:
        return Step(Case(notification, replace(attempt, check_at=attempt.not_after + times.settle)))
    if attempt.empty_listings == 0:
        again = replace(attempt, empty_listings=1, check_at=now.database + times.relist)
        return Step(Case(notification, again))
    attempt = replace(attempt, empty_listings=attempt.empty_listings + 1, check_at=None, resolved_at=now.database)
    given_up = replace(attempt, state="abandoned")
    if not follows(case) or notification.state != "unresolved":
        return Step(Case(notification, given_up))
    if concern_over:
        return ended(Case(notification, given_up), "cancelled", "concern_cancelled", 0, now)
    if now.business > notification.not_after:
        return ended(Case(notification, given_up), "expired", "expired", 0, now)
    if _may_repeat(notification, attempt):
        again = replace(attempt, state="not_sent", witness="listing", detail="two listings do not show it")
        queued = replace(
            moved(notification, "queued", now), due_at=now.business, possible_duplicate=True, reason="outcome_unknown"
        )
        return Step(Case(queued, again), (Counted("resent"),))
    held = replace(moved(notification, "held", now), reason="outcome_unknown", detail="two listings do not show it")
    return Step(Case(held, replace(given_up, check_at=_until_too_late(notification, now))), (Counted("held"),))


def looked_at(case: Case, now: Now, times: Times) -> Step:
    """The sweep has nothing new: look again later, give up after days, end what a person left undecided for too long."""
    notification, attempt = case.notification, case.attempt
    if attempt.state == "abandoned":
        if notification.state != "held":
            return Step(Case(notification, replace(attempt, check_at=None)))
        if now.business > notification.not_after:
            return ended(Case(notification, replace(attempt, check_at=None)), "expired", "expired", 0, now)
        return Step(Case(notification, replace(attempt, check_at=_until_too_late(notification, now))))
    if attempt.state != "accepted" or attempt.status_rank >= ranks.FINAL_RANK:
        return Step(Case(notification, replace(attempt, check_at=None)))
    age = now.database - attempt.created_at
    if age < times.give_up:
        seconds = backoff.next_look(
            age.total_seconds(), times.first_look.total_seconds(), times.longest_look.total_seconds()
        )
        return Step(Case(notification, replace(attempt, check_at=now.database + timedelta(seconds=seconds))))
    silent = Case(notification, replace(attempt, check_at=None))
    if notification.last_sid != attempt.sid or notification.state not in ("accepted", "sent"):
        return Step(silent)
    return ended(silent, "delivery_unknown", "carrier", 0, now)


def _progressed(case: Case, status: str, code: int, now: Now, route: Route) -> Step:
    """Moves the status of an accepted attempt forward, and the notification with it if it follows this message."""
    notification, attempt = case.notification, case.attempt
    if not ranks.moves(attempt.channel, attempt.status_rank, status):
        return Step(case)
    rank = ranks.rank(attempt.channel, status)
    assert rank is not None
    final = rank >= ranks.FINAL_RANK
    attempt = replace(
        attempt, status=status, status_rank=rank, provider_code=code, check_at=None if final else attempt.check_at
    )
    case = Case(notification, attempt)
    new = ranks.state_of(attempt.channel, status)
    if notification.last_sid != attempt.sid:
        # A double of ours. Only if the message that counts failed does this one's success say something new.
        if new in ("delivered", "read") and notification.state in ("failed", "undelivered"):
            instead = Case(replace(notification, last_sid=attempt.sid), attempt)
            return ended(instead, new, None, 0, now, corrects=True)
        return Step(case)
    match new:
        case "accepted":
            return Step(case)
        case "sent":
            if notification.state != "accepted":
                return Step(case)
            return Step(Case(moved(notification, "sent", now), attempt))
        case "delivered" | "read":
            if notification.state == "delivered":
                return Step(Case(moved(notification, "read", now), attempt))
            return ended(case, new, None, 0, now)
        case "undelivered" | "failed":
            return failed_after_acceptance(case, new, code, now, route)
        case _:
            assert_never(new)


def _may_repeat(notification: Notification, attempt: Attempt) -> bool:
    """One repetition, only where the request wants it; a second call or advertisement costs trust or law."""
    return (
        notification.if_unresolved == "resend_once"
        and not notification.possible_duplicate
        and attempt.channel != "voice"
        and notification.message_class != "marketing"
    )


def _until_too_late(notification: Notification, now: Now) -> datetime:
    left = notification.not_after - now.business + timedelta(seconds=1)
    return now.database + min(max(left, timedelta(seconds=1)), timedelta(hours=1))
