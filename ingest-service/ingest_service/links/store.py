"""Payment links at rest: hashed tokens, and what their pages show, sealed. SQL only."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson

from ingest_service.links.link import Link, NewLink
from ingest_service.sealing import Sealer


class SealedLink(NamedTuple):
    """A link as it shall be stored."""

    token_hash: bytes
    plan_id: UUID
    number: int
    concern: str
    subject_id: str
    customer_id: str
    made_at: datetime
    expires_at: datetime
    key_id: str
    shown: bytes


def seal(link: NewLink, account_id: str, sealer: Sealer) -> SealedLink:
    """The link without its token, and with what its page says sealed."""
    sealed = sealer.seal(orjson.dumps(dict(link.shown)), _place(account_id, link.token_hash))
    return SealedLink(
        link.token_hash, link.plan_id, link.number, link.concern, link.subject_id, link.customer_id, link.made_at, link.expires_at,
        sealed.key_id, sealed.ciphertext,
    )  # fmt: skip


async def keep(conn: asyncpg.Connection, account_id: str, links: Sequence[SealedLink]) -> None:
    """Stores links with the steps they were made for. One that is made again stays as it was first made, with its end."""
    if links:
        await conn.execute(_KEEP, account_id, *map(list, zip(*sorted(links), strict=True)))


async def find(conn: asyncpg.Connection, account_ids: Sequence[str], token_hash: bytes, sealer: Sealer) -> Link | None:
    """The link with this token, of whichever of these accounts.

    Raises:
        UnsealableError: its data key is no longer configured.
    """
    row = await conn.fetchrow(_FIND, list(account_ids), token_hash)
    if row is None:
        return None
    plain = sealer.open(row["data_key_id"], row["shown"], _place(row["account_id"], token_hash))
    return Link(
        account_id=row["account_id"],
        token_hash=token_hash,
        concern=row["concern"],
        subject_id=row["subject_id"],
        customer_id=row["customer_id"],
        expires_at=row["expires_at"],
        settled=row["concern_state"] == "settled",
        status=row["subject_status"] or "",
        shown=orjson.loads(plain),
    )


def _place(account_id: str, token_hash: bytes) -> str:
    return f"payment_link|shown|{account_id}|{token_hash.hex()}"


_KEEP = """
INSERT INTO payment_link (account_id, token_hash, plan_id, number, concern, subject_id, customer_id, made_at, expires_at, data_key_id, shown)
SELECT $1, * FROM unnest($2::bytea[], $3::uuid[], $4::smallint[], $5::text[], $6::text[], $7::text[], $8::timestamptz[], $9::timestamptz[],
    $10::text[], $11::bytea[])
ON CONFLICT (account_id, token_hash) DO NOTHING
"""

_FIND = """
SELECT l.*, c.state AS concern_state, s.status AS subject_status
FROM unnest($1::text[]) AS a (account_id)
JOIN payment_link AS l ON l.account_id = a.account_id AND l.token_hash = $2
LEFT JOIN concern AS c ON c.account_id = l.account_id AND c.concern = l.concern
LEFT JOIN subject AS s ON s.account_id = l.account_id AND s.subject_id = l.subject_id
LIMIT 1
"""
