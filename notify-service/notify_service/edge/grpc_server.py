"""The gRPC listener: limits, identity, health, reflection."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from notify.v1 import service_pb2
from notify_service.edge.grpc_strict import Strict
from notify_service.edge.notification_rpc import SERVICE
from notify_service.settings import Settings

LARGEST_MESSAGE = 1024 * 1024
MOST_CALLS = 256

OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", 4 * LARGEST_MESSAGE),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", MOST_CALLS),
    # clients may ping every 30 s to notice a dead path, also between calls
    ("grpc.http2.min_ping_interval_without_data_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # connections are renewed, so that a rotated certificate and a new replica are found
    ("grpc.max_connection_age_ms", 30 * 60_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.so_reuseport", 0),
]


@dataclass
class GrpcServer:
    """A server that is being made, runs, and drains."""

    server: grpc.aio.Server
    health: health.aio.HealthServicer
    port: int

    async def serving(self) -> None:
        """Says that it takes calls."""
        for name in ("", SERVICE):
            await self.health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self, grace_seconds: float) -> None:
        """Refuses new calls and lets those under way end."""
        await self.health.enter_graceful_shutdown()
        await self.server.stop(grace_seconds)


def credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Mutual TLS whose certificates are read anew for each connection, so that a rotation needs no restart; None without TLS."""
    if settings.grpc_tls_cert is None or settings.grpc_tls_key is None or settings.grpc_tls_ca is None:
        return None
    read = _reader(settings.grpc_tls_key, settings.grpc_tls_cert, settings.grpc_tls_ca)
    return grpc.dynamic_ssl_server_credentials(read(), read, require_client_authentication=True)


def _reader(key: Path, certificate: Path, authority: Path) -> Callable[[], grpc.ServerCertificateConfiguration]:
    def read() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration(
            [(key.read_bytes(), certificate.read_bytes())], root_certificates=authority.read_bytes()
        )

    return read


async def start(settings: Settings, handler: grpc.GenericRpcHandler) -> GrpcServer:
    """Listens.

    Raises:
        RuntimeError: where the address is taken.
    """
    server = grpc.aio.server(interceptors=[Strict()], options=OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
    server.add_generic_rpc_handlers((handler,))
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if settings.notify_grpc_reflection:
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        assert service_pb2.DESCRIPTOR.services_by_name["NotificationService"].full_name == SERVICE
        reflection.enable_server_reflection(names, server)
    tls = credentials(settings)
    if tls is None:
        port = server.add_insecure_port(settings.notify_grpc_listen)
    else:
        port = server.add_secure_port(settings.notify_grpc_listen, tls)
    await server.start()
    return GrpcServer(server, servicer, port)
