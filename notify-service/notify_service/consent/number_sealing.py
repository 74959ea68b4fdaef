"""A number as it stands in its address's row: sealed for that place and opened from it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from notify_service.sealing import Sealed, Sealer


def place(account_id: str, address_id: UUID) -> str:
    """Where a number is sealed for."""
    return f"address|{account_id}|{address_id}"


def seal(sealer: Sealer, account_id: str, address_id: UUID, e164: str) -> Sealed:
    """Seals a number for its row."""
    return sealer.seal(e164.encode(), place(account_id, address_id))


def unseal(sealer: Sealer, account_id: str, row: Mapping[str, Any]) -> str:
    """E.164, from a row of ``address``.

    Raises:
        UnsealableError: where its key is not configured.
    """
    return sealer.open(row["data_key_id"], row["ciphertext"], place(account_id, row["address_id"])).decode()
