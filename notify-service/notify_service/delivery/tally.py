"""What one transaction tells callers of, logged and counted once it is committed: a line for each message that came to an end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from .ports import NewOutcome, Outcomes

_log = structlog.get_logger()

Count = Callable[[str, Mapping[str, str], int], None]
"""A counter's name, its labels, and by how much: never a number, name or text in a label."""


class Tally:
    """Stands before the feed for one transaction. Make a new one for each: what was rolled back is never counted."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._rows: list[NewOutcome] = []

    async def add(self, conn: Any, rows: Sequence[NewOutcome]) -> None:
        """Stores them in the caller's transaction."""
        await self._outcomes.add(conn, rows)
        self._rows += rows

    def committed(self, count: Count) -> None:
        """The transaction is committed."""
        for row in self._rows:
            if row.kind == "decided":  # whoever decides says so
                continue
            state, code = str(row.payload.get("state", row.kind)), int(row.payload.get("provider_code") or 0)
            _log.info(
                "notification.ended",
                kind=row.kind,
                account_id=row.account_id,
                notification_id=str(row.notification_id),
                request_id=row.request_id,
                concern=row.concern,
                state=state,
                reason=row.payload.get("reason") or "",
                code=code,
                sid=row.payload.get("provider_sid") or "",
            )
            count("ended", {"account": row.account_id, "state": state, "code": str(code)}, 1)
