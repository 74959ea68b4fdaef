"""The service whole, with nobody at the other end of Twilio: for what comes before sending."""

from collections.abc import AsyncIterator

import pytest

from notify_service import app
from notify_service.settings import Settings
from tests.integration.notify import service
from tests.integration.notify.service import Client

NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def quiet_settings(notify_database_url: str) -> Settings:
    """Settings of a service that reaches no Twilio."""
    return service.settings(notify_database_url, NOBODY)


@pytest.fixture
async def quiet(quiet_settings: Settings) -> AsyncIterator[tuple[app.RunningService, Client]]:
    """The running service and a caller."""
    async with service.running(quiet_settings) as running:
        yield running


@pytest.fixture
def caller(quiet: tuple[app.RunningService, Client]) -> Client:
    """A caller of the running service."""
    return quiet[1]
