"""Who may call: mutual TLS with our own authority, the caller named by the certificate."""

import asyncio
import contextlib
import datetime
import os
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme

from notify.v1 import service_pb2
from notify_service.settings import Settings
from tests.integration.notify import service
from tests.integration.notify.conftest import NOBODY
from tests.integration.notify.service import Client, now, request, stamp

SERVER = "notify-service"
LATER = now() + datetime.timedelta(minutes=100)


class Lot:
    """An authority and the files of a server."""

    def __init__(self, folder: Path) -> None:
        """Made anew."""
        self.folder, self.authority = folder, trustme.CA()
        self.authority.cert_pem.write_to_path(folder / "ca.pem")
        self.renew_server()

    def renew_server(self) -> bytes:
        """Puts a new certificate in the place of the server's."""
        issued = self.authority.issue_cert(SERVER, common_name=SERVER)
        for name, pem in (("key.pem", issued.private_key_pem), ("cert.pem", issued.cert_chain_pems[0])):
            pem.write_to_path(self.folder / f"{name}.new")
            (self.folder / f"{name}.new").replace(self.folder / name)
        return issued.cert_chain_pems[0].bytes()

    def client(self, *names: str, by: trustme.CA | None = None, **more: Any) -> grpc.ChannelCredentials:
        """A client's credentials, as if the authority had issued them."""
        issued = (by or self.authority).issue_cert(*names, **more)
        return grpc.ssl_channel_credentials(
            self.authority.cert_pem.bytes(), issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
        )


@pytest.fixture
def lot(tmp_path: Path) -> Lot:
    """Certificates."""
    return Lot(tmp_path)


def settings_of(url: str, lot: Lot, **more: Any) -> Settings:
    """With mutual TLS."""
    files = {f"grpc_tls_{name}": lot.folder / f"{name}.pem" for name in ("ca", "cert", "key")}
    return service.settings(url, NOBODY, grpc_insecure=False, **files, **more)


@contextlib.asynccontextmanager
async def calling(port: int, credentials: grpc.ChannelCredentials | None) -> AsyncIterator[Client]:
    """A caller of its own."""
    options = [("grpc.ssl_target_name_override", SERVER), ("grpc.use_local_subchannel_pool", 1)]
    target = f"127.0.0.1:{port}"
    channel = (
        grpc.aio.secure_channel(target, credentials, options)
        if credentials is not None
        else grpc.aio.insecure_channel(target, options)
    )
    async with channel:
        yield Client(channel)


async def refused(port: int, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    """The status that such a caller gets."""
    async with calling(port, credentials) as client:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client.submit(request())
        code: grpc.StatusCode = failed.value.code()
        return code


async def test_callers_are_scoped_by_the_name_in_their_certificate(notify_database_url: str, lot: Lot) -> None:
    async with service.running(settings_of(notify_database_url, lot)) as (running, _):
        async with calling(running.grpc_port, lot.client("ingest", common_name="ingest-service")) as ingest:
            [mine] = await ingest.submit(request("r-1", not_before=stamp(LATER)))
        async with calling(running.grpc_port, lot.client("shop")) as shop:
            [others] = await shop.submit(request("r-1", not_before=stamp(LATER)))
            assert (others.WhichOneof("result"), others.duplicate) == ("accepted", False)
            assert others.notification_id != mine.notification_id
            for key in ({"notification_id": mine.notification_id}, {"request_id": "r-2"}):
                with pytest.raises(grpc.aio.AioRpcError) as unseen:
                    await shop.stub.GetNotification(service_pb2.GetNotificationRequest(account_id="main", **key))
                assert unseen.value.code() is grpc.StatusCode.NOT_FOUND
            listed = await shop.stub.ListNotifications(service_pb2.ListNotificationsRequest(account_id="main"))
            assert [one.notification_id for one in listed.notifications] == [others.notification_id]
            cancel = service_pb2.CancelConcernRequest(
                account_id="main", concern="payment:r-1/receipt", as_of=stamp(LATER)
            )
            ended = await shop.stub.CancelConcern(cancel)
            assert [one.notification_id for one in ended.notifications] == [others.notification_id]
        # whatever other names it gains when it is renewed, it stays the same caller
        async with calling(running.grpc_port, lot.client("a", "zzz", common_name="ingest-service")) as renewed:
            [again] = await renewed.submit(request("r-3", not_before=stamp(LATER)))
            story = await renewed.stub.GetStory(service_pb2.GetStoryRequest(account_id="main", request_id="r-1"))
            assert story.stories[0].notification.notification_id == mine.notification_id
            assert "ingest-service asked" in story.stories[0].entries[0].sentence
            assert again.notification_id


async def test_plaintext_no_certificate_another_authority_and_an_expired_certificate_are_refused(
    notify_database_url: str, lot: Lot
) -> None:
    async with service.running(settings_of(notify_database_url, lot)) as (running, _):
        nobody = grpc.ssl_channel_credentials(lot.authority.cert_pem.bytes())
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        for credentials in (
            None,
            nobody,
            lot.client("ingest-service", by=trustme.CA()),
            lot.client("ingest-service", not_after=yesterday),
        ):
            assert await refused(running.grpc_port, credentials) is grpc.StatusCode.UNAVAILABLE
        async with calling(running.grpc_port, lot.client("ingest-service")) as client:
            assert (await client.submit(request()))[0].notification_id


async def test_only_the_callers_in_the_list_may_call(notify_database_url: str, lot: Lot) -> None:
    configured = settings_of(notify_database_url, lot, notify_grpc_callers="ingest-service, shop")
    async with service.running(configured) as (running, _):
        # a name among several counts, and the certificate of another service does not open the door
        async with calling(running.grpc_port, lot.client("shop", "other", common_name="other")) as client:
            assert (await client.submit(request()))[0].notification_id
        for name in (SERVER, "local", "shop.example"):
            assert await refused(running.grpc_port, lot.client(name)) is grpc.StatusCode.PERMISSION_DENIED


async def test_a_renewed_certificate_is_used_without_a_restart(notify_database_url: str, lot: Lot) -> None:
    async with service.running(settings_of(notify_database_url, lot)) as (running, _):
        renewed = lot.renew_server()
        context = ssl.create_default_context(cadata=lot.authority.cert_pem.bytes().decode())
        issued = lot.authority.issue_cert("ingest-service")
        issued.configure_cert(context)
        context.set_alpn_protocols(["h2"])
        _, writer = await asyncio.open_connection("127.0.0.1", running.grpc_port, ssl=context, server_hostname=SERVER)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        assert ssl.DER_cert_to_PEM_cert(shown).split() == renewed.decode().split()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grpc_insecure": False}, "GRPC_TLS_CA, GRPC_TLS_CERT and GRPC_TLS_KEY are needed"),
        ({"notify_grpc_listen": "0.0.0.0:50051"}, "must be a loopback address without TLS"),
        ({"grpc_tls_ca": Path("ca.pem")}, "belong together"),
    ],
)
def test_plaintext_is_served_only_to_this_machine_and_only_when_asked_for(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        service.settings("postgresql://x", NOBODY, **change)
    assert os.environ.get("GRPC_INSECURE") is None
