"""ingest-service whole, on a database of its own: what its listeners answer, what it counts, and how it bears an outage."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from ingest_service import app
from ingest_service.edge.stripe_webhook import Limits
from tests.integration.ingest.service import SECRET, Whole, running, settings
from tests.postgres import MigratedServer


def event(identity: str, **more: object) -> dict[str, Any]:
    """An event that folding does not follow up."""
    given: dict[str, Any] = {
        "id": identity, "object": "event", "type": "customer.updated", "created": int(time.time()), "livemode": False,
        "api_version": "2026-10-28.endive", "data": {"object": {"id": "cus_1", "object": "customer"}},
    }  # fmt: skip
    return given | more


@pytest.fixture
async def whole(ingest_database_url: str, tmp_path: Path) -> AsyncIterator[Whole]:
    """With two accounts, of which one is connected."""
    accounts = tmp_path / "accounts.yaml"
    names = {"main": None, "connected": "acct_9"}
    accounts.write_text(json.dumps({"accounts": [
        {"id": name, "api_key": "sk_test_sandbox", "stripe_account": account, "webhook_secrets": [SECRET]}
        for name, account in names.items()
    ]}))  # fmt: skip
    async with running(settings(ingest_database_url, ingest_accounts_file=accounts)) as service:
        yield service


async def counted(whole: Whole, meter: str) -> dict[tuple[str, ...], float]:
    """A meter's values by its labels' values, in the order of their names."""
    _, text = await whole.admin("metrics")
    found = {}
    for labels, value in re.findall(rf"^{meter}{{(.*)}} (.+)$", text, re.MULTILINE):
        found[tuple(value for _, value in sorted(re.findall(r'(\w+)="([^"]*)"', labels)))] = float(value)
    return found


async def test_unknown_types_are_counted_as_ignored(whole: Whole) -> None:
    assert await whole.post(event("evt_1", type="price.created")) == 200
    assert await whole.post(event("evt_2")) == 200
    assert await whole.post(event("evt_2")) == 200
    assert await counted(whole, "ingest_events_total") == {("main", "ignored"): 1.0, ("main", "received"): 1.0}
    webhooks = await counted(whole, "ingest_webhooks_total")
    assert webhooks == {("main", "200", "other"): 1.0, ("main", "200", "customer.updated"): 2.0}


async def test_events_of_another_account_or_mode_are_counted_as_set_aside_and_wait_for_a_person(
    whole: Whole, ingest_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await whole.post(event("evt_1", livemode=True)) == 200
    assert await whole.post(event("evt_2", account="acct_7")) == 200
    assert await whole.post(event("evt_3"), path="/connected") == 200
    assert await whole.post(event("evt_4", account="acct_9"), path="/connected") == 200
    assert await counted(whole, "ingest_events_total") == {
        ("main", "set_aside"): 2.0, ("connected", "set_aside"): 1.0, ("connected", "received"): 1.0,
    }  # fmt: skip
    # a replica that starts now measures at once
    monkeypatch.setattr(app, "GAUGE_SECONDS", 0.05)
    async with running(settings(ingest_database_url)) as replica, asyncio.timeout(20):
        while await counted(replica, "ingest_set_aside") != {("main",): 2.0}:
            continue


async def test_no_listener_says_what_it_is_made_with(whole: Whole) -> None:
    ports = {whole.service.http_port, whole.service.admin_port, whole.service.console_port}
    assert len(ports) == 3
    for port in ports:
        for path in ("/", "/webhooks/stripe", "/metrics", "/api/events", "/none"):
            async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}{path}") as answer:
                assert "Server" not in answer.headers


async def test_it_lives_and_is_ready_until_it_stops(whole: Whole) -> None:
    assert await whole.admin("livez") == (200, "alive\n")
    assert await whole.admin("readyz") == (200, "ready\n")
    whole.service.loops.stopping.set()
    assert await whole.admin("readyz") == (503, "it is stopping\n")
    assert await whole.admin("livez") == (200, "alive\n")


async def test_a_loop_that_does_not_turn_makes_it_unready_and_is_named(whole: Whole) -> None:
    whole.service.loops.beat("sleeper")
    whole.service.loops._heartbeats["sleeper"].beat -= 60.0
    assert await whole.admin("readyz") == (503, "the loop sleeper does not turn\n")


async def test_while_the_database_is_down_webhooks_get_503_within_two_seconds_and_it_recovers_by_itself(
    whole: Whole, ingest_database_url: str, postgres_server: MigratedServer
) -> None:
    assert await whole.post(event("evt_0")) == 200
    name = urlsplit(ingest_database_url).path[1:]
    postgres_server.server.execute(
        f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
        f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}' AND backend_type = 'client backend'",
    )
    for number in range(10):  # each of the pool's connections finds out for itself
        began = time.monotonic()
        assert await whole.post(event(f"evt_{number}")) == 503
        assert time.monotonic() - began < 2.0
    status, said = await whole.admin("readyz")
    assert status == 503
    assert "the database does not answer" in said
    assert await whole.admin("livez") == (200, "alive\n")
    postgres_server.server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await whole.post(event("evt_0")) == 200
    assert await whole.post(event("evt_1")) == 200
    assert await counted(whole, "ingest_events_total") == {("main", "received"): 2.0}
    assert await whole.admin("readyz") == (200, "ready\n")


def test_the_limits_in_force_are_those_of_the_contract() -> None:
    assert Limits() == Limits(body_bytes=2 * 1024 * 1024, body_seconds=10.0, store_seconds=1.9)


@pytest.mark.timeout(60)
async def test_a_body_that_stalls_is_cut_off_after_ten_seconds_as_it_is_wired(whole: Whole) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", whole.service.http_port)
    began = time.monotonic()
    writer.write(b"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    async with asyncio.timeout(20):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
    writer.close()
    assert 9.9 < time.monotonic() - began < 15.0
