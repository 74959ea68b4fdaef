"""Every request that came, for whoever judges what was asked of Stripe."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any, Final

MOST: Final = 100_000


@dataclass
class Logged:
    at: float
    """Unix seconds, real time."""
    request_id: str
    method: str
    path: str
    operation: str
    params: dict[str, Any]
    idempotency_key: str | None
    account: str | None
    """Whose data it was about; null where the key opened nothing."""
    livemode: bool | None
    version: str | None
    answer: int | None = None
    """HTTP status; null where none was sent."""
    replayed: bool = False
    error_code: str | None = None


@dataclass
class CallLog:
    entries: deque[Logged] = field(default_factory=lambda: deque(maxlen=MOST))

    def begin(self, entry: Logged) -> Logged:
        self.entries.append(entry)
        return entry

    def found(self, **wanted: str) -> list[dict[str, Any]]:
        """Oldest first; only those whose fields are as wanted."""
        return [
            asdict(entry)
            for entry in self.entries
            if all(str(getattr(entry, name)) == value for name, value in wanted.items())
        ]
