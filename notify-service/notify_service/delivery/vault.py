"""Opens numbers and bodies with the configured keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notify_service.consent import number_sealing
from notify_service.sealing import Sealer
from notify_service.words import body
from notify_service.words.body import Spoken


@dataclass(frozen=True, slots=True)
class SealedVault:
    """What stands encrypted in `address` and `notification_body`. Raises UnsealableError where a key is missing."""

    sealer: Sealer

    def body(self, account_id: str, row: Mapping[str, Any]) -> Mapping[str, Spoken]:
        """Channel to words."""
        return body.unseal(self.sealer, account_id, row)

    def number(self, account_id: str, row: Mapping[str, Any]) -> str:
        """E.164."""
        return number_sealing.unseal(self.sealer, account_id, row)
