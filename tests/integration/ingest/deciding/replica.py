"""One who acts on answers as a process of its own: `python -m … DATABASE_URL STRIPE_BASE`, one turn, or until it is killed."""

import asyncio
import sys

import asyncpg

from ingest_service.accounts import Account
from ingest_service.clock import Clock
from ingest_service.deciding.deciding import Deciding
from ingest_service.deciding.looking import Looking
from ingest_service.sealing import Sealer
from ingest_service.stripe_reads import reading
from ingest_service.stripe_writes import writing

KEYS = {"k1": b"k" * 32}
MAIN = Account("main", None, False, "sk_test_x", ("whsec_x",), "US", "UTC", None)  # noqa: FBT003


async def main(url: str, api_base: str) -> None:
    """One turn."""
    accounts = {"main": MAIN}
    clock, sealer = Clock(), Sealer(KEYS)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=4) as pool,
        reading(pool, accounts, api_base=api_base, per_second=100) as reads,
        writing(accounts, api_base=api_base) as writes,
    ):
        await Deciding(pool, accounts, clock, sealer, Looking(pool, clock, sealer, reads), writes).turn()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
