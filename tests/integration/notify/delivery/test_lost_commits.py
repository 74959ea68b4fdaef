"""The answer to a claim's commit is lost: whether the attempt exists is read again, never assumed, and nothing is sent twice."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.integration.notify.delivery.cutting import Cutter, cutting
from tests.integration.notify.delivery.desk import Desk, desk, eventually

PHONE = "+14155551001"


@asynccontextmanager
async def cut_desk(pool: asyncpg.Pool, database_url: str) -> AsyncIterator[tuple[Desk, Cutter]]:
    """A desk whose claims, and nothing else, go a way that can be cut."""
    async with (
        desk(pool, start=False) as d,
        cutting(database_url) as cutter,
        asyncpg.create_pool(cutter.url, min_size=1, max_size=4) as claims,
    ):
        d.delivery.lines["main"].sending._pool = claims
        yield d, cutter
        await d.loops.close(10)


async def test_a_claim_whose_commit_was_not_answered_is_read_again_and_its_call_is_made(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    """It was committed and there is time: the first attempt goes, and no settling is needed."""
    async with cut_desk(notify_pool, notify_database_url) as (d, cutter):
        one = await d.submit(PHONE, wake=False)
        cutter.cut = "after"
        d.delivery.start(d.loops)
        row = await d.until(one, "delivered")
        assert cutter.cuts == 1
        assert (row["attempts"], row["possible_duplicate"]) == (1, False)
        assert [a["state"] for a in await d.attempts(one)] == ["accepted"]
        assert len(await d.at_provider(PHONE)) == 1
        assert d.counted["lapsed"] == d.counted["resent"] == 0


async def test_a_claim_whose_connection_breaks_when_it_is_given_back_is_a_claim_all_the_same(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    """The commit was answered: its calls are made."""
    async with cut_desk(notify_pool, notify_database_url) as (d, cutter):
        one = await d.submit(PHONE, wake=False)
        cutter.cut = "answered"
        d.delivery.start(d.loops)
        row = await d.until(one, "delivered")
        assert cutter.cuts == 1
        assert (row["attempts"], row["possible_duplicate"]) == (1, False)
        assert len(await d.at_provider(PHONE)) == 1
        assert d.counted["lapsed"] == d.counted["resent"] == 0


async def test_a_claim_that_was_not_committed_is_made_again(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    async with cut_desk(notify_pool, notify_database_url) as (d, cutter):
        one = await d.submit(PHONE, wake=False)
        cutter.cut = "before"
        d.delivery.start(d.loops)
        row = await d.until(one, "delivered")
        assert cutter.cuts == 1
        assert (row["attempts"], row["possible_duplicate"]) == (1, False)
        assert len(await d.at_provider(PHONE)) == 1


async def test_a_claim_that_is_found_out_too_late_is_recorded_as_never_started(
    notify_pool: asyncpg.Pool, notify_database_url: str
) -> None:
    """The database stays away until the call may not start any more: its message goes again at once, as no double."""
    async with cut_desk(notify_pool, notify_database_url) as (d, cutter):
        one = await d.submit(PHONE, wake=False)
        cutter.cut, cutter.down_after_cut = "after", True
        d.delivery.start(d.loops)

        async def never_started() -> bool:
            return [a["detail"] for a in await d.attempts(one)] == ["not_started"]

        await eventually(never_started)
        assert (await d.row(one))["state"] == "queued"
        cutter.down = False
        row = await d.until(one, "delivered")
        assert (row["attempts"], row["possible_duplicate"]) == (2, False)
        assert [a["state"] for a in await d.attempts(one)] == ["not_sent", "accepted"]
        assert len(await d.at_provider(PHONE)) == 1
        assert d.counted["lapsed"] == d.counted["resent"] == 0
