"""A house for every test that folds."""

import base64
import os
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from ingest_service.accounts import Account
from ingest_service.sealing import Sealer, parse_keys
from ingest_service.stripe_reads import reading
from paybell_sandbox.app import running as running_sandbox
from paybell_sandbox.settings import Settings as SandboxSettings
from paybell_sandbox.stripe import STRIPE
from tests.integration.ingest.folding.house import House


@pytest.fixture
async def house(ingest_pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[House]:
    """A folder on real PostgreSQL and the sandbox's Stripe."""
    sealer = Sealer(parse_keys(f"k1:{base64.b64encode(os.urandom(32)).decode()}"))
    main = Account("main", None, False, "sk_test_x", ("whsec_x",), "US", "UTC", None)  # noqa: FBT003
    accounts = {"main": main, "live": replace(main, account_id="live", livemode=True, api_key="sk_live_x")}
    async with (
        running_sandbox(SandboxSettings(listen="127.0.0.1:0")) as box,
        reading(ingest_pool, accounts, api_base=box.stripe_api_base, per_second=100) as reads,
    ):
        yield House(ingest_pool, sealer, accounts, reads, box.app[STRIPE].api.log, box)
