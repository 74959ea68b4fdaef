"""The loops by themselves: from a fact to an answered request, and still when told to stop; over mutual TLS too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
import trustme

from ingest_service.loops import Loops
from ingest_service.submitting.notify_client import NotifyClient, TryLater, connected, tls_of
from ingest_service.submitting.running import BELLS, add_loops
from ingest_service.wake import Bells
from notify.v1.service_pb2_grpc import add_NotificationServiceServicer_to_server
from tests.integration.ingest.planning.rows import Side
from tests.integration.ingest.planning.standin import Standin

Notify = tuple[Standin, NotifyClient]


@asynccontextmanager
async def looping(side: Side, client: NotifyClient) -> AsyncIterator[Bells]:
    """The loops of one replica, until the block ends."""
    loops, bells = Loops(), Bells(BELLS)
    add_loops(loops, bells, side.parts(client))
    try:
        yield bells
    finally:
        async with asyncio.timeout(10):
            await loops.close(5.0)


async def test_a_fact_is_planned_and_submitted_at_once_when_the_bell_rings(side: Side, notify: Notify) -> None:
    standin, client = notify
    async with looping(side, client) as bells:
        await side.fact()
        bells.ring("planning")
        async with asyncio.timeout(5):
            await standin.arrived.wait()
    assert [request.concern for request in standin.received] == ["invoice:in_1/unpaid"]


async def test_without_a_bell_the_queues_are_looked_at_anyway(side: Side, notify: Notify) -> None:
    standin, client = notify
    async with looping(side, client):
        await side.fact()
        async with asyncio.timeout(10):
            await standin.arrived.wait()
    assert len(standin.received) == 1


async def test_a_stop_ends_the_long_poll_and_everything_else_within_seconds(side: Side, notify: Notify) -> None:
    standin, client = notify
    pulled = asyncio.Event()

    async def hang(_request: object, _context: object) -> None:
        pulled.set()
        await asyncio.Event().wait()

    standin.pull = hang
    began = asyncio.get_running_loop().time()
    async with looping(side, client), asyncio.timeout(5):
        await pulled.wait()
    assert asyncio.get_running_loop().time() - began < 4.0


@pytest.fixture
def pki(tmp_path: Path) -> tuple[Path, Path, Path, trustme.LeafCert]:
    """A private CA, ingest's certificate and key, and notify's certificate."""
    ca = trustme.CA()
    ours, theirs = ca.issue_cert("ingest"), ca.issue_cert("localhost")
    paths = tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem"
    ca.cert_pem.write_to_path(str(paths[0]))
    ours.cert_chain_pems[0].write_to_path(str(paths[1]))
    ours.private_key_pem.write_to_path(str(paths[2]))
    return (*paths, theirs)


async def test_both_sides_show_a_certificate_and_without_one_nothing_goes(
    side: Side, pki: tuple[Path, Path, Path, trustme.LeafCert]
) -> None:
    ca, certificate, key, theirs = pki
    server, standin = grpc.aio.server(), Standin()
    add_NotificationServiceServicer_to_server(standin, server)
    pair = (theirs.private_key_pem.bytes(), theirs.cert_chain_pems[0].bytes())
    port = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([pair], root_certificates=ca.read_bytes(), require_client_auth=True)
    )
    await server.start()
    try:
        async with connected(f"localhost:{port}", tls_of(ca, certificate, key)) as client:
            await side.fact()
            await side.planning().turn()
            await side.submission(client).turn()
        assert len(standin.received) == 1
        async with connected(f"localhost:{port}", None) as client:
            with pytest.raises(TryLater):
                await client.submit([b""])
    finally:
        await server.stop(None)
    assert tls_of(None, None, None) is None
