"""The embedded PostgreSQL by itself."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from paybell_sandbox.supervisor.children import Keeper
from paybell_sandbox.supervisor.postgres import (
    EmbeddedPostgres,
    PostgresError,
    Version,
    copy_binaries,
    free_port,
    installed_binaries,
)
from paybell_sandbox.supervisor.unprivileged import others_can_read
from tests.processes import family, makers_of_shared_memory, wait_until


@pytest.mark.parametrize("version", [18, 16])
async def test_either_version_runs_durably_and_only_on_loopback(version: Version) -> None:
    with EmbeddedPostgres(version=version) as server:
        connection = await asyncpg.connect(server.url())
        try:
            assert (await connection.fetchval("SHOW server_version")).startswith(str(version))
            assert await connection.fetchval("SHOW fsync") == "on"
            assert await connection.fetchval("SHOW listen_addresses") == "127.0.0.1"
            assert await connection.fetchval("SHOW unix_socket_directories") == ""
        finally:
            await connection.close()
    assert not server.home.exists()


async def test_nobody_enters_without_the_password() -> None:
    with EmbeddedPostgres(durable=False) as server, pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=server.port, user="paybell", password="guess", ssl=False)


def test_a_port_that_is_taken_is_named() -> None:
    with EmbeddedPostgres(durable=False) as server, pytest.raises(PostgresError, match=str(server.port)):
        EmbeddedPostgres(port=server.port, durable=False)


def test_a_keeper_frees_no_memory_of_a_server_that_it_was_not_given() -> None:
    """The segment keeps a second server from the data; the pid file in the data may be another server's by now."""
    with EmbeddedPostgres(durable=False) as server:
        with Keeper() as another:
            another.postgres(os.getpid(), server.home / "data")
        assert server.child.pid in makers_of_shared_memory()
    assert server.child.pid not in makers_of_shared_memory()


def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on() -> None:
    with EmbeddedPostgres(durable=False) as server:
        with pytest.raises(PostgresError, match=r"postmaster\.pid"):
            EmbeddedPostgres(durable=False, kept=server.home)
        assert server.child.pid in makers_of_shared_memory()
        assert server.execute("SELECT 1") == "1"


def test_the_binaries_run_from_a_copy_where_the_wheel_cannot_be_reached(tmp_path: Path) -> None:
    binaries = copy_binaries(installed_binaries(18), tmp_path)
    said = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True, env={})
    assert said.stdout.startswith("postgres (PostgreSQL) 18")


@pytest.mark.parametrize(("mode", "readable"), [(0o755, True), (0o700, False), (0o711, False)])
def test_what_others_can_read_is_decided_by_every_folder_on_the_way(mode: int, readable: bool) -> None:
    with Keeper() as keeper, EmbeddedPostgres(durable=False, keeper=keeper) as server:
        place = server.home / "place"  # below a folder of mode 700
        place.mkdir(mode=mode)
        assert not others_can_read(place)
        home = server.home.stat().st_mode
        server.home.chmod(0o755)
        try:
            assert others_can_read(place) is readable
        finally:
            server.home.chmod(home)


async def come_and_go(url: str) -> None:
    await (await asyncpg.connect(url)).close()


@pytest.mark.parametrize(("how", "exit_code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_alone_it_prints_what_a_service_needs_and_leaves_nothing(how: signal.Signals, exit_code: int) -> None:
    port = free_port()
    command = [sys.executable, "-m", "paybell_sandbox.cli", "postgres", "--port", str(port)]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "40"})
    assert run.stdout is not None
    with run.stdout:
        urls = dict(run.stdout.readline().strip().split("=", 1) for _ in range(2))
        assert urls.keys() == {"INGEST_DATABASE_URL", "NOTIFY_DATABASE_URL"}
        asyncio.run(come_and_go(urls["NOTIFY_DATABASE_URL"]))
        members = family(run.pid)
        run.send_signal(how)
        assert run.wait(20) == exit_code
    wait_until(lambda: all(process.is_gone() for process in members), 10, "all gone")
