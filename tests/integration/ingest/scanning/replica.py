"""One scanner as a process of its own: `python -m … DATABASE_URL STRIPE TIME`, until nothing is due or it is killed."""

import asyncio
import sys
from datetime import datetime

import asyncpg

from ingest_service.folding.resolving import Holds
from ingest_service.planning.rules_store import RulesInForce
from ingest_service.scanning.scanner import Scanner
from ingest_service.scanning.work import Means
from ingest_service.stripe_reads import reading
from tests.integration.ingest.planning.rows import SEALER, FixedClock
from tests.integration.ingest.scanning.world import MAIN


async def main(url: str, stripe: str, at: str) -> None:
    """Works at this moment of business time."""
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=6) as pool,
        reading(pool, {"main": MAIN}, api_base=stripe, per_second=100) as reads,
    ):
        means = Means(pool, FixedClock(datetime.fromisoformat(at)), SEALER, Holds(), reads)
        scanner = Scanner({"main": MAIN}, means, RulesInForce(SEALER))
        while await scanner.turn():
            pass


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
