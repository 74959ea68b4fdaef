"""The audit trail of decisions: entries that are appended and never changed, each bound to the one before it by a hash."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg
import orjson

GENESIS: Final = bytes(32)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `who`: recipient (of the question), notify, paybell, operator:NAME. `details` hold no personal data."""

    entry: str
    who: str
    details: Mapping[str, Any]


def canonical(details: Mapping[str, Any]) -> str:
    """The same text for equal details, on every machine."""
    return orjson.dumps(details, option=orjson.OPT_SORT_KEYS).decode()


def link(
    previous: bytes, account_id: str, challenge_id: str, seq: int, at: datetime, entry: str, who: str, details: str
) -> bytes:
    """The hash of an entry in its place."""
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return hashlib.sha256(
        previous + orjson.dumps([account_id, challenge_id, seq, moment, entry, who, details])
    ).digest()


async def lock(conn: asyncpg.Connection, account_id: str, challenge_ids: Sequence[str]) -> None:
    """Locks questions in ascending order: whoever appends to their trails takes turns."""
    await conn.execute(_LOCK, account_id, sorted(challenge_ids))


async def append(
    conn: asyncpg.Connection, account_id: str, challenge_id: str, entries: Sequence[Entry], now: datetime
) -> None:
    """Appends entries in order, in the caller's transaction, which must hold the question's row (see lock)."""
    if not entries:
        return
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    last = await conn.fetchrow(_LAST, account_id, challenge_id)
    seq, previous = (last["seq"], last["hash"]) if last is not None else (0, GENESIS)
    for each in entries:
        seq += 1
        details = canonical(each.details)
        hashed = link(previous, account_id, challenge_id, seq, at, each.entry, each.who, details)
        await conn.execute(_APPEND, account_id, challenge_id, seq, at, each.entry, each.who, details, previous, hashed)
        previous = hashed


async def broken(conn: asyncpg.Connection, account_id: str) -> list[tuple[str, int]]:
    """Where the trails of an account do not hold: (challenge, number of the first entry that is wrong). Empty: all are whole."""
    wrong: dict[str, int] = {}
    heads: dict[str, tuple[int, bytes]] = {}
    for row in await conn.fetch(_ALL, account_id):
        challenge_id = row["challenge_id"]
        seq, previous = heads.get(challenge_id, (0, GENESIS))
        hashed = link(
            previous, account_id, challenge_id, row["seq"], row["at"], row["entry"], row["who"], row["details"]
        )
        if (row["seq"], row["previous"], row["hash"]) != (seq + 1, previous, hashed):
            wrong.setdefault(challenge_id, seq + 1)
        heads[challenge_id] = (row["seq"], row["hash"])
    return sorted(wrong.items())


_LOCK = """
SELECT FROM question WHERE account_id = $1 AND challenge_id = ANY ($2::text[]) ORDER BY challenge_id FOR UPDATE
"""
_LAST = """
SELECT seq, hash FROM decision_audit WHERE account_id = $1 AND challenge_id = $2 ORDER BY seq DESC LIMIT 1
"""
_APPEND = """
INSERT INTO decision_audit (account_id, challenge_id, seq, at, entry, who, details, previous, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ALL = "SELECT * FROM decision_audit WHERE account_id = $1 ORDER BY challenge_id, seq"
