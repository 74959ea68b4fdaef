"""Notifications as they are taken, a batch at a time. SQL."""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from notify_service.delivery.states import NotificationState
from notify_service.gate_checks import Check
from notify_service.intake.request import Request
from notify_service.sealing import Sealed


@dataclass(frozen=True, slots=True)
class Row:
    """A notification to store."""

    request: Request
    state: NotificationState
    reason: str | None
    detail: str | None
    sender: str
    channels: tuple[str, ...]
    address_id: uuid.UUID | None
    template_version: int
    variant: str
    language: str
    segments: int
    policy_version: int
    consent_seqs: tuple[int, ...]
    due_at: datetime.datetime | None
    if_unresolved: str
    body: Sealed | None
    checks: Sequence[Check]


async def existing(conn: Any, account_id: str, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """What is stored of these notifications."""
    rows = await conn.fetch(
        """SELECT notification_id, round, content_hash, state, reason, detail, due_at, created_on
           FROM notification WHERE account_id = $1 AND notification_id = ANY($2)""",
        account_id,
        list(ids),
    )
    return {row["notification_id"]: row for row in rows}


async def lock_handed_back(conn: Any, account_id: str, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Any]:
    """Locks those that wait for their next round, in the order of their ids."""
    rows = await conn.fetch(
        """SELECT notification_id, round, created_on, failed_channels FROM notification
           WHERE account_id = $1 AND notification_id = ANY($2) AND state = 'handed_back' ORDER BY notification_id FOR UPDATE""",
        account_id,
        sorted(ids),
    )
    return {row["notification_id"]: row for row in rows}


async def cancelled(
    conn: Any, account_id: str, concerns: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], datetime.datetime]:
    """(caller, concern) to the moment as of which it was cancelled."""
    rows = await conn.fetch(
        """SELECT c.caller, c.concern, c.as_of FROM concern_cancel c
           JOIN unnest($2::text[], $3::text[]) AS w (caller, concern) ON c.caller = w.caller AND c.concern = w.concern
           WHERE c.account_id = $1""",
        account_id,
        [caller for caller, _ in concerns],
        [concern for _, concern in concerns],
    )
    return {(row["caller"], row["concern"]): row["as_of"] for row in rows}


def _columns(rows: Sequence[Row], now: datetime.datetime, today: datetime.date) -> list[list[Any]]:
    listed = [
        (
            r.request.notification_id, r.request.caller, r.request.request_id, r.request.round, r.request.content_hash, today, r.state,
            r.reason, r.detail, r.request.sender_scope, r.sender, r.request.concern, r.request.kind,
            orjson.dumps(dict(r.request.labels)).decode(), r.request.role, r.request.message_class, r.request.lane, ",".join(r.channels),
            r.request.person_id, r.address_id, r.request.template, r.variant, r.template_version, r.language, r.segments,
            r.policy_version, ",".join(map(str, r.consent_seqs)), r.request.question.challenge_id if r.request.question else None,
            r.request.not_after, r.request.truth_read_at, r.due_at, r.request.if_not_now, r.if_unresolved, r.request.traceparent, now, now,
        )
        for r in rows
    ]  # fmt: skip
    return [list(column) for column in zip(*listed, strict=True)]


NAMES = """notification_id, caller, request_id, round, content_hash, created_on, state, reason, detail, sender_scope, sender, concern, kind,
    labels, role, message_class, lane, channels, person_id, address_id, template, variant, template_version, language, segments,
    policy_version, consent_seqs, challenge_id, not_after, truth_read_at, due_at, if_not_now, if_unresolved, traceparent,
    business_created_at, state_at"""
