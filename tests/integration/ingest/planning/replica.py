"""One replica of the planning side as a process of its own: `python -m … DATABASE_URL NOTIFY_TARGET SECONDS`, until it is killed."""

import asyncio
import sys
from datetime import datetime

import asyncpg

from ingest_service.loops import Loops
from ingest_service.submitting.notify_client import connected
from ingest_service.submitting.running import BELLS, add_loops
from ingest_service.wake import Bells
from tests.integration.ingest.planning.rows import FixedClock, Side


async def main(url: str, target: str, at: str) -> None:
    """Runs the loops at this moment of business time."""
    async with asyncpg.create_pool(url, min_size=1, max_size=6) as pool, connected(target, None) as client:
        side = Side(pool, FixedClock(datetime.fromisoformat(at)))
        loops = Loops()
        add_loops(loops, Bells(BELLS), side.parts(client))
        await loops.watch()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
