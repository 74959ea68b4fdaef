"""The trail of a question: who answered what, how surely, by which message or call, and what was decided. Append-only, chained. SQL."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import orjson

Kind = Literal["answer", "wrong_code", "unclear", "asked_back", "late", "decided"]

_HEAD = "SELECT chain_length, chain_head FROM challenge WHERE account_id = $1 AND challenge_id = $2"
_APPEND = """
WITH entry AS (
    INSERT INTO challenge_event (account_id, challenge_id, seq, kind, answer, strength, channel, provider_sid, business_at,
                                 previous_hash, entry_hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
)
UPDATE challenge SET chain_length = $3, chain_head = $11 WHERE account_id = $1 AND challenge_id = $2
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened to a question. It holds no number, code or words."""

    kind: Kind
    at: datetime
    answer: str | None = None
    strength: str | None = None
    channel: str | None = None
    sid: str = ""


async def append(conn: Any, account_id: str, challenge_id: str, entry: Entry) -> None:
    """Adds an entry, with the question's row locked by the caller's transaction."""
    head = await conn.fetchrow(_HEAD, account_id, challenge_id)
    seq, previous = head["chain_length"] + 1, bytes(head["chain_head"])
    facts = _facts(account_id, challenge_id, seq, entry)
    await conn.execute(
        _APPEND,
        *(account_id, challenge_id, seq, entry.kind, entry.answer, entry.strength, entry.channel, entry.sid, entry.at),
        *(previous, _link(previous, facts)),
    )


async def verify(conn: Any, account_id: str, challenge_id: str) -> bool:
    """Whether the trail is whole: every entry fits the one before, and the question remembers the last one."""
    previous = b""
    for row in await conn.fetch(
        "SELECT * FROM challenge_event WHERE account_id = $1 AND challenge_id = $2 ORDER BY seq",
        account_id,
        challenge_id,
    ):
        entry = Entry(
            row["kind"], row["business_at"], row["answer"], row["strength"], row["channel"], row["provider_sid"]
        )
        made = _link(previous, _facts(account_id, challenge_id, row["seq"], entry))
        if row["previous_hash"] != previous or row["entry_hash"] != made:
            return False
        previous = made
    head = await conn.fetchrow(_HEAD, account_id, challenge_id)
    return head is not None and bytes(head["chain_head"]) == previous


def _facts(account_id: str, challenge_id: str, seq: int, entry: Entry) -> dict[str, Any]:
    return {
        "account": account_id, "challenge": challenge_id, "seq": seq, "kind": entry.kind, "at": entry.at.isoformat(),
        "answer": entry.answer, "strength": entry.strength, "channel": entry.channel, "sid": entry.sid,
    }  # fmt: skip


def _link(previous: bytes, facts: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(previous + orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()
