"""The ground the other tests stand on."""

import asyncio
import socket

import asyncpg
import pytest

from tests.loopback import OutsideError, is_here, tried


async def test_each_service_gets_its_migrated_database(ingest_pool: asyncpg.Pool, notify_pool: asyncpg.Pool) -> None:
    assert await ingest_pool.fetchval("SELECT current_user || to_regclass('clock')") == "ingestclock"
    assert await notify_pool.fetchval("SELECT current_user || to_regclass('clock')") == "notifyclock"


@pytest.mark.parametrize("turn", [1, 2])
async def test_what_one_test_writes_no_other_reads(turn: int, ingest_pool: asyncpg.Pool) -> None:
    assert await ingest_pool.fetchval("SELECT offset_seconds FROM clock") == 0
    await ingest_pool.execute("UPDATE clock SET offset_seconds = $1", turn)


async def test_no_service_enters_the_others_database(ingest_database_url: str, notify_database_url: str) -> None:
    ingest_login, notify_database = ingest_database_url.rsplit("/", 1)[0], notify_database_url.rsplit("/", 1)[1]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(f"{ingest_login}/{notify_database}")


async def test_the_outside_cannot_be_reached_and_trying_is_noted() -> None:
    with pytest.raises(OutsideError):
        await asyncio.open_connection("192.0.2.1", 443)
    with pytest.raises(OutsideError):
        socket.getaddrinfo("paybell.example", 443)
    assert tried == ["192.0.2.1", "paybell.example"]
    tried.clear()


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), (None, True), ("10.0.0.1", False), ("x.example", False)],
)
def test_this_machine_is_told_from_others(host: str | None, here: bool) -> None:
    assert is_here(host) is here
