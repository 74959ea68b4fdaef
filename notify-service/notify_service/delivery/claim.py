"""The claim: takes due notifications, decides with their gates locked, and leaves an attempt's row for each that may go.

One short transaction. Lock order: notifications, then gates in ascending id. A gate is locked FOR SHARE, so that an opt-out
either comes first and is seen here, or waits until the attempt is committed. Nothing is sent from inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg
import structlog

from notify_service import crashpoints, gate_checks
from notify_service.challenges import store as challenges
from notify_service.gate_checks import Checked

from . import states
from .case import NOTIFICATION_COLUMNS, Notification, Now, Times
from .deciding import Claimed, Decider, Otherwise
from .matching import body_hash
from .ports import Allowed, Gatekeeper, NewOutcome, Outcomes, Vault
from .record import ended, handed_back
from .senders import Sender, SendingAccount

_WAITING = """
SELECT s.sender, l.lane, c.waiting, c.segments, c.next_due
FROM unnest($2::text[]) AS s (sender) CROSS JOIN unnest($3::smallint[]) AS l (lane)
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE q.due_at <= $4)::int AS waiting,
           coalesce(sum(greatest(q.segments, 1)) FILTER (WHERE q.due_at <= $4), 0)::int AS segments,
           min(q.due_at) FILTER (WHERE q.due_at > $4) AS next_due
    FROM (SELECT n.due_at, n.segments FROM notification n
          WHERE n.account_id = $1 AND n.sender = s.sender AND n.lane = l.lane AND n.state = 'queued'
          ORDER BY n.due_at, n.notification_id LIMIT $5) q
) c
WHERE c.waiting > 0 OR c.next_due IS NOT NULL
"""
# FOR UPDATE SKIP LOCKED inside a materialized CTE: as an IN (subquery LIMIT …) the planner may run it once a row.
CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT q.* FROM unnest($3::smallint[], $4::int[]) AS w (lane, most)
    CROSS JOIN LATERAL (
        SELECT {NOTIFICATION_COLUMNS}, n.address_id, n.person_id, n.kind, n.role, n.lane, n.segments, n.traceparent
        FROM notification n
        WHERE n.account_id = $1 AND n.sender = $2 AND n.lane = w.lane AND n.state = 'queued' AND n.due_at <= $5
        ORDER BY n.due_at, n.notification_id LIMIT w.most
        FOR UPDATE SKIP LOCKED
    ) q
)
SELECT due.*, b.data_key_id AS body_key_id, b.ciphertext AS body, a.data_key_id AS number_key_id, a.ciphertext AS number_sealed,
       a.region,
       due.challenge_id IS NOT NULL AND EXISTS (
           SELECT FROM challenge c WHERE c.account_id = $1 AND c.challenge_id = due.challenge_id AND c.state = 'decided'
       ) AS question_decided,
       'whatsapp' = ANY(due.channels) AND EXISTS (
           SELECT FROM inbound i WHERE i.account_id = $1 AND i.address_id = due.address_id AND i.channel = 'whatsapp'
             AND $2 = ANY(i.senders) AND i.business_at > $5 - interval '24 hours'
       ) AS whatsapp_open
FROM due
LEFT JOIN notification_body b ON b.account_id = $1 AND b.created_on = due.created_on AND b.notification_id = due.notification_id
     AND b.round = due.round
LEFT JOIN address a ON a.account_id = $1 AND a.address_id = due.address_id
"""
_GATES = """
SELECT address_id, verdicts FROM gate WHERE account_id = $1 AND address_id = ANY($2) ORDER BY address_id FOR SHARE
"""
_CANCELLED = """
SELECT c.caller, c.concern, c.as_of FROM unnest($2::text[], $3::text[]) AS k (caller, concern)
JOIN concern_cancel c ON c.account_id = $1 AND c.caller = k.caller AND c.concern = k.concern
"""
_INTEND = """
WITH w AS (
    SELECT * FROM unnest($2::date[], $3::uuid[], $4::smallint[], $5::bytea[], $6::text[], $7::text[], $8::uuid[], $9::bytea[], $10::bool[])
        AS w (created_on, notification_id, number, token, channel, sender, address_id, body_hash, possible_duplicate)
)
INSERT INTO attempt (account_id, created_on, notification_id, number, token, channel, sender, address_id, state, body_hash,
                     not_after, check_at, possible_duplicate, business_at)
SELECT $1, w.created_on, w.notification_id, w.number, w.token, w.channel, w.sender, w.address_id, 'intent', w.body_hash,
       clock_timestamp() + $11::interval, clock_timestamp() + $12::interval, w.possible_duplicate, $13 FROM w
"""
_SENDING = """
UPDATE notification n SET state = 'sending', due_at = NULL, reason = NULL, detail = NULL, attempts = w.number, state_at = $5,
       policy_version = $6, consent_seqs = coalesce(string_to_array(nullif(w.seqs, ''), ','), '{}')::bigint[]
FROM unnest($2::uuid[], $3::smallint[], $4::text[]) AS w (notification_id, number, seqs)
WHERE n.account_id = $1 AND n.notification_id = w.notification_id
"""
_OTHERWISE = """
UPDATE notification n SET state = w.state, reason = w.reason, detail = w.detail, due_at = w.due_at, sender = w.sender, state_at = $8,
       policy_version = $9, channels = string_to_array(w.channels, ','),
       failed_channels = n.failed_channels || coalesce(string_to_array(nullif(w.failed, ''), ','), '{}')
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $10::text[], $11::text[])
     AS w (notification_id, state, reason, detail, due_at, sender, channels, failed)
WHERE n.account_id = $1 AND n.notification_id = w.notification_id
"""


