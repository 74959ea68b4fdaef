"""One embedded PostgreSQL server for a test run, and a fresh migrated database for each test that asks."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paybell_sandbox.supervisor import postgres
from paybell_sandbox.supervisor.guardian import Guardian

ROOT = Path(__file__).parent.parent
MIGRATIONS = {name: ROOT / f"{name}-service/migrations" for name in postgres.SERVICES}


class MigratedServer:
    """The run's server with a migrated template database per service."""

    def __init__(self, server: postgres.Server) -> None:
        """Migrates ``ingest`` and ``notify``, which are copied for each test and never written to afterwards."""
        self.server = server
        for service, folder in MIGRATIONS.items():
            subprocess.run(
                [Path(sys.executable).parent / "dbmate", "--migrations-dir", folder, "--no-dump-schema", "up"],
                env={**os.environ, "DATABASE_URL": server.url(service)},
                check=True,
                capture_output=True,
                text=True,
            )

    @contextmanager
    def database(self, service: str) -> Iterator[str]:
        """The URL of a fresh migrated database of this service, dropped afterwards."""
        name = f"{service}_{secrets.token_hex(6)}"
        postgres.run_sql(
            self.server, "postgres", [f"CREATE DATABASE {name} TEMPLATE {service} OWNER {service} STRATEGY file_copy"]
        )
        try:
            yield self.server.url(name, service)
        finally:
            postgres.run_sql(self.server, "postgres", [f"DROP DATABASE {name} WITH (FORCE)"])


@contextmanager
def migrated_server() -> Iterator[MigratedServer]:
    """A server for the test run; nothing of it remains, even where the run is killed."""
    guardian = Guardian()
    try:
        server = postgres.start(durable=False, max_connections=300, guardian=guardian)
        try:
            yield MigratedServer(server)
        finally:
            server.stop()
    finally:
        guardian.dismiss()
