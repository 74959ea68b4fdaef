"""Writes what happened to attempts: rows locked, the lifecycle asked, rows written, in one transaction for a whole batch.

Locks are taken in one order everywhere: notifications by id, then gates by id. The attempt rows need no lock of their own:
whoever changes one holds its notification.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, assert_never

from notify_service.challenges import store as challenges

from . import lifecycle, states
from .case import (
    NOTIFICATION_COLUMNS,
    Attempt,
    Case,
    Counted,
    Ended,
    HandedBack,
    Notification,
    Now,
    OptedOutAtProvider,
    Receipt,
    Step,
    Times,
)
from .events import Answered, AttemptKey, Event, NotListed, TimePassed, Told
from .ports import Gatekeeper, NewOutcome, Outcomes
from .senders import SendingAccount

_LOCK = f"""
SELECT {NOTIFICATION_COLUMNS}, clock_timestamp() AS database_now
FROM notification n WHERE n.account_id = $1 AND n.notification_id = ANY($2) ORDER BY n.notification_id FOR UPDATE
"""
_ATTEMPTS = """
SELECT a.created_on, a.notification_id, a.number, a.channel, a.sender, a.address_id, a.state, a.not_after, a.created_at, a.sid,
       a.witness, a.status, a.status_rank, a.provider_code, a.detail, a.empty_listings, a.check_at, a.possible_duplicate,
       a.accepted_late, a.resolved_at
FROM unnest($2::date[], $3::uuid[], $4::smallint[]) AS k (created_on, notification_id, number)
JOIN attempt a ON a.account_id = $1 AND a.created_on = k.created_on AND a.notification_id = k.notification_id AND a.number = k.number
"""
_CANCELLED = """
SELECT n.notification_id FROM notification n
JOIN concern_cancel c ON c.account_id = n.account_id AND c.caller = n.caller AND c.concern = n.concern
WHERE n.account_id = $1 AND n.notification_id = ANY($2) AND n.truth_read_at < c.as_of
"""
_WRITE_ATTEMPTS = """
UPDATE attempt a SET state = w.state, sid = w.sid, witness = w.witness, status = w.status, status_rank = w.status_rank,
       provider_code = w.provider_code, detail = w.detail, empty_listings = w.empty_listings, check_at = w.check_at,
       possible_duplicate = w.possible_duplicate, accepted_late = w.accepted_late, resolved_at = w.resolved_at
FROM unnest($2::date[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::smallint[], $10::int[],
            $11::text[], $12::smallint[], $13::timestamptz[], $14::bool[], $15::bool[], $16::timestamptz[])
     AS w (created_on, notification_id, number, state, sid, witness, status, status_rank, provider_code, detail, empty_listings,
           check_at, possible_duplicate, accepted_late, resolved_at)
WHERE a.account_id = $1 AND a.created_on = w.created_on AND a.notification_id = w.notification_id AND a.number = w.number
"""
_WRITE_NOTIFICATIONS = """
UPDATE notification n SET state = w.state, reason = w.reason, provider_code = w.provider_code, detail = w.detail, sender = w.sender,
       channels = string_to_array(w.channels, ','), due_at = w.due_at, last_sid = w.last_sid,
       possible_duplicate = w.possible_duplicate, state_at = w.state_at,
       failed_channels = n.failed_channels || coalesce(string_to_array(nullif(w.failed, ''), ','), '{}')
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[], $8::text[], $9::timestamptz[], $10::text[],
            $11::bool[], $12::timestamptz[], $13::text[])
     AS w (notification_id, state, reason, provider_code, detail, sender, channels, due_at, last_sid, possible_duplicate, state_at, failed)
