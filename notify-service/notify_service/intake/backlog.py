"""How far behind each paced sender is, and what that means for one more message (SQL).

A caller that takes messages back shall not find them an hour later in a queue, no longer true: a round whose sender has more than a
minute of its pace before it ends as handed back. What counts is what is due in the message's lane and the more urgent ones, because the
less urgent wait behind it. Of each lane no more is looked at than tells a minute from two, so that a long queue costs no more than a short one.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from notify_service.accounts import Sender

LANES: Final = (1, 2, 3, 4)
LONGEST: Final = timedelta(minutes=1)

_AHEAD = """
SELECT s.sender, l.lane, c.messages, c.segments
FROM unnest($2::text[], $3::int[]) AS s (sender, most) CROSS JOIN unnest($4::smallint[]) AS l (lane)
CROSS JOIN LATERAL (
    SELECT count(*)::int AS messages, coalesce(sum(greatest(q.segments, 1)), 0)::int AS segments
    FROM (SELECT n.segments FROM notification n
          WHERE n.account_id = $1 AND n.sender = s.sender AND n.lane = l.lane AND n.state = 'queued' AND n.due_at <= $5
          ORDER BY n.due_at, n.notification_id LIMIT s.most) q
) c
WHERE c.messages > 0
"""


@dataclass(slots=True)
class Backlog:
    """What waits for each paced sender in each lane, in its unit of pace: segments, or calls. It grows with the batch that is taken."""

    ahead: dict[tuple[str, int], float] = field(default_factory=dict)

    def join(self, sender: Sender, lane: int, segments: int) -> timedelta | None:
        """One more message joins the queue; where more than a minute was before it, for how long it should stay away.

        One that is sent away is counted all the same: those that come with it shall not all come back at once.
        """
        if sender.segments_per_second is None:
            return None
        before = sum(self.ahead.get((sender.name, other), 0.0) for other in LANES if other <= lane)
        here = sender.name, lane
        self.ahead[here] = self.ahead.get(here, 0.0) + (1 if sender.channel == "voice" else max(segments, 1))
        waits = timedelta(seconds=before / sender.segments_per_second)
        return waits - LONGEST if waits > LONGEST else None


async def measure(conn: Any, account_id: str, senders: Iterable[Sender], now: datetime) -> Backlog:
    """What waits for the paced ones among these senders; where none is paced, nothing is asked."""
    paced = {sender.name: sender for sender in senders if sender.segments_per_second is not None}
    if not paced:
        return Backlog()
    most = [math.ceil(2 * LONGEST.total_seconds() * (one.segments_per_second or 0.0)) + 1 for one in paced.values()]
    rows = await conn.fetch(_AHEAD, account_id, list(paced), most, list(LANES), now)
    return Backlog(
        {
            (row["sender"], row["lane"]): row["messages"]
            if paced[row["sender"]].channel == "voice"
            else row["segments"]
            for row in rows
        }
    )
