"""A data key that was taken out too early is missed at start, not by messages that wait."""

import pytest

from ingest_service import keys_needed
from ingest_service.environment import InvalidSettingsError
from tests.integration.ingest.folding.house import House, story


async def test_a_start_without_a_key_that_open_work_needs_names_it_and_what_waits(house: House) -> None:
    _, envelopes = story("renewal_fails", seed=1)
    await house.arrive(envelopes)
    async with house.pool.acquire() as conn:
        await keys_needed.check(conn, ["main"], ["k1"])
        with pytest.raises(InvalidSettingsError, match="lacks the key k1, which events that are still to be done"):
            await keys_needed.check(conn, ["main"], ["k2"])


async def test_what_is_done_needs_no_key(house: House) -> None:
    _, envelopes = story("renewal_fails", seed=1)
    await house.arrive(envelopes)
    await house.fold()
    await house.pool.execute("UPDATE fact SET state = 'dropped', due_at = NULL WHERE account_id = 'main'")
    async with house.pool.acquire() as conn:
        await keys_needed.check(conn, ["main"], ["k2"])
