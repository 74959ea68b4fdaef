"""Looks at attempts whose moment has come: lapsed ones, unknown ones (by listing), and those whose final status never came.

No connection is held while the provider is asked: a look is leased by moving `check_at`, and what it finds is recorded only
if the lease still stands.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from notify_service import database
from notify_service.sealing import UnsealableError

from . import matching
from .case import Receipt, Times
from .events import AttemptKey, Event, NotListed, TimePassed, Told
from .listed import From, Listed
from .ports import Vault
from .receipts import Records
from .senders import SendingAccount
from .twilio_client import Beat, ReadFailedError, TwilioClient

_log = structlog.get_logger()
_MOST = 100
_AT_ONCE = 4

DUE = """
WITH due AS MATERIALIZED (
    SELECT created_on, notification_id, number FROM attempt
    WHERE account_id = $1 AND check_at <= clock_timestamp() ORDER BY check_at LIMIT $2 FOR UPDATE SKIP LOCKED
)
UPDATE attempt a SET check_at = clock_timestamp() + $3::interval FROM due
WHERE a.account_id = $1 AND a.created_on = due.created_on AND a.notification_id = due.notification_id AND a.number = due.number
RETURNING a.created_on, a.notification_id, a.number, a.channel, a.sender, a.address_id, a.state, a.sid, a.body_hash, a.created_at,
          a.check_at, a.status_rank
