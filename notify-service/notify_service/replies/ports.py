"""What replies need from their neighbours, as they see them. Pure: the composition root fills these in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from notify_service.delivery.listed import Listed


class Consent(Protocol):
    """The ledger and the addresses, as replies need them. All within the caller's transaction."""

    async def find(self, conn: Any, account_id: str, e164: str) -> UUID | None:
        """The address of a number, if it has one."""
        ...

    async def ensure(self, conn: Any, account_id: str, e164: str) -> UUID:
        """The address of a number, made with its gate where there was none; the gate is locked for a change."""
        ...

    async def lock(self, conn: Any, account_id: str, address_id: UUID) -> None:
        """Locks the gate of an address for a change."""
        ...

    async def revoke(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Everything, on all channels and in all categories."""
        ...

    async def restore(
        self, conn: Any, account_id: str, address_id: UUID, *, channel: str, at: datetime, sid: str, words: str
    ) -> None:
        """Transactional messages on this channel."""
        ...


class Provider(Protocol):
    """What is read at the provider. Every read may fail with `ReadFailedError`, which says nothing."""

    async def look_up(self, kind: Literal["message", "call"], sid: str) -> Listed:
        """A message by its id, as it stands now."""
        ...

    async def messages_from_people(
        self, to: str | None, since: datetime, until: datetime | None, most_pages: int | None, beat: Callable[[], None]
    ) -> list[Listed]:
        """Inbound messages of a window; to one of our numbers, or to all for None. Raises `TooMuchError` beyond `most_pages`.

        `beat`: called after each page.
        """
        ...


class Clock(Protocol):
    """Business time."""

    def now(self) -> datetime:
        """Now, with a zone."""
        ...
