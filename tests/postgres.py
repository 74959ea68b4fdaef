"""The one PostgreSQL of a test run, and a fresh, migrated database of either service for whoever asks.

A service's schema is made once, as a template; each test's database is a copy of it, made in some 20 ms.
"""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

from paybell_sandbox.supervisor.postgres import EmbeddedPostgres, Login

ROOT = Path(__file__).resolve().parent.parent
Service = Literal["ingest", "notify"]
SERVICES: tuple[Service, ...] = ("ingest", "notify")


@dataclass
class MigratedServer:
    """A server, and for each service the login that owns its template."""

    server: EmbeddedPostgres
    templates: dict[Service, Login] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def prepare(cls, server: EmbeddedPostgres) -> Self:
        """Makes each service's role, and its template by its migrations."""
        prepared = cls(server)
        for service in SERVICES:
            owner = server.create_service(service)
            template = server.create_database(replace(owner, database=f"{service}_template"))
            migrate(server.url(template), migrations(service))
            prepared.templates[service] = template
        return prepared

    @contextmanager
    def database(self, service: Service) -> Iterator[str]:
        """The URL of a database of its own, as the service's role; dropped afterwards, whoever is still connected."""
        template = self.templates[service]
        login = replace(template, database=f"{service}_{next(self._numbers)}")
        self.server.create_database(login, template=template.database)
        try:
            yield self.server.url(login)
        finally:
            self.server.drop_database(login.database)


def migrations(service: Service) -> Path:
    """The folder of a service's migrations."""
    return ROOT / f"{service}-service" / "migrations"


def migrate(url: str, folder: Path) -> None:
    """Applies the migrations with dbmate, which reads no .env and writes no schema file. No migrations are none."""
    if not any(folder.glob("*.sql")):
        return
    result = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("dbmate")), "--env-file", os.devnull, "--no-dump-schema"),
            *("--migrations-dir", str(folder), "migrate"),
        ],
        env={"DATABASE_URL": url, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"dbmate could not apply {folder}: {result.stderr.strip()}")
