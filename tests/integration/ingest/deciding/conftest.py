"""A desk for every test of decisions."""

from collections.abc import AsyncIterator

import pytest

from ingest_service.stripe_writes import writing
from tests.integration.ingest.deciding.desk import Desk
from tests.integration.ingest.folding.house import House
from tests.integration.ingest.planning.standin import serving


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    """With the shipped rules in force, and Stripe's own client for writes."""
    async with (
        serving() as (standin, notify),
        writing(house.accounts, api_base=house.box.stripe_api_base) as writes,
    ):
        desk = Desk(house, standin, notify, writes)
        await desk.rules()
        yield desk
