"""A sender's pace in segments a second, shared by replicas: slices of a quarter second are taken from one row (SQL).

The row holds the moment until which the pace is spent. A slice moves it forward; nobody may move it further than a slice
ahead of now. So replicas together keep the pace, and the row is written a few times a second whatever the traffic.
"""

from dataclasses import dataclass
from typing import Any

SLICE_SECONDS = 0.25

_TAKE = """
INSERT INTO sender_pace AS p (account_id, sender, spent_until)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3::float8))
ON CONFLICT (account_id, sender) DO UPDATE
    SET spent_until = greatest(p.spent_until, clock_timestamp()) + make_interval(secs => $3::float8)
    WHERE p.spent_until <= clock_timestamp()
RETURNING 1
"""
_WAIT = """
SELECT greatest(0, extract(epoch FROM spent_until - clock_timestamp()))::float8 FROM sender_pace WHERE account_id = $1 AND sender = $2
"""


@dataclass(slots=True)
class Purse:
    """What this process may still send of the slices it took, in segments; below zero: it sent more than it had, and owes it."""

    balance: float = 0.0
    good_until: float = 0.0

    def left(self, now: float) -> float:
        """Segments left at `now` (seconds, monotonic). What a slice held lapses with it; what is owed does not."""
        if now >= self.good_until and self.balance > 0:
            self.balance = 0.0
        return self.balance

    def put(self, segments: float, now: float) -> None:
        """A slice was taken."""
        self.left(now)
        self.balance += segments
        self.good_until = now + SLICE_SECONDS

    def spend(self, segments: int) -> None:
        """So many are being sent."""
        self.balance -= segments


async def take(conn: Any, account_id: str, sender: str, pace: float, wanted: float) -> tuple[float, float]:
    """Takes a slice for `wanted` segments at `pace` a second: (segments taken, seconds until there are more).

    At most what a quarter second holds, at least one segment. In its own transaction: the row must not stay locked.
    """
    segments = min(max(wanted, 1.0), max(pace * SLICE_SECONDS, 1.0))
    if await conn.fetchval(_TAKE, account_id, sender, segments / pace) is not None:
        return segments, segments / pace
    wait = await conn.fetchval(_WAIT, account_id, sender)
    return 0.0, max(float(wait or 0.0), 0.005)
