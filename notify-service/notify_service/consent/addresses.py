"""Addresses and their gates. SQL.

A number stands here and nowhere else; whoever needs it has its random id. The gate is made together with the address, so that there
is a row to lock before anything refers to it.
"""

import uuid
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from notify_service.consent import number_sealing
from notify_service.consent.number import Number
from notify_service.consent.verdicts import Verdicts
from notify_service.sealing import Finder, Sealer

LOCK_CLASS: Final = 7_230_941
BUCKETS: Final = 64


@dataclass(frozen=True, slots=True)
class Known:
    """An address with its present verdicts."""

    address_id: uuid.UUID
    verdicts: Verdicts


@dataclass(frozen=True)
class AddressBook:
    """Finds and makes addresses."""

    sealer: Sealer
    finder: Finder

    async def find_or_make(self, conn: Any, account_id: str, numbers: Sequence[Number]) -> dict[str, Known]:
        """The address of each number, made with its gate where it is new; in the caller's transaction."""
        wanted = {number.e164: number for number in numbers}
        if not wanted:
            return {}
        hashes = self._hashes(wanted)
        found = await self._find(conn, account_id, hashes)
        missing = set(wanted) - set(found)
        if missing and self.finder.rotating:
            await _hold(conn, [one for number in missing for one in hashes[number]])
            found |= await self._find(conn, account_id, {number: hashes[number] for number in missing})
            missing -= set(found)
        if missing:
            made = sorted((hashes[number][0], number) for number in missing)
            await self._make(conn, account_id, [(wanted[number], digest) for digest, number in made])
            found |= await self._find(conn, account_id, {number: hashes[number] for number in missing})
        return found

    async def find(self, conn: Any, account_id: str, numbers: Sequence[Number]) -> dict[str, Known]:
        """The addresses of those numbers that are known."""
        wanted = {number.e164: number for number in numbers}
        return await self._find(conn, account_id, self._hashes(wanted)) if wanted else {}

    def _hashes(self, wanted: Iterable[str]) -> dict[str, list[bytes]]:
        return {number: self.finder.every_hash(number) for number in wanted}

    async def _find(self, conn: Any, account_id: str, hashes: Mapping[str, list[bytes]]) -> dict[str, Known]:
        numbers = {one: number for number, every in hashes.items() for one in every}
        rows = await conn.fetch(
            """SELECT a.lookup_hash, a.address_id, g.verdicts FROM address a
               JOIN gate g ON g.account_id = $1 AND g.address_id = a.address_id
               WHERE a.account_id = $1 AND a.lookup_hash = ANY($2)""",
            account_id,
            list(numbers),
        )
        return {
            numbers[row["lookup_hash"]]: Known(row["address_id"], Verdicts.load(orjson.loads(row["verdicts"]) or ()))
            for row in rows
        }

    async def _make(self, conn: Any, account_id: str, missing: Sequence[tuple[Number, bytes]]) -> None:
        rows = []
        for number, digest in missing:
            address_id = uuid.uuid4()
            sealed = number_sealing.seal(self.sealer, account_id, address_id, number.e164)
            rows.append(
                (address_id, digest, sealed.key_id, sealed.ciphertext, number.region, number.kind, number.masked)
            )
        await conn.execute(
            """WITH made AS (
                   INSERT INTO address (account_id, address_id, lookup_key_id, lookup_hash, data_key_id, ciphertext, region, number_type, masked)
                   SELECT $1, w.address_id, $2, w.lookup_hash, w.data_key_id, w.ciphertext, w.region, w.number_type, w.masked
                   FROM unnest($3::uuid[], $4::bytea[], $5::text[], $6::bytea[], $7::text[], $8::text[], $9::text[])
                        AS w (address_id, lookup_hash, data_key_id, ciphertext, region, number_type, masked)
                   ON CONFLICT (account_id, lookup_hash) DO NOTHING
                   RETURNING address_id
               )
               INSERT INTO gate (account_id, address_id) SELECT $1, address_id FROM made""",
            account_id,
            self.finder.current_key_id,
            *map(list, zip(*rows, strict=True)),
        )


async def _hold(conn: Any, hashes: Iterable[bytes]) -> None:
    """Keeps others from making the same addresses until the transaction ends.

    While lookup keys are rotated one replica makes addresses under the new key and another under the old one, so that no unique
    index tells them apart; what they share is that both know both hashes.
    """
    buckets = sorted({zlib.crc32(one) % BUCKETS for one in hashes})
    await conn.execute("SELECT pg_advisory_xact_lock($1, b) FROM unnest($2::int[]) AS b", LOCK_CLASS, buckets)
