"""What a reply does to consent: addresses found or made, ledger entries appended (SQL)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import phonenumbers

from notify_service.consent import ledger
from notify_service.delivery.vault import seal_number
from notify_service.sealing import Finder, Sealer

_FIND = "SELECT address_id FROM address WHERE account_id = $1 AND lookup_hash = ANY($2) LIMIT 1"
_MAKE = """
INSERT INTO address (account_id, address_id, lookup_key_id, lookup_hash, data_key_id, ciphertext, region, number_type, masked)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
"""
_GATE = "INSERT INTO gate (account_id, address_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_NAMES = {value: name.lower() for name, value in vars(phonenumbers.PhoneNumberType).items() if isinstance(value, int)}


@dataclass(frozen=True, slots=True)
class LedgerConsent:
    """Implements what replies ask of consent."""

    sealer: Sealer
    finder: Finder

    async def find(self, conn: Any, account_id: str, e164: str) -> UUID | None:
        """The address of a number, if it has one."""
        found: UUID | None = await conn.fetchval(_FIND, account_id, self.finder.every_hash(e164))
        return found

    async def ensure(self, conn: Any, account_id: str, e164: str) -> UUID:
        """The address of a number, made with its gate where there was none; the gate is locked for a change."""
        address_id = await self.find(conn, account_id, e164)
        if address_id is None:
            await self._make(conn, account_id, e164)
            address_id = await self.find(conn, account_id, e164)
            assert address_id is not None
        await conn.execute(_GATE, account_id, address_id)
        await ledger.lock_gates(conn, account_id, [address_id])
        return address_id

    async def revoke(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Everything, on all channels and in all categories."""
        content = {"words": words, "channel": channel, "sid": sid}
        entry = _entry(address_id, "all", "all", at, content, granted=False)
        await ledger.append(conn, self.sealer, account_id, [entry])

    async def restore(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Transactional messages on this channel: a start says no more than that."""
        content = {"words": words, "channel": channel, "sid": sid}
        entry = _entry(address_id, channel, "transactional", at, content, granted=True)
        await ledger.append(conn, self.sealer, account_id, [entry])

    async def _make(self, conn: Any, account_id: str, e164: str) -> None:
        address_id = uuid4()
        sealed = seal_number(self.sealer, account_id, address_id, e164)
        region, kind = _described(e164)
        await conn.execute(
            _MAKE,
            account_id,
            address_id,
            self.finder.current_key_id,
            self.finder.hash(e164),
            sealed.key_id,
            sealed.ciphertext,
            region,
            kind,
            f"••••{e164[-2:]}",
        )


def _entry(
    address_id: UUID, channel: str, category: str, at: datetime, content: dict[str, str], *, granted: bool
) -> ledger.NewEntry:
    return ledger.NewEntry(
        address_id=address_id,
        person="",
        channel=channel,
        category=category,
        scope="",
        granted=granted,
        source="keyword",
        actor="recipient",
        occurred_at=at,
        content=content,
    )


def _described(e164: str) -> tuple[str, str]:
    """Region and type of a number; "001" and "unknown" for what is none (a short code, a name)."""
    try:
        parsed = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return "001", "unknown"
    return phonenumbers.region_code_for_number(parsed) or "001", _NAMES[phonenumbers.number_type(parsed)]
