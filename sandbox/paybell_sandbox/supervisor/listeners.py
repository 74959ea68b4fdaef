"""Where each program of a run listens: where the settings say, else on its usual port, else on a free one."""

import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

USUAL = {
    "SANDBOX_LISTEN": 8070,
    "INGEST_HTTP_LISTEN": 8080,
    "NOTIFY_HTTP_LISTEN": 8081,
    "INGEST_CONSOLE_LISTEN": 8090,
    "INGEST_ADMIN_LISTEN": 9080,
    "NOTIFY_ADMIN_LISTEN": 9081,
    "NOTIFY_GRPC_LISTEN": 50051,
}
"""The usual port of each listener, all on 127.0.0.1."""


class ListenerTakenError(RuntimeError):
    """A port that the settings ask for belongs to somebody else."""


def choose(settings: Mapping[str, str], names: Iterable[str] = tuple(USUAL)) -> dict[str, str]:
    """`host:port` for each listener. All are held until all are chosen, so that no two get the same."""
    chosen: dict[str, str] = {}
    with ExitStack() as held:
        for name in names:
            wanted = settings.get(name)
            if wanted:
                host, _, port = wanted.rpartition(":")
                if not _hold(held, host.strip("[]"), int(port)):
                    raise ListenerTakenError(
                        f"{name}={wanted} cannot be used: another program listens there. End it, or choose another."
                    )
                chosen[name] = wanted
            else:
                number = _hold(held, "127.0.0.1", USUAL[name]) or _hold(held, "127.0.0.1", 0)
                chosen[name] = f"127.0.0.1:{number}"
    return chosen


def _hold(held: ExitStack, host: str, port: int) -> int | None:
    """Binds the port until the stack closes; its number, or None where somebody has it."""
    probe = held.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free, as it is to a server
    try:
        probe.bind((host, port))
    except OSError:
        return None
    return int(probe.getsockname()[1])


def url(listen: str) -> str:
    """The HTTP address of a listener, as this machine reaches it."""
    host, _, port = listen.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 - recognised