_AWAIT = """
SELECT 1 FROM notification WHERE account_id = $1 AND notification_id = ANY($2) ORDER BY notification_id FOR UPDATE
"""
_TOKENS = """
SELECT 1 FROM attempt a JOIN unnest($2::date[], $3::bytea[]) AS w (created_on, token)
  ON a.created_on = w.created_on AND a.token = w.token
WHERE a.account_id = $1
"""
UNANSWERED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a commit can come to whose answer was lost. Asking again is never wrong, so this is rather too wide than too narrow."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a sender in a lane: how many (counted up to a limit), their segments, and when the next one is due."""

    sender: str
    lane: int
    count: int
    segments: int
    next_due: datetime | None


class CommitUnansweredError(ConnectionError):
    """The database went away while it committed a claim: whether the attempts exist is to be found out, never assumed.

    Attributes:
        batch: what the claim came to, if it was committed.
    """

    def __init__(self, batch: "Batch") -> None:
        super().__init__("the database did not answer a commit")
        self.batch = batch


@dataclass(frozen=True, slots=True)
class Batch:
    """What a claim came to: calls to make, and rows it ended or put off instead."""

    calls: tuple[Claimed, ...]
    others: tuple[str, ...]
    """The states of the rows that were not sent."""


REFUSED_BY_THE_DATABASE = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
"""What the database says of a row that breaks its rules: a defect of ours, which no repetition mends."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Claimer:
    """What claiming needs besides the connection."""

    account: SendingAccount
    times: Times
    vault: Vault
    gatekeeper: Gatekeeper
    outcomes: Outcomes

    async def waiting(self, conn: Any, now: datetime, lanes: Sequence[int], limit: int) -> list[Waiting]:
        """What waits, per sender and lane; `limit` rows are looked at in each."""
        rows = await conn.fetch(
            _WAITING, self.account.account_id, list(self.account.senders()), list(lanes), now, limit
        )
        return [Waiting(r["sender"], r["lane"], r["waiting"], r["segments"], r["next_due"]) for r in rows]

    async def claim(self, conn: Any, sender: Sender, slots: Mapping[int, int], now: datetime) -> Batch:
        """Claims up to `slots` (lane to count) for a sender, in a transaction of its own.

        Raises:
            CommitUnansweredError: where nobody said whether it was committed; `committed` finds out.
        """
        batch: Batch | None = None
        try:
            async with conn.transaction():
                batch = await self._decide(conn, await self._rows(conn, sender, slots, now), now)
        except REFUSED_BY_THE_DATABASE:
            return await self._one_by_one(conn, sender, slots, now)
        except UNANSWERED as error:
            if batch is None or not batch.calls:
                raise
            raise CommitUnansweredError(batch) from error
        crashpoints.reach("tw.after_intent")
        return batch

    async def _one_by_one(self, conn: Any, sender: Sender, slots: Mapping[int, int], now: datetime) -> Batch:
        """The first of each lane alone; one whose attempt cannot be written is held for a person.

        Without it such a row would come first in every claim, and the whole sender would stand still behind it.
        """
        calls: list[Claimed] = []
        others: list[str] = []
        for lane in (lane for lane, count in slots.items() if count):
            async with conn.transaction():
                rows = await self._rows(conn, sender, {lane: 1}, now)
                try:
                    async with conn.transaction():
                        batch = await self._decide(conn, rows, now)
                except REFUSED_BY_THE_DATABASE as error:
                    batch = await self._hold(conn, rows, type(error).__name__, now)
            calls += batch.calls
            others += batch.others
        return Batch(tuple(calls), tuple(others))

    async def _hold(self, conn: Any, rows: Sequence[Any], error: str, now: datetime) -> Batch:
        why = f"its attempt cannot be written ({error})"
        held = [Otherwise(row, "held", "sender_misconfigured", why) for row in rows]
        await self._write_others(conn, held, now)
        for row in rows:
            identity = str(row["notification_id"])
            log.error("claim.bad_row", account_id=self.account.account_id, notification_id=identity, error=error)
        return Batch((), tuple(other.state for other in held))

    async def committed(self, conn: Any, batch: Batch) -> Batch:
        """The batch as it stands in the database, in the caller's transaction: whole, or empty where it was rolled back.

        The notifications are locked first, which waits for the end of the claim's own transaction; its tokens tell the rest.
        """
        account_id, keys = self.account.account_id, [call.key for call in batch.calls]
        await conn.execute(_AWAIT, account_id, sorted(key.notification_id for key in keys))
        there = await conn.fetch(
            _TOKENS, account_id, [key.created_on for key in keys], [call.token for call in batch.calls]
        )
        return batch if len(there) == len(keys) else Batch((), ())

    async def _rows(self, conn: Any, sender: Sender, slots: Mapping[int, int], now: datetime) -> Sequence[Any]:
        found: Sequence[Any] = await conn.fetch(
            CLAIM, self.account.account_id, sender.name, list(slots), list(slots.values()), now
        )
        return found

    async def _decide(self, conn: Any, rows: Sequence[Any], now: datetime) -> Batch:
        account_id = self.account.account_id
        if not rows:
            return Batch((), ())
        addresses = sorted({row["address_id"] for row in rows})
        gates = {row["address_id"]: row for row in await conn.fetch(_GATES, account_id, addresses)}
        cancelled = {
            (row["caller"], row["concern"]): row["as_of"]
            for row in await conn.fetch(
                _CANCELLED, account_id, [r["caller"] for r in rows], [r["concern"] for r in rows]
            )
        }
        decider = Decider(self.account, self.vault, self.gatekeeper)
        decided = [
            decider.decide(row, gates.get(row["address_id"]), cancelled.get((row["caller"], row["concern"])), now)
            for row in rows
        ]
        calls = [d for d in decided if isinstance(d, tuple)]
        others = [d for d in decided if isinstance(d, Otherwise)]
        crashpoints.reach("tw.before_intent")
        if calls:
            await self._intend(conn, calls, now)
        if others:
            await self._write_others(conn, others, now)
        return Batch(tuple(call for call, _ in calls), tuple(other.state for other in others))

    async def _intend(self, conn: Any, calls: Sequence[tuple[Claimed, Allowed]], now: datetime) -> None:
        account_id = self.account.account_id
        intended = [
            (
                *(*c.key, c.token, c.sender.channel, c.sender.name, c.address_id),
                *(body_hash(c.words.text), c.possible_duplicate),
            )
            for c, _ in calls
        ]
        await conn.execute(
            _INTEND,
            account_id,
            *map(list, zip(*intended, strict=True)),
            self.times.timeout,
            self.times.timeout * 2 + self.times.lapse,
            now,
        )
        moved = [(c.key.notification_id, c.key.number, ",".join(str(seq) for seq in a.seqs)) for c, a in calls]
        version = self.gatekeeper.policy_version()
        await conn.execute(_SENDING, account_id, *map(list, zip(*moved, strict=True)), now, version)

    async def _write_others(self, conn: Any, others: Sequence[Otherwise], now: datetime) -> None:
        account_id = self.account.account_id
        for other in others:
            states.check_notification("queued", other.state)
        written = [
            (o.row["notification_id"], o.state, o.reason, o.detail, o.due_at, o.sender or o.row["sender"])
            for o in others
        ]
        version = self.gatekeeper.policy_version()
        left = [",".join(o.row["channels"] if o.channels is None else o.channels) for o in others]
        refused = [
            ",".join(c for c in o.row["channels"] if o.channels is not None and c not in o.channels) for o in others
        ]
        columns = map(list, zip(*written, strict=True))
        await conn.execute(_OTHERWISE, account_id, *columns, now, version, left, refused)
        checked = [
            Checked(o.row["created_on"], o.row["notification_id"], o.row["round"], [o.check])
            for o in others
            if o.check is not None
        ]
        if checked:
            await gate_checks.append(conn, account_id, checked, now)
        told = [outcome for other in others if (outcome := _outcome(account_id, other, now)) is not None]
        if told:
            await self.outcomes.add(conn, told)
        asking = [o.row["notification_id"] for o in others if o.row["challenge_id"] is not None]
        await challenges.look_again(conn, account_id, asking)


def _outcome(account_id: str, other: Otherwise, now: datetime) -> NewOutcome | None:
    notification = replace(Notification.of_row(account_id, other.row), state=other.state, reason=other.reason)
    moment = Now(now, now)
    if other.state == "handed_back" and other.due_at is not None:
        return handed_back(notification, other.due_at, moment)
    return ended(notification, "ended", moment) if other.state in states.ENDS else None