WHERE n.account_id = $1 AND n.notification_id = w.notification_id
"""
_WRITE_RECEIPTS = """
INSERT INTO receipt (account_id, created_on, notification_id, number, status, provider_code, sid, source, business_at)
SELECT $1, r.*, $9 FROM unnest($2::date[], $3::uuid[], $4::smallint[], $5::text[], $6::int[], $7::text[], $8::text[]) AS r
ON CONFLICT DO NOTHING
"""
_TOLD_BEFORE = """
SELECT DISTINCT notification_id FROM outcome WHERE account_id = $1 AND notification_id = ANY($2) AND kind IN ('ended', 'corrected')
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a batch came to: things to count, and how many rows were told of, for waking whoever waits."""

    counted: Counter[str]
    requeued: bool
    outcomes: int


@dataclass(frozen=True, slots=True)
class Recorder:
    """What recording needs besides the connection."""

    account: SendingAccount
    times: Times
    gatekeeper: Gatekeeper
    outcomes: Outcomes

    async def apply(self, conn: Any, events: Sequence[Event], now: Now) -> Recorded:
        """Records events in their order, in the caller's transaction. `now.database` is replaced by the database's own."""
        account_id = self.account.account_id
        ids = sorted({event.key.notification_id for event in events})
        locked = await conn.fetch(_LOCK, account_id, ids)
        notifications = {row["notification_id"]: Notification.of_row(account_id, row) for row in locked}
        if not notifications:
            return Recorded(Counter(), requeued=False, outcomes=0)
        now = replace(now, database=locked[-1]["database_now"])
        keys = list({event.key for event in events})
        rows = await conn.fetch(
            _ATTEMPTS,
            account_id,
            [k.created_on for k in keys],
            [k.notification_id for k in keys],
            [k.number for k in keys],
        )
        attempts = {AttemptKey(r["created_on"], r["notification_id"], r["number"]): _attempt(r) for r in rows}
        over: set[Any] = set()
        if any(isinstance(event, NotListed) for event in events):
            over = {row["notification_id"] for row in await conn.fetch(_CANCELLED, account_id, ids)}
        before = dict(notifications), dict(attempts)
        effects: list[tuple[AttemptKey, Notification, Any]] = []
        for event in events:
            case = _case(notifications, attempts, event.key)
            if case is None:
                continue
            step = self._step(case, event, now, concern_over=event.key.notification_id in over)
            states.check_attempt(case.attempt.state, step.case.attempt.state)
            states.check_notification_path(case.notification.state, step.case.notification.state)
            notifications[event.key.notification_id] = step.case.notification
            attempts[event.key] = step.case.attempt
            effects += [(event.key, step.case.notification, effect) for effect in step.effects]
        await _write(conn, account_id, before, (notifications, attempts))
        asking = [
            one for one, n in notifications.items() if n.challenge_id is not None and n.state != before[0][one].state
        ]
        requeued = _requeued(before[0], notifications)
        recorded = await self._write_effects(conn, effects, attempts, now, requeued=requeued)
        await challenges.look_again(conn, account_id, asking)
        return recorded

    def _step(self, case: Case, event: Event, now: Now, *, concern_over: bool) -> Step:
        def route(channel: str) -> str | None:
            sender = self.account.sender_for(channel, case.notification.sender_scope)
            return sender.name if sender is not None else None

        match event:
            case Answered(_, outcome):
                return lifecycle.answered(case, outcome, now, self.times, route)
            case Told(_, word):
                return lifecycle.told(case, word, now, self.times, route)
            case NotListed(leased_until=lease):
                if case.attempt.check_at != lease:
                    return Step(case)
                return lifecycle.not_listed(case, now, self.times, concern_over=concern_over)
            case TimePassed():
                if case.attempt.state == "intent":
                    return lifecycle.lapsed(case, now, self.times)
                return lifecycle.looked_at(case, now, self.times)
            case _:
                assert_never(event)

    async def _write_effects(
        self,
        conn: Any,
        effects: list[tuple[AttemptKey, Notification, Any]],
        attempts: dict[AttemptKey, Attempt],
        now: Now,
        *,
        requeued: bool,
    ) -> Recorded:
        account_id = self.account.account_id
        counted: Counter[str] = Counter(effect.what for _, _, effect in effects if isinstance(effect, Counted))
        receipts = [(key, effect) for key, _, effect in effects if isinstance(effect, Receipt)]
        if receipts:
            kept = [(*key, r.status, r.provider_code, r.sid, r.source) for key, r in receipts]
            await conn.execute(
                _WRITE_RECEIPTS,
                account_id,
                *map(list, zip(*kept, strict=True)),
                now.business,
            )
        opted_out = {
            attempts[key].address_id: effect for key, _, effect in effects if isinstance(effect, OptedOutAtProvider)
        }
        for address_id in sorted(opted_out):
            effect = opted_out[address_id]
            await self.gatekeeper.opted_out(
                conn,
                account_id,
                address_id,
                source=str(effect.provider_code),
                channel=effect.channel,
                at=now.business,
                details={"provider_code": str(effect.provider_code)},
            )
        rows = await self._outcomes(conn, effects, now)
        if rows:
            await self.outcomes.add(conn, rows)
        return Recorded(counted, requeued=requeued, outcomes=len(rows))

    async def _outcomes(
        self, conn: Any, effects: list[tuple[AttemptKey, Notification, Any]], now: Now
    ) -> list[NewOutcome]:
        corrects = [key.notification_id for key, _, effect in effects if isinstance(effect, Ended) and effect.corrects]
        told: set[Any] = set()
        if corrects:
            rows = await conn.fetch(_TOLD_BEFORE, self.account.account_id, corrects)
            told = {row["notification_id"] for row in rows}
        found: list[NewOutcome] = []
        for _, notification, effect in effects:
            match effect:
                case Ended(corrects=again):
                    kind = "corrected" if again and notification.notification_id in told else "ended"
                    found.append(ended(notification, kind, now))
                case HandedBack(until):
                    found.append(handed_back(notification, until, now))
                case _:
                    pass
        return found


def ended(notification: Notification, kind: str, now: Now) -> NewOutcome:
    """The outcome that tells of a notification's end."""
    payload = {
        "state": notification.state,
        "reason": notification.reason,
        "provider_code": notification.provider_code,
        "provider_sid": notification.last_sid or "",
    }
    return _outcome(notification, kind, payload, now)


