"""What a reply does to consent: addresses found or made, ledger entries appended (SQL)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from notify_service.consent import ledger
from notify_service.consent.addresses import AddressBook
from notify_service.consent.number import Number, read
from notify_service.sealing import Finder, Sealer

_FIND = "SELECT address_id FROM address WHERE account_id = $1 AND lookup_hash = ANY($2) LIMIT 1"


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
        number = read(e164, ())
        if not isinstance(number, Number):
            # A short code or a name can write to us, too, and may stop us as anybody.
            number = Number(e164, "001", "unknown", frozenset())
        known = await AddressBook(self.sealer, self.finder).find_or_make(conn, account_id, [number])
        address_id = known[number.e164].address_id
        await ledger.lock_gates(conn, account_id, [address_id])
        return address_id

    async def lock(self, conn: Any, account_id: str, address_id: UUID) -> None:
        """Locks the gate of an address for a change."""
        await ledger.lock_gates(conn, account_id, [address_id])

    async def revoke(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Everything, on all channels and in all categories."""
        content = {"words": words, "channel": channel, "sid": sid}
        entry = _entry(address_id, "all", "all", at, content, granted=False)
        await ledger.append(conn, self.sealer, account_id, [entry])

    async def revoke_calls(self, conn: Any, account_id: str, address_id: UUID, *, at: datetime, sid: str) -> None:
        """All calls, by a key that was pressed in one."""
        entry = replace(
            _entry(address_id, "voice", "all", at, {"channel": "voice", "sid": sid}, granted=False), source="dtmf"
        )
        await ledger.append(conn, self.sealer, account_id, [entry])

    async def restore(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Transactional messages on this channel: a start says no more than that."""
        content = {"words": words, "channel": channel, "sid": sid}
        entry = _entry(address_id, channel, "transactional", at, content, granted=True)
        await ledger.append(conn, self.sealer, account_id, [entry])


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