"""
_NUMBERS = "SELECT address_id, data_key_id, ciphertext FROM address WHERE account_id = $1 AND address_id = ANY($2)"
_BODIES = """
SELECT DISTINCT ON (b.notification_id) b.created_on, b.notification_id, b.round, b.data_key_id, b.ciphertext
FROM unnest($2::date[], $3::uuid[]) AS k (created_on, notification_id)
JOIN notification_body b ON b.account_id = $1 AND b.created_on = k.created_on AND b.notification_id = k.notification_id
ORDER BY b.notification_id, b.round DESC
"""
_TAKEN = "SELECT sid FROM attempt WHERE account_id = $1 AND created_on >= $2 AND sid = ANY($3)"


@dataclass(frozen=True, slots=True)
class _Due:
    key: AttemptKey
    channel: str
    sender: str
    address_id: UUID
    state: str
    sid: str | None
    body_hash: bytes
    created_at: datetime
    leased_until: datetime


class Resolver:
    """The resolver of one account."""

    def __init__(
        self, account: SendingAccount, client: TwilioClient, pool: Any, vault: Vault, records: Records, times: Times
    ) -> None:
        self._account = account
        self._client = client
        self._pool = pool
        self._vault = vault
        self._records = records
        self._times = times

    async def turn(self, beat: Beat = lambda: None) -> int:
        """Looks at everything that is due, up to a limit; how many that was. `beat`: called after each look."""
        lease = max(self._times.timeout * 6, timedelta(seconds=1))
        async with self._pool.acquire() as conn:
            rows = await conn.fetch(DUE, self._account.account_id, _MOST, lease)
        due = [_due(row) for row in rows]
        if not due:
            return 0
        waiting = [d for d in due if d.state in ("intent", "abandoned", "rejected", "not_sent")]
        if waiting:
            await self._write([TimePassed(d.key) for d in waiting], {})
        gate = asyncio.Semaphore(_AT_ONCE)
        looks = [self._look(d, gate, beat) for d in due if d.state == "accepted"]
        unknown = [d for d in due if d.state == "unknown"]
        listings = await self._listings(unknown, gate, beat) if unknown else []
        await asyncio.gather(*looks, *listings)
        _log.info(
            "resolver.batch",
            account_id=self._account.account_id,
            count=len(due),
            lapsed=len(waiting),
            looked=len(looks),
            listed=len(unknown),
        )
        return len(due)

    async def _look(self, due: _Due, gate: asyncio.Semaphore, beat: Beat) -> None:
        """Asks for a message by its id. No news is recorded too: it sets the next look, or gives up."""
        events: list[Event] = [TimePassed(due.key)]
        async with gate:
            try:
                assert due.sid is not None
                found = await self._client.look_up("call" if due.channel == "voice" else "message", due.sid)
                events.insert(0, Told(due.key, Receipt(found.status, found.code, found.sid, "sweep")))
            except ReadFailedError as error:
                _log.warning("sweep.read_failed", account_id=self._account.account_id, error=str(error))
        beat()
        await self._write(events, {due.key: due.sender})

    async def _write(self, events: Sequence[Event], senders: Mapping[AttemptKey, str]) -> None:
        """Records; one that cannot be recorded harms no other and comes up again when its lease has lapsed."""
        try:
            await self._records.write(events, senders)
        except database.GONE:
            raise
        except Exception as error:  # noqa: BLE001 (see above)
            if len(events) > 1:
                for event in events:
                    await self._write([event], senders)
                return
            _log.error(
                "resolver.defect",
                account_id=self._account.account_id,
                notification_id=str(events[0].key.notification_id),
                error=type(error).__name__,
            )

    async def _listings(self, unknown: Sequence[_Due], gate: asyncio.Semaphore, beat: Beat) -> list[Any]:
        account_id = self._account.account_id
        async with self._pool.acquire() as conn:
            numbers = {
                row["address_id"]: row
                for row in await conn.fetch(_NUMBERS, account_id, sorted({d.address_id for d in unknown}))
            }
            bodies = {
                row["notification_id"]: row
                for row in await conn.fetch(
                    _BODIES, account_id, [d.key.created_on for d in unknown], [d.key.notification_id for d in unknown]
                )
            }
        groups: dict[tuple[UUID, str], list[_Due]] = defaultdict(list)
        for one in unknown:
            groups[one.address_id, one.channel].append(one)
        found = []
        for (address_id, channel), members in groups.items():
            try:
                number = self._vault.number(account_id, numbers[address_id])
            except (KeyError, UnsealableError):
                _log.error("resolver.number_unreadable", account_id=account_id, count=len(members))
                continue
            found.append(self._list(number, channel, members, bodies, gate, beat))
        return found

    async def _list(
        self,
        number: str,
        channel: str,
        members: Sequence[_Due],
        bodies: Mapping[UUID, Any],
        gate: asyncio.Semaphore,
        beat: Beat,
    ) -> None:
        """Lists what the provider has for a number and matches it with the attempts. A failed listing proves nothing."""
        since = min(member.created_at for member in members) - matching.CLOCK_ALLOWANCE
        async with gate:
            try:
                if channel == "voice":
                    listed = await self._client.calls_to(number, since, beat)
                else:
                    prefix = "whatsapp:" if channel == "whatsapp" else ""
                    listed = await self._client.messages_to(prefix + number, since, beat)
            except ReadFailedError as error:
                _log.warning("resolver.listing_failed", account_id=self._account.account_id, error=str(error))
                return
            finally:
                beat()
        taken = await self._taken(listed, since)
        events: list[Event] = []
        for member in sorted(members, key=lambda m: m.created_at):
            match = matching.find(self._sought(member, bodies), listed, taken, call=channel == "voice")
            if match is None:
                events.append(NotListed(member.key, member.leased_until))
            else:
                taken.add(match.sid)
                events.append(Told(member.key, Receipt(match.status, match.code, match.sid, "listing")))
        await self._write(events, {member.key: member.sender for member in members})
        _log.info(
            "resolver.listed",
            account_id=self._account.account_id,
            count=len(members),
            found=sum(isinstance(event, Told) for event in events),
        )

    async def _taken(self, listed: Sequence[Listed], since: datetime) -> set[str]:
        if not listed:
            return set()
        # An attempt stands in the partition of its notification's day, which may lie as far back as a request can wait.
        oldest = since.date() - timedelta(days=36)
        async with self._pool.acquire() as conn:
            rows = await conn.fetch(_TAKEN, self._account.account_id, oldest, [one.sid for one in listed])
        return {row["sid"] for row in rows}

    def _sought(self, due: _Due, bodies: Mapping[UUID, Any]) -> matching.Sought:
        sender = self._account.senders().get(due.sender)
        reference = ""
        row = bodies.get(due.key.notification_id)
        if row is not None:
            try:
                words = self._vault.body(self._account.account_id, row).get(due.channel)
                reference = words.reference if words is not None else ""
            except UnsealableError:
                _log.warning("resolver.body_unreadable", account_id=self._account.account_id)
        return matching.sought(sender.origin if sender else From(), due.created_at, due.body_hash, reference)


def _due(row: Any) -> _Due:
    return _Due(
        AttemptKey(row["created_on"], row["notification_id"], row["number"]),
        row["channel"],
        row["sender"],
        row["address_id"],
        row["state"],
        row["sid"],
        row["body_hash"],
        row["created_at"],
        row["check_at"],
    )