def handed_back(notification: Notification, until: datetime, now: Now) -> NewOutcome:
    """The outcome that tells when the next round makes sense."""
    payload = {"reason": notification.reason, "until": until.isoformat()}
    return _outcome(notification, "handed_back", payload, now)


def _outcome(n: Notification, kind: str, payload: dict[str, Any], now: Now) -> NewOutcome:
    return NewOutcome(
        n.account_id, n.caller, kind, n.notification_id, n.request_id, n.round, n.concern, now.business, payload
    )


def _case(notifications: dict[Any, Notification], attempts: dict[AttemptKey, Attempt], key: AttemptKey) -> Case | None:
    notification, attempt = notifications.get(key.notification_id), attempts.get(key)
    return Case(notification, attempt) if notification is not None and attempt is not None else None


def _requeued(before: dict[Any, Notification], after: dict[Any, Notification]) -> bool:
    return any(n.state == "queued" and before[i].state != "queued" for i, n in after.items())


async def _write(
    conn: Any,
    account_id: str,
    before: tuple[dict[Any, Notification], dict[AttemptKey, Attempt]],
    after: tuple[dict[Any, Notification], dict[AttemptKey, Attempt]],
) -> None:
    changed = [(key, a) for key, a in after[1].items() if a != before[1][key]]
    if changed:
        attempts = [
            (
                *(*key, a.state, a.sid, a.witness, a.status, a.status_rank, a.provider_code, a.detail),
                *(a.empty_listings, a.check_at, a.possible_duplicate, a.accepted_late, a.resolved_at),
            )
            for key, a in changed
        ]
        await conn.execute(_WRITE_ATTEMPTS, account_id, *map(list, zip(*attempts, strict=True)))
    moved = [(before[0][key], n) for key, n in after[0].items() if n != before[0][key]]
    if moved:
        notifications = [
            (
                *(n.notification_id, n.state, n.reason, n.provider_code, n.detail, n.sender, ",".join(n.channels)),
                *(n.due_at, n.last_sid, n.possible_duplicate, n.state_at),
                # the lifecycle takes a channel away only because it failed for certain
                ",".join(channel for channel in old.channels if channel not in n.channels),
            )
            for old, n in moved
        ]
        await conn.execute(_WRITE_NOTIFICATIONS, account_id, *map(list, zip(*notifications, strict=True)))


def _attempt(row: Any) -> Attempt:
    values = {name: row[name] for name in row.keys() if name not in ("created_on", "notification_id")}  # noqa: SIM118
    return Attempt(**values)
