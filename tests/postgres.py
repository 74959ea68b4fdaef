"""The one PostgreSQL of a test run, and a fresh, migrated database of either service for whoever asks.

A service's schema is made once, as a template; each test's database is a copy of it, made in some 50 ms.
"""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import ingest_service.database
import notify_service.database
from paybell_sandbox.supervisor.postgres import EmbeddedPostgres, Login

Service = Literal["ingest", "notify"]
SERVICES: tuple[Service, ...] = ("ingest", "notify")
MIGRATE = {"ingest": ingest_service.database.migrate, "notify": notify_service.database.migrate}


@dataclass
class MigratedServer:
    """A server, and for each service the login that owns its template."""

    server: EmbeddedPostgres
    templates: dict[Service, Login] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    def prepare(cls, server: EmbeddedPostgres) -> Self:
        """Makes each service's role, and its template as the service itself makes it: migrations and days."""
        prepared = cls(server)
        for service in SERVICES:
            owner = server.create_service(service)
            template = server.create_database(replace(owner, database=f"{service}_template"))
            asyncio.run(MIGRATE[service](server.url(template)))
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