TYPES = """$2::uuid[], $3::text[], $4::text[], $5::int[], $6::bytea[], $7::date[], $8::text[], $9::text[], $10::text[], $11::text[],
    $12::text[], $13::text[], $14::text[], $15::jsonb[], $16::text[], $17::text[], $18::smallint[], $19::text[], $20::text[],
    $21::uuid[], $22::text[], $23::text[], $24::int[], $25::text[], $26::smallint[], $27::int[], $28::text[], $29::text[],
    $30::timestamptz[], $31::timestamptz[], $32::timestamptz[], $33::text[], $34::text[], $35::text[], $36::timestamptz[],
    $37::timestamptz[]"""
# arrays of arrays cannot be unnested by row, so channels and entries come as text
VALUES = NAMES.replace(" channels,", " coalesce(string_to_array(nullif(channels, ''), ','), '{}'),").replace(
    " consent_seqs,", " coalesce(string_to_array(nullif(consent_seqs, ''), ','), '{}')::bigint[],"
)
INSERT = f"""
INSERT INTO notification (account_id, {NAMES})
SELECT $1, {VALUES}
FROM unnest({TYPES}) AS w ({NAMES})
ON CONFLICT (account_id, notification_id) DO NOTHING
RETURNING notification_id
"""


async def insert(
    conn: Any, account_id: str, rows: Sequence[Row], now: datetime.datetime, today: datetime.date
) -> set[uuid.UUID]:
    """Stores new notifications; gives the ids of those that were new. Rows must be in the order of their ids."""
    if not rows:
        return set()
    made = await conn.fetch(INSERT, account_id, *_columns(rows, now, today))
    return {row["notification_id"] for row in made}


BEGIN = f"""
UPDATE notification n SET
    {
    ", ".join(
        f"{name} = w.{name}"
        for name in NAMES.replace(chr(10), " ").replace(" ", "").split(",")
        if name
        not in (
            "notification_id",
            "caller",
            "request_id",
            "created_on",
            "channels",
            "consent_seqs",
            "business_created_at",
        )
    )
},
    channels = coalesce(string_to_array(nullif(w.channels, ''), ','), '{{}}'),
    consent_seqs = coalesce(string_to_array(nullif(w.consent_seqs, ''), ','), '{{}}')::bigint[], provider_code = 0
FROM unnest({TYPES}) AS w ({NAMES})
WHERE n.account_id = $1 AND n.notification_id = w.notification_id
"""


async def begin_rounds(conn: Any, account_id: str, rows: Sequence[Row], now: datetime.datetime) -> None:
    """Puts next rounds in the place of those that were handed back; the rows are locked."""
    if rows:
        await conn.execute(BEGIN, account_id, *_columns(rows, now, now.date()))


async def add_bodies(conn: Any, account_id: str, rows: Sequence[tuple[Row, datetime.date]]) -> None:
    """Stores what is said."""
    listed = [
        (day, row.request.notification_id, row.request.round, row.body.key_id, row.body.ciphertext)
        for row, day in rows
        if row.body is not None
    ]
    if listed:
        await conn.execute(
            """INSERT INTO notification_body (account_id, created_on, notification_id, round, data_key_id, ciphertext)
               SELECT $1, * FROM unnest($2::date[], $3::uuid[], $4::int[], $5::text[], $6::bytea[])""",
            account_id,
            *map(list, zip(*listed, strict=True)),
        )


class Source(NamedTuple):
    """Where a person's address came from."""

    person_id: str
    address_id: uuid.UUID
    source: str
    first_seen_at: datetime.datetime
    replaced_another: bool


async def remember_sources(conn: Any, account_id: str, sources: Sequence[Source]) -> None:
    """Stores where people's addresses came from; what is known already stays as it is."""
    distinct = {(one.person_id, one.address_id, one.source): one for one in sources}
    if distinct:
        await conn.execute(
            """INSERT INTO person_address (account_id, person_id, address_id, source, first_seen_at, replaced_another)
               SELECT $1, * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::bool[])
               ON CONFLICT DO NOTHING""",
            account_id,
            *map(list, zip(*(distinct[key] for key in sorted(distinct)), strict=True)),
        )
