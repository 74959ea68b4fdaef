"""What delivery needs from its neighbours, as it sees them. Pure: the composition root fills these in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from notify_service.words.body import Spoken


class Vault(Protocol):
    """Opens what stands encrypted in the tables."""

    def body(self, account_id: str, row: Mapping[str, Any]) -> Mapping[str, Spoken]:
        """Channel to words, from a row of notification_body (created_on, notification_id, round, data_key_id, ciphertext).

        Raises UnsealableError.
        """
        ...

    def number(self, account_id: str, row: Mapping[str, Any]) -> str:
        """E.164, from a row of address (address_id, data_key_id, ciphertext). Raises UnsealableError."""
        ...


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may go, because of these ledger entries."""

    seqs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Forbidden:
    """It may not go, ever."""

    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotNow:
    """It may go later."""

    reason: str
    until: datetime


class Gatekeeper(Protocol):
    """Knows whether a message may go, and keeps opt-outs."""

    def policy_version(self) -> int:
        """Of the policy that decides at this moment."""
        ...

    def may(
        self, row: Mapping[str, Any], gate: Mapping[str, Any] | None, channel: str, now: datetime
    ) -> Allowed | Forbidden | NotNow:
        """The decision on a locked row with its locked gate (verdicts). No gate: it fails closed. Pure."""
        ...

    async def opted_out(
        self,
        conn: Any,
        account_id: str,
        address_id: UUID,
        *,
        source: str,
        channel: str,
        at: datetime,
        details: Mapping[str, str],
    ) -> None:
        """Appends a revocation of everything to the address's ledger, under its gate's lock, in the caller's transaction."""
        ...


@dataclass(frozen=True, slots=True)
class NewOutcome:
    """Something the caller is to be told of. A decision is no single notification's."""

    account_id: str
    caller: str
    kind: str
    notification_id: UUID | None
    request_id: str
    round: int
    concern: str
    occurred_at: datetime
    payload: Mapping[str, Any] = field(default_factory=dict)


class Outcomes(Protocol):
    """The feed."""

    async def add(self, conn: Any, rows: Sequence[NewOutcome]) -> None:
        """Stores them in the caller's transaction."""
        ...


class Clock(Protocol):
    """Business time."""

    def now(self) -> datetime:
        """Now, with a zone."""
        ...
