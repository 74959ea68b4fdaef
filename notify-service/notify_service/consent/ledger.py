"""The consent ledger: append-only, chained per address. SQL.

Each entry hashes the one before it and a salted commitment of its content, so that erasing content and salt leaves a chain that
still verifies, and a changed or missing entry shows.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from notify_service.consent.entry import NewEntry
from notify_service.consent.verdicts import Standing, Verdicts
from notify_service.sealing import Sealer

__all__ = ["NewEntry", "append", "commit", "facts_of", "link", "lock_gates", "place", "verify"]

SALT_BYTES = 16


def place(account_id: str, address_id: UUID, seq: int) -> str:
    """Where an entry's content is sealed for."""
    return f"consent_entry|{account_id}|{address_id}|{seq}"


def commit(content: bytes, salt: bytes) -> bytes:
    """The salted commitment of an entry's content."""
    return hashlib.sha256(salt + content).digest()


def link(previous: bytes, facts: Mapping[str, Any], commitment: bytes) -> bytes:
    """The hash that chains an entry to the one before it."""
    return hashlib.sha256(previous + orjson.dumps(facts, option=orjson.OPT_SORT_KEYS) + commitment).digest()


def facts_of(account_id: str, entry: NewEntry, seq: int) -> dict[str, Any]:
    """What of an entry stays readable for ever, and is hashed as it is."""
    return {
        "account": account_id, "address": str(entry.address_id), "seq": seq, "person": entry.person, "channel": entry.channel,
        "category": entry.category, "scope": entry.scope, "verdict": "granted" if entry.granted else "revoked", "source": entry.source,
        "actor": entry.actor, "occurred_at": entry.occurred_at.isoformat(),
    }  # fmt: skip


async def lock_gates(conn: Any, account_id: str, addresses: Sequence[UUID]) -> dict[UUID, Any]:
    """Locks gates for a change, in ascending order, and gives their rows. Notification rows are locked before, never after."""
    rows = await conn.fetch(
        """SELECT address_id, verdicts, chain_length, chain_head FROM gate
           WHERE account_id = $1 AND address_id = ANY($2) ORDER BY address_id FOR UPDATE""",
        account_id,
        sorted(set(addresses)),
    )
    return {row["address_id"]: row for row in rows}


async def append(
    conn: Any, sealer: Sealer, account_id: str, entries: Sequence[NewEntry], *, unless_it_stands: bool = False
) -> dict[UUID, Verdicts]:
    """Appends entries under their gates' locks, in the caller's transaction; gives the verdicts that then stand.

    The gates must exist. With ``unless_it_stands`` an entry is left out where it is the newest word of its person already:
    two requests that come at once say the same thing.
    """
    gates = await lock_gates(conn, account_id, [entry.address_id for entry in entries])
    chains = {
        address: [row["chain_length"], bytes(row["chain_head"]), Verdicts.load(orjson.loads(row["verdicts"]) or ())]
        for address, row in gates.items()
    }
    written = []
    for entry in entries:
        chain = chains[entry.address_id]
        if unless_it_stands and chain[2].newest_is(
            entry.channel, entry.category, entry.scope, entry.person, source=entry.source, granted=entry.granted
        ):
            continue
        seq, previous = chain[0] + 1, chain[1]
        content, salt = orjson.dumps(dict(entry.content), option=orjson.OPT_SORT_KEYS), os.urandom(SALT_BYTES)
        commitment = commit(content, salt)
        entry_hash = link(previous, facts_of(account_id, entry, seq), commitment)
        sealed = sealer.seal(content, place(account_id, entry.address_id, seq))
        standing = Standing(entry.channel, entry.category, entry.scope, entry.person, entry.granted, entry.source, seq)
        chain[:] = [seq, entry_hash, chain[2].after(standing)]
        written.append((
            entry.address_id, seq, entry.person or None, entry.channel, entry.category, entry.scope,
            "granted" if entry.granted else "revoked", entry.source, entry.actor, entry.occurred_at, sealed.key_id, sealed.ciphertext,
            salt, commitment, previous, entry_hash,
        ))  # fmt: skip
    if not written:
        return {address: verdicts for address, (_, _, verdicts) in chains.items()}
    await conn.execute(
        """INSERT INTO consent_entry (account_id, address_id, seq, person_id, channel, category, sender_scope, verdict, source, actor,
                                      occurred_at, data_key_id, content, salt, commitment, previous_hash, entry_hash)
           SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                                    $10::text[], $11::timestamptz[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bytea[],
                                    $17::bytea[])""",
        account_id,
        *map(list, zip(*written, strict=True)),
    )
    changed = [
        (address, orjson.dumps(verdicts.dump()).decode(), verdicts.stopped, length, head)
        for address, (length, head, verdicts) in chains.items()
    ]
    await conn.execute(
        """UPDATE gate g SET verdicts = w.verdicts, stopped = w.stopped, chain_length = w.length, chain_head = w.head, updated_at = now()
           FROM unnest($2::uuid[], $3::jsonb[], $4::bool[], $5::bigint[], $6::bytea[]) AS w (address_id, verdicts, stopped, length, head)
           WHERE g.account_id = $1 AND g.address_id = w.address_id""",
        account_id,
        *map(list, zip(*changed, strict=True)),
    )
    return {address: verdicts for address, (_, _, verdicts) in chains.items()}


async def verify(conn: Any, account_id: str, address_id: UUID) -> bool:
    """Whether an address's chain is whole: every link fits and the gate remembers its head."""
    previous = b""
    for row in await conn.fetch(
        "SELECT * FROM consent_entry WHERE account_id = $1 AND address_id = $2 ORDER BY seq", account_id, address_id
    ):
        entry = NewEntry(
            address_id, row["person_id"] or "", row["channel"], row["category"], row["sender_scope"], row["verdict"] == "granted",
            row["source"], row["actor"], row["occurred_at"],
        )  # fmt: skip
        fits = link(previous, facts_of(account_id, entry, row["seq"]), row["commitment"]) == row["entry_hash"]
        if row["previous_hash"] != previous or not fits:
            return False
        previous = row["entry_hash"]
    head: bytes | None = await conn.fetchval(
        "SELECT chain_head FROM gate WHERE account_id = $1 AND address_id = $2", account_id, address_id
    )
    return (head or b"") == previous
