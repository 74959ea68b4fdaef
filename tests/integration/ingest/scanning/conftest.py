"""A world to scan."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.integration.ingest.scanning.world import ScanWorld, scan_world


@pytest.fixture
async def world(ingest_pool: "asyncpg.Pool[asyncpg.Record]", tmp_path: Path) -> AsyncIterator[ScanWorld]:
    """An account in UTC."""
    async with scan_world(ingest_pool, tmp_path) as made:
        yield made
