"""Opens numbers and bodies with the configured keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from notify_service.sealing import Sealed, Sealer
from notify_service.words import body
from notify_service.words.body import Spoken


def number_place(account_id: str, address_id: UUID) -> str:
    """Where a number is sealed for."""
    return f"address|{account_id}|{address_id}"


def seal_number(sealer: Sealer, account_id: str, address_id: UUID, e164: str) -> Sealed:
    """Seals a number for its row."""
    return sealer.seal(e164.encode(), number_place(account_id, address_id))


@dataclass(frozen=True, slots=True)
class SealedVault:
    """What stands encrypted in `address` and `notification_body`. Raises UnsealableError where a key is missing."""

    sealer: Sealer

    def body(self, account_id: str, row: Mapping[str, Any]) -> Mapping[str, Spoken]:
        """Channel to words."""
        return body.unseal(self.sealer, account_id, row)

    def number(self, account_id: str, row: Mapping[str, Any]) -> str:
        """E.164."""
        where = number_place(account_id, row["address_id"])
        return self.sealer.open(row["data_key_id"], row["ciphertext"], where).decode()
